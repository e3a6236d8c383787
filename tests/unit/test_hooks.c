/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/hooks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

#define SH(script)                       \
	(const char *const[])            \
	{                                \
		"sh", "-c", script, NULL \
	}

static int run(const char *const *argv, const char *const *envp, unsigned timeout_s,
	const char *state, struct err *err)
{
	struct hook hook = {"/bin/sh", argv, envp, timeout_s};

	return hook_run(&hook, state, strlen(state), err);
}

START_TEST(passes_state_arguments_and_environment)
{
	const char *const envp[] = {"ONLY=this", NULL};
	struct err err = ERR_INIT;

	ck_assert_int_eq(
		run(SH("test \"$(cat)\" = '{\"id\":\"x\"}'"), NULL, 0, "{\"id\":\"x\"}", &err), 0);
	ck_assert_int_eq(run(SH("test $ONLY = this && test -z $HOME"), envp, 0, "", &err), 0);
	ck_assert_int_eq(run(SH("test $0 = name && test $1 = arg"), NULL, 0, "", &err), -ECHILD);
	ck_assert_int_eq(run((const char *const[]){"sh", "-c", "test $0 = name && test $1 = arg",
				     "name", "arg", NULL},
				 NULL, 0, "", &err),
		0);
}
END_TEST

START_TEST(path_is_the_only_argument_when_none_are_given)
{
	struct hook hook = {"/bin/true", NULL, NULL, 0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(hook_run(&hook, "", 0, &err), 0);
}
END_TEST

START_TEST(large_state_arrives_whole)
{
	struct err err = ERR_INIT;
	size_t len = 3000000;
	char *state = malloc(len);
	struct hook hook = {"/bin/sh", SH("test $(wc -c) = 3000000"), NULL, 0};

	memset(state, 'x', len);
	ck_assert_int_eq(hook_run(&hook, state, len, &err), 0);
	/* Nobody reads: neither a block nor a SIGPIPE. */
	hook.argv = SH("exit 0");
	ck_assert_int_eq(hook_run(&hook, state, len, &err), 0);
	free(state);
}
END_TEST

START_TEST(failure_names_path_status_and_output)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(
		run(SH("echo first; echo no such net >&2; exit 3"), NULL, 0, "", &err), -ECHILD);
	ck_assert_str_eq(err.msg, "hook '/bin/sh': exit status 3: first no such net");
	ck_assert_int_eq(run(SH("kill -TERM $$"), NULL, 0, "", &err), -ECHILD);
	ck_assert_str_eq(err.msg, "hook '/bin/sh': killed by signal 15");
}
END_TEST

START_TEST(only_the_tail_of_much_output_is_kept)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(
		run(SH("head -c 500000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1"), NULL,
			0, "", &err),
		-ECHILD);
	ck_assert_ptr_nonnull(strstr(err.msg, "xxx the end"));
	ck_assert_uint_lt(strlen(err.msg), 400);
}
END_TEST

START_TEST(missing_program_is_reported)
{
	struct hook hook = {"/nowhere/hook", NULL, NULL, 0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(hook_run(&hook, "", 0, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "hook '/nowhere/hook': execve: No such file or directory");
}
END_TEST

START_TEST(timeout_kills_the_group)
{
	struct err err = ERR_INIT;
	char pid_text[64] = "", script[128];
	int fds[2];
	pid_t sleeper;
	ssize_t n;

	ck_assert_int_eq(pipe(fds), 0);
	snprintf(script, sizeof(script), "sleep 1000 & echo $! >/proc/%d/fd/%d; wait", getpid(),
		fds[1]);
	ck_assert_int_eq(run(SH(script), NULL, 1, "", &err), -ETIMEDOUT);
	ck_assert_str_eq(err.msg, "hook '/bin/sh': killed after its timeout of 1 s");
	n = read(fds[0], pid_text, sizeof(pid_text) - 1);
	ck_assert_int_gt(n, 0);
	sleeper = (pid_t)strtol(pid_text, NULL, 10);
	/* Its new parent may take a while to reap it; a zombie is dead enough. */
	for (int i = 0; i < 500; i++) {
		char path[64], state = 'Z';
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)sleeper);
		f = fopen(path, "re");
		if (!f)
			return;
		ck_assert_int_eq(fscanf(f, "%*d %*s %c", &state), 1);
		fclose(f);
		if (state == 'Z')
			return;
		usleep(10000);
	}
	ck_abort_msg("the hook's child %d outlived the timeout", (int)sleeper);
}
END_TEST

START_TEST(background_process_does_not_delay)
{
	struct err err = ERR_INIT;

	/* It holds our pipe for as long as we do, and ends with it by SIGPIPE. */
	ck_assert_int_eq(
		run(SH("while :; do echo x; sleep 0.1; done & exit 0"), NULL, 0, "", &err), 0);
}
END_TEST

START_TEST(other_children_are_left_alone)
{
	struct err err = ERR_INIT;
	pid_t other = fork();
	int status;

	if (other == 0)
		_exit(7);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	ck_assert_int_eq(run(SH("exit 0"), NULL, 0, "", &err), 0);
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(works_with_sigchld_ignored_and_standard_fds_closed)
{
	struct err err = ERR_INIT;
	struct sigaction now;

	signal(SIGCHLD, SIG_IGN);
	close(0);
	ck_assert_int_eq(
		run(SH("test \"$(cat)\" = state; exit $((40 + $?))"), NULL, 0, "state", &err),
		-ECHILD);
	ck_assert_ptr_nonnull(strstr(err.msg, "exit status 40"));
	sigaction(SIGCHLD, NULL, &now);
	ck_assert(now.sa_handler == SIG_IGN);
}
END_TEST

START_TEST(hook_starts_with_default_signals_and_no_other_fds)
{
	struct err err = ERR_INIT;
	int leak = dup(2);

	ck_assert_int_gt(leak, 2);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(run(SH("grep -q '^SigIgn:.*0000000000000000$' /proc/self/status || exit 1;"
				"for fd in /proc/$$/fd/*; do case $fd in */[012]|*/10) ;; "
				"*) readlink $fd && exit 2;; esac; done; exit 0"),
				 NULL, 0, "", &err),
		0);
	close(leak);
}
END_TEST

START_TEST(lists_stop_or_go_on)
{
	const struct hook hooks[] = {
		{"/bin/true", NULL, NULL, 0},
		{"/bin/false", NULL, NULL, 0},
		{"/nowhere/hook", NULL, NULL, 0},
	};
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	struct err err = ERR_INIT;

	ck_assert_int_eq(hooks_run("prestart", hooks, 1, "", 0, &err), 0);
	ck_assert_int_eq(hooks_run("prestart", hooks, 3, "", 0, &err), -ECHILD);
	ck_assert_str_eq(err.msg, "prestart: hook '/bin/false': exit status 1");
	hooks_run_all("poststop", hooks, 3, "", 0, &warnings);
	ck_assert_str_eq(warnings.data,
		"poststop: hook '/bin/false': exit status 1\n"
		"poststop: hook '/nowhere/hook': execve: No such file or directory\n");
}
END_TEST

UNIT_MAIN("hooks", passes_state_arguments_and_environment,
	path_is_the_only_argument_when_none_are_given, large_state_arrives_whole,
	failure_names_path_status_and_output, only_the_tail_of_much_output_is_kept,
	missing_program_is_reported, timeout_kills_the_group, background_process_does_not_delay,
	other_children_are_left_alone, works_with_sigchld_ignored_and_standard_fds_closed,
	hook_starts_with_default_signals_and_no_other_fds, lists_stop_or_go_on)
