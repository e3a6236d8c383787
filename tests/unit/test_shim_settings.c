/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "shim/message.h"
#include "tests/unit/unit.h"

static struct arena arena;
static Pb__RuncOptions got;

/* From a block of exactly its size, so that a sanitizer sees the first byte too many. */
static int parse(const char *text, struct err *err)
{
	char *copy = strdup(text);
	int r;

	pb__runc_options__init(&got);
	*err = (struct err)ERR_INIT;
	r = settings_parse(copy, &arena, &got, err);
	free(copy);
	return r;
}

START_TEST(every_key_is_known)
{
	struct err err;

	ck_assert_int_eq(parse("BinaryName = \"/usr/bin/runc\"\n"
			       "Root = \"/run/x\"\n"
			       "ShimCgroup = \"/pods\"\n"
			       "CriuImagePath = \"/i\"\n"
			       "CriuWorkPath = \"/w\"\n"
			       "SystemdCgroup = true\n"
			       "NoPivotRoot = true\n"
			       "NoNewKeyring = true\n"
			       "IoUid = 1000\n"
			       "IoGid = 4294967295\n",
				 &err),
		0);
	ck_assert_str_eq(got.binary_name, "/usr/bin/runc");
	ck_assert_str_eq(got.root, "/run/x");
	ck_assert_str_eq(got.shim_cgroup, "/pods");
	ck_assert_str_eq(got.criu_image_path, "/i");
	ck_assert_str_eq(got.criu_work_path, "/w");
	ck_assert(got.systemd_cgroup && got.no_pivot_root && got.no_new_keyring);
	ck_assert_uint_eq(got.io_uid, 1000);
	ck_assert_uint_eq(got.io_gid, UINT32_MAX);
	arena_finish(&arena);
}
END_TEST

START_TEST(spelling_is_free_where_toml_is)
{
	struct err err;

	ck_assert_int_eq(parse("# BinaryName = \"no\"\r\n"
			       "\r\n"
			       "[plugins.\"x\".options] # a table\n"
			       "\t Root='/a\\b'# literal\r\n"
			       "BinaryName\t=\t\"a \\\"b\\\" \\\\c\"  # why\n"
			       "SystemdCgroup=false\n"
			       "Others = [\"x\",\n"
			       "  \"y\"]\n"
			       "BinaryNames = 3\n"
			       "NoPivotRoot = true",
				 &err),
		0);
	ck_assert_str_eq(got.root, "/a\\b");
	ck_assert_str_eq(got.binary_name, "a \"b\" \\c");
	ck_assert(!got.systemd_cgroup && got.no_pivot_root);
	ck_assert_int_eq(parse("", &err), 0);
	ck_assert_int_eq(parse("Root = \"\"\n", &err), 0);
	ck_assert_uint_eq(protobuf_c_message_get_packed_size(&got.base), 0);
	arena_finish(&arena);
}
END_TEST

START_TEST(later_lines_win)
{
	struct err err;

	ck_assert_int_eq(parse("IoUid = 1\nRoot = \"/a\"\nIoUid = 2\nRoot = \"/b\"\n", &err), 0);
	ck_assert_uint_eq(got.io_uid, 2);
	ck_assert_str_eq(got.root, "/b");
	arena_finish(&arena);
}
END_TEST

START_TEST(errors_name_the_line)
{
	static const struct {
		const char *text, *msg;
	} bad[] = {
		{"\n\nRoot = /x\n", "line 3: the value of 'Root' is not understood"},
		{"# x\nIoUid = many\n", "line 2: the value of 'IoUid' is not understood"},
		{"NoPivotRoot = yes\n", "line 1: the value of 'NoPivotRoot' is not understood"},
	};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(parse(bad[i].text, &err), -EINVAL);
		ck_assert_str_eq(err.msg, bad[i].msg);
	}
	arena_finish(&arena);
}
END_TEST

START_TEST(what_is_no_value_is_refused)
{
	static const char *const bad[] = {"Root =", "Root =\n", "Root = \"", "Root = '",
		"Root = \"x", "Root = \"x\n\"", "Root = \"x' ", "Root = \"x\" y", "Root = \"\\n\"",
		"Root = \"\\", "Root = x", "Root = true",
		"NoPivotRoot =", "NoPivotRoot = ", "NoPivotRoot = truer", "NoPivotRoot = \"true\"",
		"NoPivotRoot = 1", "IoUid =", "IoUid = ", "IoUid = -1", "IoUid = +1", "IoUid = 1x",
		"IoUid = 0x1", "IoUid = 4294967296", "IoUid = 99999999999999999999",
		"IoUid = \"1\"", "IoUid =\n5\n"};
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(parse(bad[i], &err) == -EINVAL, "'%s' is taken", bad[i]);
	arena_finish(&arena);
}
END_TEST

static int read_any(
	const char *type, const ProtobufCMessage *m, Pb__RuncOptions **ret, struct err *err)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	Pb__Any any;

	message_write_any(&any, type, m, &scratch);
	*err = (struct err)ERR_INIT;
	return settings_read(&any, &arena, ret, err);
}

START_TEST(options_of_runc_are_taken_as_they_are)
{
	Pb__RuncOptions in = PB__RUNC_OPTIONS__INIT, *out;
	struct err err;

	in.binary_name = "crun";
	in.systemd_cgroup = true;
	ck_assert_int_eq(read_any("containerd.runc.v1.Options", &in.base, &out, &err), 0);
	ck_assert_ptr_nonnull(out);
	ck_assert_str_eq(out->binary_name, "crun");
	ck_assert_str_eq(out->root, "");
	ck_assert(out->systemd_cgroup);
	arena_finish(&arena);
}
END_TEST

START_TEST(text_comes_along_or_from_a_file)
{
	Pb__RuntimeOptions in = PB__RUNTIME_OPTIONS__INIT;
	char path[] = "/tmp/turf-settings-XXXXXX";
	int fd = mkstemp(path);
	Pb__RuncOptions *out;
	struct err err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, "Root = \"/file\"\n", 15), 0);
	close(fd);
	in.config_path = path;
	ck_assert_int_eq(read_any("a/runtimeoptions.v1.Options", &in.base, &out, &err), 0);
	ck_assert_str_eq(out->root, "/file");
	in.config_body.data = (uint8_t *)"Root = '/body'";
	in.config_body.len = 14;
	ck_assert_int_eq(read_any("runtimeoptions.v1.Options", &in.base, &out, &err), 0);
	ck_assert_str_eq(out->root, "/body");
	in.config_body.data = (uint8_t *)"\nIoUid = x";
	in.config_body.len = 10;
	in.config_path = "/here";
	ck_assert_int_eq(read_any("runtimeoptions.v1.Options", &in.base, &out, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "settings of the runtime in /here: line 2: the value of 'IoUid' "
				  "is not understood");
	in.config_body.len = 0;
	in.config_path = "/nowhere/at/all";
	ck_assert_int_eq(read_any("runtimeoptions.v1.Options", &in.base, &out, &err), -ENOENT);
	in.config_path = "";
	ck_assert_int_eq(read_any("runtimeoptions.v1.Options", &in.base, &out, &err), 0);
	ck_assert_str_eq(out->binary_name, "");
	unlink(path);
	arena_finish(&arena);
}
END_TEST

START_TEST(other_types_are_no_settings)
{
	Pb__RuncOptions in = PB__RUNC_OPTIONS__INIT, *out = &in;
	Pb__Any broken = PB__ANY__INIT;
	struct err err;

	ck_assert_int_eq(read_any("some.other.Options", &in.base, &out, &err), 0);
	ck_assert_ptr_null(out);
	out = &in;
	ck_assert_int_eq(settings_read(NULL, &arena, &out, &err), 0);
	ck_assert_ptr_null(out);
	broken.type_url = "containerd.runc.v1.Options";
	broken.value.data = (uint8_t *)"\xff";
	broken.value.len = 1;
	ck_assert_int_eq(settings_read(&broken, &arena, &out, &err), -EINVAL);
	broken.type_url = "runtimeoptions.v1.Options";
	ck_assert_int_eq(settings_read(&broken, &arena, &out, &err), -EINVAL);
	ck_assert_ptr_null(out);
	arena_finish(&arena);
}
END_TEST

UNIT_MAIN("shim settings", every_key_is_known, spelling_is_free_where_toml_is, later_lines_win,
	errors_name_the_line, what_is_no_value_is_refused, options_of_runc_are_taken_as_they_are,
	text_comes_along_or_from_a_file, other_types_are_no_settings)
