/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/box/cgroup.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/turf-test-record-XXXXXX";
static int dir_fd = -1;

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
}

static void remove_dir(void)
{
	(void)unlinkat(dir_fd, RECORD_FILE, 0);
	close(dir_fd);
	ck_assert_int_eq(rmdir(dir), 0);
}

static const char *const args[] = {"hook", "a \"quoted\" word", NULL};
static const char *const env[] = {"A=b", NULL};
static const struct oci_hook hooks[] = {
	{.path = "/bin/one", .args = args, .env = env, .timeout = {true, 7}},
	{.path = "/bin/two"},
};
static const struct cgroup_path cgroups[] = {
	{"memory", "/sys/fs/cgroup/memory/x"},
	{"pids:found", "/sys/fs/cgroup/pids/x"},
};
static const struct oci_pair annotations[] = {{"k", "v"}, {"other", ""}};

static struct record example(void)
{
	return (struct record){
		.id = "box-1",
		.reached = OCI_STATUS_CREATED,
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.created = "2026-01-02T03:04:05.000000006Z",
		.owner_uid = 1234567,
		.init = {1234, 18446744073709551615u},
		.payload = RECORD_WARM,
		.seed = "default",
		.no_new_keyring = true,
		.user_ns = 4026531837,
		.cgroups = cgroups,
		.n_cgroups = 2,
		.poststart = hooks + 1,
		.n_poststart = 1,
		.poststop = hooks,
		.n_poststop = 2,
		.annotations = annotations,
		.n_annotations = 2,
	};
}

START_TEST(comes_back_as_it_was)
{
	const struct record r = example();
	_cleanup_record_ struct record back = {0};
	struct err err = ERR_INIT;
	struct stat st;

	make_dir();
	ck_assert_int_eq(record_write(dir_fd, &r, &err), 0);
	ck_assert_int_eq(fstatat(dir_fd, RECORD_FILE, &st, 0), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_msg(record_read(dir_fd, &back, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(back.id, r.id);
	ck_assert_str_eq(back.bundle, r.bundle);
	ck_assert_str_eq(back.rootfs, r.rootfs);
	ck_assert_str_eq(back.created, r.created);
	ck_assert_uint_eq(back.owner_uid, r.owner_uid);
	ck_assert_int_eq(back.reached, r.reached);
	ck_assert_int_eq(back.init.pid, r.init.pid);
	ck_assert(back.init.start_time == r.init.start_time);
	ck_assert_int_eq(back.payload, r.payload);
	ck_assert_str_eq(back.seed, r.seed);
	ck_assert(back.no_new_keyring);
	ck_assert(back.user_ns == r.user_ns);
	ck_assert_uint_eq(back.n_cgroups, 2);
	ck_assert_str_eq(back.cgroups[1].controller, "pids:found");
	ck_assert_str_eq(back.cgroups[1].path, cgroups[1].path);
	ck_assert_uint_eq(back.n_poststart, 1);
	ck_assert_str_eq(back.poststart[0].path, "/bin/two");
	ck_assert(!back.poststart[0].args && !back.poststart[0].timeout.set);
	ck_assert_uint_eq(back.n_poststop, 2);
	ck_assert_str_eq(back.poststop[0].args[1], args[1]);
	ck_assert_ptr_null(back.poststop[0].args[2]);
	ck_assert_str_eq(back.poststop[0].env[0], "A=b");
	ck_assert_int_eq(back.poststop[0].timeout.value, 7);
	ck_assert_uint_eq(back.n_annotations, 2);
	ck_assert_str_eq(back.annotations[0].value, "v");
	remove_dir();
}
END_TEST

START_TEST(half_made_one_has_no_pid)
{
	struct record r = example();
	_cleanup_record_ struct record back = {0};
	struct err err = ERR_INIT;

	make_dir();
	ck_assert_int_eq(record_read(dir_fd, &back, &err), -ENOENT);
	r.reached = OCI_STATUS_CREATING;
	r.init = (struct proc_id){0, 0};
	r.seed = NULL;
	r.n_cgroups = r.n_poststart = r.n_poststop = r.n_annotations = 0;
	ck_assert_int_eq(record_write(dir_fd, &r, &err), 0);
	ck_assert_msg(record_read(dir_fd, &back, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(back.init.pid, 0);
	ck_assert_int_eq(back.reached, OCI_STATUS_CREATING);
	ck_assert_ptr_null(back.seed);
	remove_dir();
}
END_TEST

/* Writes the example with one piece of its text replaced, and returns what reading says. */
static int read_changed(const char *from, const char *to, struct err *err)
{
	const struct record r = example();
	_cleanup_record_ struct record back = {0};
	_cleanup_free_ char *text = NULL;
	char changed[4096];
	size_t len;
	char *at;

	ck_assert_int_eq(record_write(dir_fd, &r, err), 0);
	ck_assert_int_eq(file_read(dir_fd, RECORD_FILE, 4096, &text, &len, err), 0);
	at = strstr(text, from);
	ck_assert_msg(at != NULL, "'%s' is not in: %s", from, text);
	len = (size_t)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		at + strlen(from));
	ck_assert_int_eq(file_write_atomic(dir_fd, RECORD_FILE, changed, len, 0600, err), 0);
	return record_read(dir_fd, &back, err);
}

START_TEST(what_we_did_not_write_is_refused)
{
	static const struct {
		const char *from, *to, *expect;
	} changes[] = {
		{"\"pid\":1234", "\"pid\":-1", "state.json: pid: not a process id"},
		{"\"pid\":1234", "\"pid\":0", "state.json: pid: not a process id"},
		{"\"pid\":1234", "\"pid\":\"1\"", "state.json: pid: "},
		{"\"status\":\"created\"", "\"status\":\"running\"", "state.json: status: "},
		{"\"status\":\"created\"", "\"status\":\"x\"", "state.json: status: "},
		{"\"payload\":\"warm\"", "\"payload\":\"hot\"", "state.json: payload: "},
		{"\"cgroups\":[", "\"cgroups\":[1,", "state.json: cgroups[0]"},
		{"\"poststop\":[", "\"x\":[", "state.json: poststop: missing"},
		{"\"ownerUid\":1234567", "\"ownerUid\":-1", "state.json: ownerUid: "},
		{"{", "[", "state.json: line "},
		{"}", "", "state.json: "},
	};
	struct err err = ERR_INIT;

	make_dir();
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		ck_assert_int_eq(read_changed(changes[i].from, changes[i].to, &err), -EINVAL);
		ck_assert_msg(str_after(err.msg, changes[i].expect) != NULL, "%s", err.msg);
	}
	remove_dir();
}
END_TEST

START_TEST(state_has_the_shape_of_runc)
{
	const struct record r = example();
	_cleanup_buf_ struct buf out = BUF_INIT, hook = BUF_INIT;
	struct err err = ERR_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	record_write_state(&r, OCI_STATUS_STOPPED, &w);
	ck_assert_str_eq(out.data,
		"{\"ociVersion\":\"" OCI_VERSION "\",\"id\":\"box-1\",\"status\":\"stopped\","
		"\"bundle\":\"/b\",\"annotations\":{\"k\":\"v\",\"other\":\"\"},\"pid\":0,"
		"\"rootfs\":\"/b/rootfs\",\"created\":\"2026-01-02T03:04:05.000000006Z\","
		"\"owner\":\"1234567\"}"); /* a user without a name */
	ck_assert_int_eq(record_hook_state(&r, OCI_STATUS_CREATING, 99, &hook, &err), 0);
	ck_assert_ptr_nonnull(strstr(hook.data, "\"status\":\"creating\""));
	ck_assert_ptr_nonnull(strstr(hook.data, "\"pid\":99"));
}
END_TEST

UNIT_MAIN("record", comes_back_as_it_was, half_made_one_has_no_pid,
	what_we_did_not_write_is_refused, state_has_the_shape_of_runc)
