/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "tests/unit/shim_rig.h"

struct told {
	int times;
	int status;
};

static struct err err;

static void on_exit_told(void *arg, int status)
{
	struct told *t = arg;

	t->times++;
	t->status = status;
}

static void start(void)
{
	ck_assert_int_eq(child_start_reaping(&err), 0);
}

/* True while there is such a process, or its zombie. */
static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static bool is_zombie(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

static struct child *execute(const char *script, const int *fds, bool hands_over, struct told *told)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	const int none[] = {-1, -1, -1};
	struct child_program program = {
		.argv = argv, .fds = fds ? fds : none, .n_fds = 3, .hands_over = hands_over};
	struct child *c;

	*told = (struct told){0};
	c = child_execute(&program, on_exit_told, told, &err);
	ck_assert_msg(c != NULL, "%s", err.msg);
	return c;
}

/* A child of its own that ends when it is told to. */
static pid_t fork_sleeper(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		pause();
		_exit(1);
	}
	return pid;
}

START_TEST(an_end_is_told_once)
{
	struct told a, b;

	start();
	execute("exit 7", NULL, false, &a);
	execute("kill -9 $$", NULL, false, &b);
	LOOP_UNTIL(a.times && b.times);
	rig_settle();
	ck_assert_int_eq(a.times, 1);
	ck_assert_int_eq(b.times, 1);
	ck_assert(WIFEXITED(a.status) && WEXITSTATUS(a.status) == 7);
	ck_assert(WIFSIGNALED(b.status) && WTERMSIG(b.status) == 9);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(orphans_are_reaped)
{
	struct told told;
	char text[32] = "";
	int fds[2], given[3];
	pid_t orphan;

	start();
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	given[0] = given[2] = -1;
	given[1] = fds[1];
	/* It outlives its parent, and is nobody's then. */
	execute("sleep 0.1 >&- & echo $!", given, false, &told);
	LOOP_UNTIL(told.times);
	ck_assert_int_gt(read(fds[0], text, sizeof(text) - 1), 0);
	orphan = (pid_t)strtol(text, NULL, 10);
	ck_assert_int_gt(orphan, 0);
	LOOP_UNTIL(!exists(orphan));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(who_is_awaited_is_not_taken_for_an_orphan)
{
	struct told told = {0};
	struct child *c;
	pid_t pid;

	start();
	pid = fork_sleeper();
	c = child_watch(pid, on_exit_told, &told, &err);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(child_pid(c), pid);
	/* SIGCHLD and the pidfd tell of it in whichever order. */
	ck_assert_int_eq(child_signal(c, SIGHUP), 0);
	LOOP_UNTIL(is_zombie(pid) || told.times);
	LOOP_UNTIL(told.times);
	ck_assert(WIFSIGNALED(told.status) && WTERMSIG(told.status) == SIGHUP);
	rig_settle();
	ck_assert_int_eq(told.times, 1);
	ck_assert(!exists(pid));
}
END_TEST

START_TEST(no_orphan_is_reaped_while_a_program_may_hand_it_over)
{
	struct told told, handed = {0};
	int fds[2], given[3];
	struct child *c;
	pid_t pid;

	start();
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	given[0] = fds[0];
	given[1] = given[2] = -1;
	execute("read x; exit 0", given, true, &told);
	/* It ends before anybody asks for it. */
	pid = fork_sleeper();
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	LOOP_UNTIL(is_zombie(pid));
	rig_settle();
	ck_assert(is_zombie(pid));
	c = child_watch(pid, on_exit_told, &handed, &err);
	ck_assert_ptr_nonnull(c);
	LOOP_UNTIL(handed.times);
	ck_assert(WIFSIGNALED(handed.status) && WTERMSIG(handed.status) == SIGKILL);
	ck_assert_int_eq(told.times, 0);
	/* What nobody asked for is reaped when the program has ended. */
	pid = fork_sleeper();
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	LOOP_UNTIL(is_zombie(pid));
	ck_assert_int_eq(write(fds[1], "\n", 1), 1);
	LOOP_UNTIL(told.times);
	LOOP_UNTIL(!exists(pid));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(who_looks_for_orphans_first_tells_of_the_end)
{
	struct told told = {0}, none = {0};
	struct child *c, *other;
	siginfo_t info;
	pid_t pid;

	start();
	pid = fork_sleeper();
	c = child_watch(pid, on_exit_told, &told, &err);
	other = child_watch(getppid(), on_exit_told, &none, &err);
	ck_assert(c && other);
	ck_assert_int_eq(child_signal(c, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	/* That looks for orphans, before the loop has turned. */
	child_drop(&other);
	rig_settle();
	ck_assert_int_eq(told.times, 1);
	ck_assert(WIFSIGNALED(told.status) && WTERMSIG(told.status) == SIGKILL);
	ck_assert_int_eq(none.times, 0);
}
END_TEST

START_TEST(one_that_is_dropped_is_an_orphan)
{
	struct told told = {0};
	struct child *c, *none = NULL;
	pid_t pid;

	start();
	pid = fork_sleeper();
	c = child_watch(pid, on_exit_told, &told, &err);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(child_signal(c, SIGKILL), 0);
	child_drop(&c);
	ck_assert_ptr_null(c);
	child_drop(&none);
	LOOP_UNTIL(!exists(pid));
	ck_assert_int_eq(told.times, 0);
}
END_TEST

START_TEST(somebody_elses_child_has_no_status)
{
	struct told told = {0};
	int fds[2];
	pid_t parent, pid;
	struct child *c;

	/* Not reaping yet, so that it stays its parent's. */
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	parent = fork();
	ck_assert_int_ge(parent, 0);
	if (parent == 0) {
		pid = fork_sleeper();
		if (write(fds[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		waitpid(pid, NULL, 0);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	start();
	c = child_watch(pid, on_exit_told, &told, &err);
	ck_assert_ptr_nonnull(c);
	ck_assert_int_eq(child_signal(c, SIGKILL), 0);
	LOOP_UNTIL(told.times);
	ck_assert_int_eq(told.status, -1);
	LOOP_UNTIL(!exists(pid));
	ck_assert_ptr_null(child_watch(pid, on_exit_told, &told, &err));
	ck_assert_int_eq(err.code, ESRCH);
	kill(parent, SIGKILL);
	LOOP_UNTIL(!exists(parent));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(descriptors_come_in_their_order_and_no_others)
{
	struct told told;
	const char *argv[] = {"sh", "-c",
		"echo in-$(cat) >&4; echo err >&2; cat <&5 >&4; ls /proc/self/fd | tr '\\n' ' ' "
		">&4",
		NULL};
	int in[2], out[2], more[2];
	char text[256] = "";
	struct child_program program = {.argv = argv, .n_fds = 6};
	int given[6];

	start();
	/* Those of whoever runs the test. */
	ck_assert_int_eq(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(more, O_CLOEXEC), 0);
	ck_assert_int_eq(write(in[1], "x", 1), 1);
	ck_assert_int_eq(write(more[1], "more\n", 5), 5);
	close(in[1]);
	close(more[1]);
	given[0] = in[0];
	given[1] = given[3] = -1;
	given[2] = out[1];
	given[4] = out[1];
	given[5] = more[0];
	program.fds = given;
	told = (struct told){0};
	ck_assert_ptr_nonnull(child_execute(&program, on_exit_told, &told, &err));
	LOOP_UNTIL(told.times);
	ck_assert_int_eq(told.status, 0);
	ck_assert_int_gt(read(out[0], text, sizeof(text) - 1), 0);
	/* The last one is that of `ls` itself. */
	ck_assert_str_eq(text, "in-x\nerr\nmore\n0 1 2 3 4 5 6 ");
	close(in[0]);
	close(out[0]);
	close(out[1]);
	close(more[0]);
}
END_TEST

START_TEST(signals_are_as_at_a_login)
{
	struct told told;
	sigset_t all;

	start();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&all);
	sigaddset(&all, SIGUSR1);
	sigprocmask(SIG_BLOCK, &all, NULL);
	execute("kill -USR1 $$; exit 1", NULL, false, &told);
	LOOP_UNTIL(told.times);
	ck_assert(WIFSIGNALED(told.status) && WTERMSIG(told.status) == SIGUSR1);
	execute("kill -PIPE $$; exit 1", NULL, false, &told);
	LOOP_UNTIL(told.times);
	ck_assert(WIFSIGNALED(told.status) && WTERMSIG(told.status) == SIGPIPE);
}
END_TEST

START_TEST(a_program_that_is_missing_is_an_error)
{
	const char *argv[] = {"/nowhere/program", NULL};
	const int fds[] = {-1, -1, -1};
	struct child_program program = {.argv = argv, .fds = fds, .n_fds = 3};
	struct told told = {0};

	start();
	ck_assert_ptr_null(child_execute(&program, on_exit_told, &told, &err));
	ck_assert_int_eq(err.code, ENOENT);
	rig_settle();
	ck_assert_int_eq(told.times, 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

UNIT_MAIN("shim child", an_end_is_told_once, orphans_are_reaped,
	who_is_awaited_is_not_taken_for_an_orphan,
	no_orphan_is_reaped_while_a_program_may_hand_it_over, one_that_is_dropped_is_an_orphan,
	who_looks_for_orphans_first_tells_of_the_end, somebody_elses_child_has_no_status,
	descriptors_come_in_their_order_and_no_others, signals_are_as_at_a_login,
	a_program_that_is_missing_is_an_error)
