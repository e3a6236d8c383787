/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "seed/report.h"
#include "tests/unit/unit.h"

/* What a worker is for who asks: an answer to each signal that has a number. */
static pid_t worker_start(const char *answer)
{
	sigset_t set;
	siginfo_t info;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, REPORT_SIGNAL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		while (sigwaitinfo(&set, &info) == REPORT_SIGNAL) {
			uint64_t number = (uintptr_t)info.si_value.sival_ptr;
			char text[64];

			snprintf(text, sizeof(text), "%s %s", answer,
				report_wants_json(number) ? "json" : "text");
			report_answer(number, text, strlen(text));
		}
		_exit(1);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return pid;
}

static void worker_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* report_print() with stdout in a pipe. */
static int print(const struct report_options *o, char *ret, size_t size, struct err *err)
{
	int out = dup(STDOUT_FILENO), ends[2], r;
	ssize_t n;

	ck_assert(out >= 0 && pipe(ends) == 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	r = report_print(o, err);
	dup2(out, STDOUT_FILENO);
	close(out);
	n = fd_read_all(ends[0], ret, size - 1);
	close(ends[0]);
	ck_assert(n >= 0);
	ret[n] = '\0';
	return r;
}

START_TEST(words_are_a_format_and_a_pid)
{
	static const char *const bad[][3] = {
		{"--frob"}, {"1", "2"}, {"0"}, {"-1"}, {"1x"}, {""}, {"99999999999"}, {" 1"}};
	struct report_options o = {.pid = 5};
	struct err err;

	ck_assert_int_eq(report_parse((const char *const[]){NULL}, &o, &err), 0);
	ck_assert(o.pid == 5 && !o.json);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_int_eq(report_parse(bad[i], &o, &err), -EINVAL);
		ck_assert(o.pid == 5 && !o.json);
	}
	ck_assert_int_eq(report_parse((const char *const[]){"7", "--json", NULL}, &o, &err), 0);
	ck_assert(o.pid == 7 && o.json);
}
END_TEST

START_TEST(who_is_asked_answers)
{
	struct report_options o = {.pid = worker_start("of the worker,")};
	struct err err = ERR_INIT;
	char text[64];

	ck_assert_msg(print(&o, text, sizeof(text), &err) == 0, "%s", err.msg);
	ck_assert_str_eq(text, "of the worker, text");
	o.json = true;
	ck_assert_msg(print(&o, text, sizeof(text), &err) == 0, "%s", err.msg);
	ck_assert_str_eq(text, "of the worker, json");
	worker_end(o.pid);
	ck_assert_int_eq(print(&o, text, sizeof(text), &err), -ESRCH);
}
END_TEST

/* It has seen the number, and is quicker than the worker, which never answers. */
START_TEST(nobody_else_can_answer)
{
	struct report_options o = {.pid = fork()};
	struct err err = ERR_INIT;
	char text[64];

	if (o.pid == 0) {
		sigset_t set;
		siginfo_t info;

		sigemptyset(&set);
		sigaddset(&set, REPORT_SIGNAL);
		sigprocmask(SIG_BLOCK, &set, NULL);
		while (sigwaitinfo(&set, &info) == REPORT_SIGNAL)
			if (fork() == 0) {
				report_answer((uintptr_t)info.si_value.sival_ptr, "forged", 6);
				_exit(0);
			} else {
				wait(NULL);
			}
		_exit(1);
	}
	ck_assert_int_eq(print(&o, text, sizeof(text), &err), -ETIMEDOUT);
	ck_assert_str_eq(text, "");
	ck_assert_ptr_nonnull(strstr(err.msg, "did not answer within 5 s"));
	worker_end(o.pid);
}
END_TEST

/* Nothing happens to a process that does not know the signal, or where nobody listens. */
START_TEST(the_question_is_harmless)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	ck_assert_int_eq(sigqueue(pid, REPORT_SIGNAL, (union sigval){.sival_int = 1}), 0);
	report_answer(4711, "nobody", 6);
	poll(NULL, 0, 20);
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
	worker_end(pid);
}
END_TEST

START_TEST(inner_pid_is_that_of_its_namespace)
{
	struct err err = ERR_INIT;
	pid_t inner = 0;

	ck_assert_msg(proc_inner_pid(getpid(), &inner, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(inner, getpid());
	ck_assert_int_eq(proc_inner_pid(INT32_MAX, &inner, &err), -ENOENT);
}
END_TEST

UNIT_MAIN("report", words_are_a_format_and_a_pid, who_is_asked_answers, nobody_else_can_answer,
	the_question_is_harmless, inner_pid_is_that_of_its_namespace)
