/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stdin is a memfd and not a pipe: a hook that never reads cannot block us, one
 * that ends early cannot raise SIGPIPE, and there are no short writes. What the
 * hook prints goes into a pipe of which only the tail is kept.
 */
#include "runtime/box/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"

/* How much of a failed hook's output an error quotes. */
#define HOOK_TAIL_MAX 240

struct hook_tail {
	char data[HOOK_TAIL_MAX + 1];
	size_t len;
};

struct hook_pipes {
	int state;	/* memfd */
	int output[2];	/* of the hook */
	int failure[2]; /* errno of a failed execve; closed by a successful one */
};

static void hook_pipes_finish(struct hook_pipes *p)
{
	fd_close(&p->state);
	fd_close(&p->output[0]);
	fd_close(&p->output[1]);
	fd_close(&p->failure[0]);
	fd_close(&p->failure[1]);
}

static int hook_pipes_init(
	struct hook_pipes *p, const char *state, size_t state_len, struct err *err)
{
	int r;

	p->state = memfd_create("turf-state", MFD_CLOEXEC);
	if (p->state < 0)
		return err_set(err, errno, "memfd_create");
	r = fd_write_all(p->state, state, state_len);
	if (r < 0)
		return err_set(err, -r, "write the state");
	if (lseek(p->state, 0, SEEK_SET) < 0)
		return err_set(err, errno, "lseek");
	if (pipe2(p->output, O_CLOEXEC) < 0 || pipe2(p->failure, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe2");
	if (fcntl(p->output[0], F_SETFL, O_NONBLOCK) < 0 ||
		fcntl(p->failure[0], F_SETFL, O_NONBLOCK) < 0)
		return err_set(err, errno, "fcntl");
	return 0;
}

/* dup2() onto itself would keep O_CLOEXEC, so the sources are moved out of the way first. */
static int child_redirect(const struct hook_pipes *p)
{
	int in = fcntl(p->state, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(p->output[1], F_DUPFD_CLOEXEC, 3);
	int failure = fcntl(p->failure[1], F_DUPFD_CLOEXEC, 3);

	if (in < 0 || out < 0 || failure < 0)
		return -1;
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return -1;
	return failure;
}

static _Noreturn void child_exec_hook(const struct hook *hook, const struct hook_pipes *p)
{
	const char *const just_path[] = {hook->path, NULL};
	const char *const nothing[] = {NULL};
	const char *const *argv = hook->argv && hook->argv[0] ? hook->argv : just_path;
	const char *const *envp = hook->envp ? hook->envp : nothing;
	int failure, code;

	/* A group of its own, so that a timeout ends a shell's children too. */
	(void)setpgid(0, 0);
	proc_reset_signals(PROC_ALL_SIGNALS);

	failure = child_redirect(p);
	if (failure >= 0) {
		(void)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
		execve(hook->path, (char *const *)argv, (char *const *)envp);
		code = errno;
		(void)!write(failure, &code, sizeof(code));
	}
	_exit(127);
}

static int hook_spawn(const struct hook *hook, const struct hook_pipes *p, pid_t *ret_pid,
	int *ret_pidfd, struct err *err)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return err_set(err, errno, "clone3");
	if (pid == 0)
		child_exec_hook(hook, p);
	/* In both processes: whichever comes first. EACCES after its execve is fine. */
	(void)setpgid(pid, pid);
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

static void tail_append(struct hook_tail *t, const char *data, size_t len)
{
	size_t keep;

	if (len > HOOK_TAIL_MAX) {
		data += len - HOOK_TAIL_MAX;
		len = HOOK_TAIL_MAX;
	}
	keep = t->len < HOOK_TAIL_MAX - len ? t->len : HOOK_TAIL_MAX - len;
	memmove(t->data, t->data + t->len - keep, keep);
	memcpy(t->data + keep, data, len);
	t->len = keep + len;
}

/* Reads what is there. False when nothing will ever follow. */
static bool tail_read(struct hook_tail *t, int fd)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n > 0)
			tail_append(t, chunk, (size_t)n);
		else if (errno != EINTR)
			return errno == EAGAIN;
	}
	return false;
}

/* One line, because it becomes part of a sentence. */
static const char *tail_text(struct hook_tail *t)
{
	while (t->len > 0 && strchr(" \t\r\n", t->data[t->len - 1]))
		t->len--;
	for (size_t i = 0; i < t->len; i++)
		if ((unsigned char)t->data[i] < ' ' || t->data[i] == 0x7f)
			t->data[i] = ' ';
	t->data[t->len] = '\0';
	return t->data;
}

/* Keeps the pipe empty until the hook exits. 0, -ETIMEDOUT, or another negative errno. */
static int hook_wait(int pidfd, int output, unsigned timeout_s, struct hook_tail *tail)
{
	int64_t deadline = timeout_s ? clock_ms() + (int64_t)timeout_s * 1000 : -1;
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - clock_ms();

		if (deadline >= 0 && left <= 0)
			return -ETIMEDOUT;
		if (left > INT32_MAX)
			left = INT32_MAX;
		if (poll(fds, ARRAY_SIZE(fds), (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents && !tail_read(tail, output))
			fds[1].fd = -1;
		if (fds[0].revents)
			return 0;
		fds[1].revents = 0;
	}
}

static int hook_judge(const siginfo_t *status, int failure, struct hook_tail *tail, struct err *err)
{
	int code = 0;

	if (read(failure, &code, sizeof(code)) == (ssize_t)sizeof(code) && code > 0)
		return err_set(err, code, "execve");
	if (status->si_code == CLD_EXITED && status->si_status == 0)
		return 0;
	tail_text(tail);
	return err_say(err, ECHILD, "%s %d%s%s",
		status->si_code == CLD_EXITED ? "exit status" : "killed by signal",
		status->si_status, tail->len ? ": " : "", tail->data);
}

static int hook_reap(pid_t pid, int pidfd, int waited, siginfo_t *ret, struct err *err)
{
	if (waited < 0) {
		(void)kill(-pid, SIGKILL);
		(void)proc_pidfd_signal(pidfd, SIGKILL);
	}
	while (waitid(P_PIDFD, (id_t)pidfd, ret, WEXITED) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "waitid");
	return 0;
}

static int hook_run_with(
	const struct hook *hook, struct hook_pipes *p, struct hook_tail *tail, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	siginfo_t status = {0};
	pid_t pid = 0;
	int r, waited;

	r = hook_spawn(hook, p, &pid, &pidfd, err);
	if (r < 0)
		return r;
	fd_close(&p->output[1]);
	fd_close(&p->failure[1]);

	waited = hook_wait(pidfd, p->output[0], hook->timeout_s, tail);
	r = hook_reap(pid, pidfd, waited, &status, err);
	if (r < 0)
		return r;
	(void)tail_read(tail, p->output[0]);
	if (waited == -ETIMEDOUT) {
		tail_text(tail);
		return err_say(err, ETIMEDOUT, "killed after its timeout of %u s%s%s",
			hook->timeout_s, tail->len ? ": " : "", tail->data);
	}
	if (waited < 0)
		return err_set(err, -waited, "poll");
	return hook_judge(&status, p->failure[0], tail, err);
}

int hook_run(const struct hook *hook, const char *state, size_t state_len, struct err *err)
{
	struct hook_pipes pipes = {-1, {-1, -1}, {-1, -1}};
	struct hook_tail tail = {.len = 0};
	struct sigaction dfl = {.sa_handler = SIG_DFL}, before;
	int r;

	/* With SIGCHLD ignored, as it may have been inherited, the kernel keeps no exit status. */
	if (sigaction(SIGCHLD, NULL, &before) < 0)
		return err_set(err, errno, "sigaction");
	if (before.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &dfl, NULL);

	r = hook_pipes_init(&pipes, state, state_len, err);
	if (r == 0)
		r = hook_run_with(hook, &pipes, &tail, err);
	hook_pipes_finish(&pipes);

	if (before.sa_handler == SIG_IGN)
		sigaction(SIGCHLD, &before, NULL);
	return r < 0 ? err_wrap(err, "hook '%s'", hook->path) : 0;
}

int hooks_run(const char *kind, const struct hook *hooks, size_t n, const char *state,
	size_t state_len, struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (hook_run(&hooks[i], state, state_len, err) < 0)
			return err_wrap(err, "%s", kind);
	return 0;
}

void hooks_run_all(const char *kind, const struct hook *hooks, size_t n, const char *state,
	size_t state_len, struct buf *warnings)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = ERR_INIT;

		if (hook_run(&hooks[i], state, state_len, &err) < 0)
			buf_printf(warnings, "%s: %s\n", kind, err.msg);
	}
}
