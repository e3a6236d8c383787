/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a copy of the process may rely on: a loop that was closed before the fork leaves
 * no descriptor, a new one in the child works, and one that was open is refused.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/loop.h"
#include "tests/unit/unit.h"

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void on_fire(void *data)
{
	(*(int *)data)++;
}

static void on_signal(void *data, int signal)
{
	(void)signal;
	(*(int *)data)++;
}

/* 0 when a loop in this process fires its timer and hears its signal. */
static int use_loop(void)
{
	struct loop l = {0};
	struct err err;
	int fired = 0, heard = 0;
	struct loop_timer t = {.fn = on_fire, .data = &fired};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (loop_init(&l, &err) < 0 || loop_watch_signals(&l, &set, on_signal, &heard, &err) < 0)
		return 1;
	raise(SIGUSR2);
	loop_timer_start(&l, &t, 1000000);
	if (loop_run(&l, &err) < 0)
		return 2;
	loop_close(&l);
	return fired == 1 && heard == 1 ? 0 : 3;
}

static int wait_for(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(closed_loop_leaves_nothing)
{
	unsigned before = count_fds();
	int status;
	pid_t pid;

	ck_assert_int_eq(use_loop(), 0);
	ck_assert_uint_eq(count_fds(), before);
	pid = fork();
	if (pid == 0)
		_exit(count_fds() == before ? use_loop() : 9);
	status = wait_for(pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	/* The parent's next loop does not notice that there was a child. */
	ck_assert_int_eq(use_loop(), 0);
}
END_TEST

START_TEST(open_loop_of_the_parent_is_refused)
{
	const struct rlimit none = {0, 0};
	struct loop l = {0};
	struct err err;
	int status;
	pid_t pid;

	ck_assert_int_eq(loop_init(&l, &err), 0);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		fclose(stderr);
		loop_run(&l, &err);
		_exit(0);
	}
	status = wait_for(pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	loop_close(&l);
}
END_TEST

UNIT_MAIN("loop_fork", closed_loop_leaves_nothing, open_loop_of_the_parent_is_refused)
