/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/bootstrap.h"

#include <errno.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "shim/message.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct bootstrap got;
static struct err err;

static int read_bytes(const void *data, size_t len)
{
	err = (struct err)ERR_INIT;
	return bootstrap_read(data, len, "id", "ns", &arena, &got, &err);
}

static int read_message(const ProtobufCMessage *m)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	message_write(m, &bytes);
	return read_bytes(bytes.data, bytes.len);
}

static void expect_plain_address(void)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	bootstrap_answer(&got, "/run/containerd/s/x", &out);
	ck_assert_str_eq(out.data, "unix:///run/containerd/s/x");
}

START_TEST(nothing_is_fine)
{
	ck_assert_int_eq(read_bytes("", 0), 0);
	ck_assert_ptr_null(got.params);
	ck_assert_ptr_null(got.settings);
	expect_plain_address();
}
END_TEST

START_TEST(settings_of_either_kind_get_a_plain_address)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT, more = BUF_INIT;
	Pb__RuncOptions runc = PB__RUNC_OPTIONS__INIT;
	Pb__RuntimeOptions text = PB__RUNTIME_OPTIONS__INIT;
	Pb__Any any;

	runc.binary_name = "crun";
	message_write_any(&any, "containerd.runc.v1.Options", &runc.base, &scratch);
	ck_assert_int_eq(read_message(&any.base), 0);
	ck_assert_ptr_null(got.params);
	ck_assert_str_eq(got.settings->binary_name, "crun");
	expect_plain_address();
	text.config_body.data = (uint8_t *)"BinaryName = 'runc'";
	text.config_body.len = 19;
	message_write_any(&any, "runtimeoptions.v1.Options", &text.base, &more);
	ck_assert_int_eq(read_message(&any.base), 0);
	ck_assert_ptr_null(got.params);
	ck_assert_str_eq(got.settings->binary_name, "runc");
	expect_plain_address();
	arena_finish(&arena);
}
END_TEST

START_TEST(params_are_answered_with_version_3)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT, out = BUF_INIT;
	Pb__BootstrapParams params = PB__BOOTSTRAP_PARAMS__INIT;
	Pb__Extension other = PB__EXTENSION__INIT, extension = PB__EXTENSION__INIT;
	Pb__Extension *extensions[] = {&other, &extension};
	Pb__RuncOptions runc = PB__RUNC_OPTIONS__INIT;
	const Pb__BootstrapResult *result;
	Pb__Any any;

	runc.root = "/run/r";
	message_write_any(&any, "x/containerd.runc.v1.Options", &runc.base, &scratch);
	extension.value = &any;
	params.instance_id = "id";
	params.namespace_ = "ns";
	params.log_level = -4;
	params.socket_dir = "/run/s";
	params.extensions = extensions;
	params.n_extensions = 2;
	ck_assert_int_eq(read_message(&params.base), 0);
	ck_assert_ptr_nonnull(got.params);
	ck_assert_int_eq(got.params->log_level, -4);
	ck_assert_str_eq(got.params->socket_dir, "/run/s");
	ck_assert_str_eq(got.params->ttrpc_address, "");
	ck_assert_str_eq(got.settings->root, "/run/r");
	bootstrap_answer(&got, "/run/s/x", &out);
	result = message_read(&pb__bootstrap_result__descriptor, out.data, out.len, &arena);
	ck_assert_ptr_nonnull(result);
	ck_assert_int_eq(result->version, 3);
	ck_assert_str_eq(result->address, "unix:///run/s/x");
	ck_assert_str_eq(result->protocol, "ttrpc");
	arena_finish(&arena);
}
END_TEST

START_TEST(params_of_another_container_are_none)
{
	Pb__BootstrapParams params = PB__BOOTSTRAP_PARAMS__INIT;

	params.instance_id = "other";
	params.namespace_ = "ns";
	ck_assert_int_eq(read_message(&params.base), 0);
	ck_assert_ptr_null(got.params);
	params.instance_id = "id";
	params.namespace_ = "other";
	ck_assert_int_eq(read_message(&params.base), 0);
	ck_assert_ptr_null(got.params);
	expect_plain_address();
	arena_finish(&arena);
}
END_TEST

START_TEST(garbage_is_an_error)
{
	static const char *const bad[] = {"\xff",
		"\x0a\x05"
		"ab",
		"{\"version\":3}", "\x0a"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(read_bytes(bad[i], strlen(bad[i])), -EINVAL);
		ck_assert_ptr_null(got.params);
		ck_assert_str_eq(err.msg, "standard input holds neither settings of a runtime nor "
					  "what containerd 2.3 sends");
	}
	arena_finish(&arena);
}
END_TEST

START_TEST(settings_that_cannot_be_read_are_an_error)
{
	Pb__Any any = PB__ANY__INIT;

	any.type_url = "containerd.runc.v1.Options";
	any.value.data = (uint8_t *)"\x0a";
	any.value.len = 1;
	ck_assert_int_eq(read_message(&any.base), -EINVAL);
	ck_assert_str_eq(err.msg, "the settings of the runtime cannot be read");
	arena_finish(&arena);
}
END_TEST

UNIT_MAIN("shim bootstrap", nothing_is_fine, settings_of_either_kind_get_a_plain_address,
	params_are_answered_with_version_3, params_of_another_container_are_none,
	garbage_is_an_error, settings_that_cannot_be_read_are_an_error)
