/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "shim/loop.h"
#include "shim/pod.h"

struct child {
	struct child *next;
	pid_t pid;
	struct watch *watch;
	bool hands_over;
	child_exit_fn *fn;
	void *arg;
};

static struct child *children;
static size_t n_handing_over;
static uv_signal_t sigchld;

static void unlink_child(struct child *c)
{
	struct child **p = &children;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	n_handing_over -= c->hands_over;
	watch_drop(&c->watch);
}

static struct child *find_child(pid_t pid)
{
	for (struct child *c = children; c; c = c->next)
		if (c->pid == pid)
			return c;
	return NULL;
}

static void reap_orphans(void);

/* False when it has not ended yet. */
static bool child_reap(struct child *c)
{
	struct child old = *c;
	int status;
	pid_t pid = waitpid(c->pid, &status, WNOHANG);

	if (pid == 0 || (pid < 0 && errno != ECHILD))
		return false;
	unlink_child(c);
	free(c);
	old.fn(old.arg, pid < 0 ? -1 : status);
	return true;
}

static void on_pidfd(void *arg, int events)
{
	bool handed_over = ((struct child *)arg)->hands_over;

	if (child_reap(arg) && handed_over)
		reap_orphans();
}

/* The child that ended first is looked at before it is decided who reaps it. */
static void reap_orphans(void)
{
	while (n_handing_over == 0) {
		siginfo_t info = {0};
		struct child *c;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
			return;
		c = find_child(info.si_pid);
		if (c)
			child_reap(c);
		else
			waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void on_sigchld(uv_signal_t *handle, int sig)
{
	reap_orphans();
}

int child_start_reaping(struct err *err)
{
	int r;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "become a subreaper");
	uv_signal_init(uv_default_loop(), &sigchld);
	r = uv_signal_start(&sigchld, on_sigchld, SIGCHLD);
	if (r < 0)
		return err_set(err, -r, "watch for children");
	return 0;
}

static struct child *watch(
	pid_t pid, bool hands_over, child_exit_fn *fn, void *arg, struct err *err)
{
	_cleanup_free_ struct child *c = calloc(1, sizeof(*c));
	int fd;

	if (!c) {
		err_oom(err);
		return NULL;
	}
	fd = proc_pidfd_open(pid);
	if (fd < 0) {
		err_set(err, -fd, "open process %d", (int)pid);
		return NULL;
	}
	*c = (struct child){
		.next = children, .pid = pid, .hands_over = hands_over, .fn = fn, .arg = arg};
	c->watch = watch_fd(fd, UV_READABLE, on_pidfd, c, err);
	if (!c->watch)
		return NULL;
	children = c;
	n_handing_over += hands_over;
	return take_ptr(&c);
}

struct child *child_watch(pid_t pid, child_exit_fn *fn, void *arg, struct err *err)
{
	return watch(pid, false, fn, arg, err);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_signal(const struct child *c, int sig)
{
	return proc_pidfd_signal(watch_descriptor(c->watch), sig);
}

void child_drop(struct child **c)
{
	struct child *old = take_ptr(c);

	if (!old)
		return;
	unlink_child(old);
	free(old);
	reap_orphans();
}

/* The descriptors are above those that they become, or the actions would overwrite each other. */
static int lift_fds(const int *fds, size_t n, int *lifted)
{
	for (size_t i = 0; i < n; i++) {
		lifted[i] = fds[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC)
				       : fcntl(fds[i], F_DUPFD_CLOEXEC, (int)n);
		if (lifted[i] >= 0 && lifted[i] < (int)n) {
			int low = lifted[i];

			lifted[i] = fcntl(low, F_DUPFD_CLOEXEC, (int)n);
			close(low);
		}
		if (lifted[i] < 0)
			return -errno;
	}
	return 0;
}

/*
 * Shares our memory until it executes: the caller stands still. A program that makes
 * containers does not outlive the shim, or it would make one after `delete` has looked.
 */
static _Noreturn void child_become(const struct child_program *program, const int *lifted,
	pid_t parent, volatile int *ret_errno)
{
	for (size_t i = 0; i < program->n_fds; i++)
		if (dup2(lifted[i], (int)i) < 0)
			goto fail;
	if (program->hands_over && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
					   pod_child_leave() < 0))
		goto fail;
	proc_reset_signals(PROC_ALL_SIGNALS);
	execvpe(program->argv[0], (char *const *)program->argv,
		program->env ? (char *const *)program->env : environ);
fail:
	*ret_errno = errno;
	_exit(127);
}

static int spawn(pid_t *ret_pid, const struct child_program *program, const int *lifted)
{
	pid_t parent = getpid();
	volatile int child_errno = 0;
	sigset_t all, old;
	pid_t pid;

	/* No handler of ours may run in what shares our memory. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = vfork();
	if (pid == 0)
		child_become(program, lifted, parent, &child_errno);
	if (pid < 0)
		child_errno = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (child_errno == 0) {
		*ret_pid = pid;
		return 0;
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return -child_errno;
}

struct child *child_execute(
	const struct child_program *program, child_exit_fn *fn, void *arg, struct err *err)
{
	int lifted[CHILD_FDS_MAX] = {-1, -1, -1, -1, -1, -1, -1, -1};
	struct child *c;
	pid_t pid;
	int r;

	assert(program->n_fds <= CHILD_FDS_MAX);
	r = lift_fds(program->fds, program->n_fds, lifted);
	if (r == 0)
		r = spawn(&pid, program, lifted);
	for (size_t i = 0; i < program->n_fds; i++)
		fd_close(&lifted[i]);
	if (r < 0) {
		err_set(err, -r, "execute '%s'", program->argv[0]);
		return NULL;
	}
	c = watch(pid, program->hands_over, fn, arg, err);
	if (!c) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return c;
}
