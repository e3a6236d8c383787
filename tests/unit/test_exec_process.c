/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_process.h"

#include <errno.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/options.h"
#include "tests/unit/unit.h"

static const struct option_strings none;

static const char *const own_env[] = {"A=1", "B=2", "AB=3", NULL};
static const char *const own_args[] = {"init", NULL};
static const char *const own_caps[] = {"CAP_KILL", NULL};
static const uint32_t own_groups[] = {5};
static const struct oci_capabilities own_sets = {
	.bounding = own_caps, .effective = own_caps, .permitted = own_caps, .ambient = own_caps};
static const struct oci_console_size own_size = {3, 4};
static const struct oci_process own = {
	.terminal = true,
	.console_size = &own_size,
	.user = {.uid = 1, .gid = 2, .additional_gids = own_groups, .n_additional_gids = 1},
	.cwd = "/own",
	.env = own_env,
	.args = own_args,
	.capabilities = &own_sets,
	.no_new_privileges = true,
	.apparmor_profile = "own",
};

static const char *const args[] = {"ls", NULL};

/* Nothing but a command. */
#define WISHES .args = args, .groups = &none, .env = &none, .caps = &none

START_TEST(what_is_not_said_is_the_containers)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	const struct exec_wishes wishes = {WISHES};
	struct err err = ERR_INIT;
	const struct oci_process *p;

	ck_assert_int_eq(exec_process_make(&own, &wishes, &made, &err), 0);
	p = made.process;
	ck_assert_ptr_eq(p->args, args);
	/* But for the terminal, which has to be asked for. */
	ck_assert(!p->terminal && !p->console_size);
	ck_assert(p->user.uid == 1 && p->user.gid == 2 && p->user.n_additional_gids == 1);
	ck_assert_str_eq(p->cwd, "/own");
	ck_assert_ptr_eq(p->env, own_env);
	ck_assert_ptr_eq(p->capabilities, &own_sets);
	ck_assert(p->no_new_privileges && streq(p->apparmor_profile, "own"));
}
END_TEST

START_TEST(a_container_may_have_no_process)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	const struct exec_wishes wishes = {WISHES};
	struct err err = ERR_INIT;

	ck_assert_int_eq(exec_process_make(NULL, &wishes, &made, &err), 0);
	ck_assert_str_eq(made.process->cwd, "/");
	ck_assert_ptr_null(made.process->env);
}
END_TEST

START_TEST(the_last_of_a_variable_counts)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	static const char *list[] = {"A=x", "C=", "A=y", NULL};
	const struct option_strings env = {list, 3};
	struct exec_wishes wishes = {WISHES};
	struct err err = ERR_INIT;

	wishes.env = &env;
	ck_assert_int_eq(exec_process_make(&own, &wishes, &made, &err), 0);
	ck_assert_str_eq(made.process->env[0], "B=2");
	ck_assert_str_eq(made.process->env[1], "AB=3");
	ck_assert_str_eq(made.process->env[2], "C=");
	ck_assert_str_eq(made.process->env[3], "A=y");
	ck_assert_ptr_null(made.process->env[4]);
}
END_TEST

START_TEST(capabilities_are_never_inheritable)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	static const char *list[] = {"CAP_CHOWN", NULL};
	const struct option_strings caps = {list, 1};
	struct exec_wishes wishes = {WISHES};
	struct err err = ERR_INIT;
	const struct oci_capabilities *c;

	wishes.caps = &caps;
	ck_assert_int_eq(exec_process_make(&own, &wishes, &made, &err), 0);
	c = made.process->capabilities;
	ck_assert(streq(c->bounding[0], "CAP_KILL") && streq(c->bounding[1], "CAP_CHOWN"));
	ck_assert(streq(c->effective[1], "CAP_CHOWN") && streq(c->permitted[1], "CAP_CHOWN"));
	ck_assert_ptr_null(c->inheritable);
	ck_assert_ptr_null(c->ambient[1]);
	/* The container's own are as they were. */
	ck_assert_ptr_null(own_caps[1]);
}
END_TEST

START_TEST(groups_are_added)
{
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	static const char *list[] = {"7", "4294967294", NULL};
	const struct option_strings groups = {list, 2};
	struct exec_wishes wishes = {WISHES};
	struct err err = ERR_INIT;

	wishes.groups = &groups;
	ck_assert_int_eq(exec_process_make(&own, &wishes, &made, &err), 0);
	ck_assert_uint_eq(made.process->user.n_additional_gids, 3);
	ck_assert_uint_eq(made.process->user.additional_gids[0], 5);
	ck_assert_uint_eq(made.process->user.additional_gids[2], 4294967294u);
	list[0] = "7x";
	ck_assert_int_eq(exec_process_make(&own, &wishes, &made, &err), -EINVAL);
}
END_TEST

START_TEST(users_are_numbers)
{
	static const char *const bad[] = {"", ":", "root", "0x0", "-1", "+1", " 1", "1 ",
		"1:", ":1", "1:2:3", "1:x", "4294967295", "4294967296", "99999999999999999999",
		"1:4294967295"};
	uint32_t uid = 11, gid = 22;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(exec_parse_user(bad[i], &uid, &gid, &err), -EINVAL);
		ck_assert(uid == 11 && gid == 22);
	}
	ck_assert_int_eq(exec_parse_user("7", &uid, &gid, &err), 0);
	ck_assert(uid == 7 && gid == 22);
	ck_assert_int_eq(exec_parse_user("0:4294967294", &uid, &gid, &err), 0);
	ck_assert(uid == 0 && gid == 4294967294u);
}
END_TEST

START_TEST(a_file_leaves_rights_to_the_container)
{
	static const char text[] =
		"{\"user\":{\"uid\":3,\"gid\":4},\"cwd\":\"/f\",\"args\":[\"x\"]}";
	_cleanup_exec_process_ struct exec_process made = EXEC_PROCESS_INIT;
	struct exec_wishes wishes = {WISHES};
	char path[] = "/tmp/turf-exec-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	struct err err = ERR_INIT;
	int r;

	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
	wishes.file = path;
	wishes.process_label = "given";
	r = exec_process_make(&own, &wishes, &made, &err);
	unlink(path);
	ck_assert_msg(r == 0, "%s", err.msg);
	ck_assert(made.process->user.uid == 3 && streq(made.process->cwd, "/f"));
	ck_assert_str_eq(made.process->args[0], "x");
	ck_assert_ptr_null(made.process->env);
	ck_assert_ptr_eq(made.process->capabilities, &own_sets);
	ck_assert_str_eq(made.process->apparmor_profile, "own");
	ck_assert_str_eq(made.process->selinux_label, "given");
	ck_assert(!made.process->no_new_privileges);
}
END_TEST

UNIT_MAIN("exec_process", what_is_not_said_is_the_containers, a_container_may_have_no_process,
	the_last_of_a_variable_counts, capabilities_are_never_inheritable, groups_are_added,
	users_are_numbers, a_file_leaves_rights_to_the_container)
