/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a clone inherits and what is done about it (fork(2), execve(2)):
 *   descriptors, 0-2 too        closed; 0-2 are /dev/null until the box opens the container's
 *   signal handlers, ignored    set to default in the seed: nothing is left to do in the clone
 *   blocked signals             likewise
 *   alternate signal stack      disabled
 *   robust list, child tid      set anew, at libc's own places
 *   rseq                        stays valid: same address, same registration
 *   FPU control and flags       default
 *   session, process group      its own
 *   dumpable                    0 in the seed and so in the clone
 * The kernel itself drops timers, parent-death signal, pending signals, file
 * locks, AIO contexts and memory locks.
 */
#include "seed/clone_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"

/* The kernel's struct sigaction; libc's sigaction() refuses the two signals it keeps for itself. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

#define KERNEL_SIGNALS 64

static void default_signals(void)
{
	struct kernel_sigaction act = {0};
	uint64_t none = 0;

	for (int sig = 1; sig <= KERNEL_SIGNALS; sig++)
		syscall(SYS_rt_sigaction, sig, &act, NULL, sizeof(uint64_t));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
}

int clone_ground_prepare(struct clone_ground *ret, struct err *err)
{
	struct clone_ground g = CLONE_GROUND_INIT;

	default_signals();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "make the seed undumpable");
	/* Where libc keeps its thread id. Without it a clone only has a stale one there, which
	 * nothing but error-checking mutexes looks at. */
	if (prctl(PR_GET_TID_ADDRESS, &g.tid_address, 0, 0, 0) < 0)
		g.tid_address = NULL;
	if (syscall(SYS_get_robust_list, 0, &g.robust_head, &g.robust_len) < 0)
		g.robust_head = NULL;
	g.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (g.null_fd < 0)
		return err_set(err, errno, "open '/dev/null'");
	*ret = g;
	return 0;
}

void clone_ground_finish(struct clone_ground *g)
{
	fd_close(&g->null_fd);
	fd_close(&g->host_fd);
	fd_close(&g->bare_fd);
	fd_close(&g->proc_fd);
}

/* A tmpfs whose one inode is its root, so that nobody can ever leave anything in it. */
static int make_empty(struct err *err)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) == 0 &&
		fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0555", 0) == 0 &&
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				MOUNT_ATTR_NOEXEC);
	return fd < 0 ? err_set(err, errno, "make an empty directory") : fd;
}

/* In a copy of the host's mount namespace. */
static int keep_nothing(struct err *err)
{
	struct mount_attr cut = {.propagation = MS_PRIVATE};
	_cleanup_close_ int empty = -1;

	if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &cut, sizeof(cut)) < 0)
		return err_set(err, errno, "make the mounts of the host private");
	empty = make_empty(err);
	if (empty < 0)
		return empty;
	if (move_mount(empty, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(empty) < 0)
		return err_set(err, errno, "attach an empty directory");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return err_set(err, errno, "leave the host's root");
	return chdir("/") < 0 ? err_set(err, errno, "chdir '/'") : 0;
}

int clone_ground_leave_host(struct clone_ground *g, struct err *err)
{
	_cleanup_close_ int host = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int bare = -1;
	int r;

	if (host < 0 || proc < 0)
		return err_set(err, errno, "open '/proc'");
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(err, errno, "make a mount namespace");
	bare = openat(proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	r = bare < 0 ? err_set(err, errno, "open '/proc/self/ns/mnt'") : keep_nothing(err);
	if (r < 0 && setns(host, CLONE_NEWNS) < 0)
		return err_set(err, errno, "return to the host's mount namespace");
	if (r < 0)
		return r;
	g->host_fd = take_fd(&host);
	g->bare_fd = take_fd(&bare);
	g->proc_fd = take_fd(&proc);
	return 0;
}

pid_t clone_make(const struct clone_ground *g, const struct clone_how *how, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = how->flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		/* A sibling takes over our exit signal; naming one is an error. */
		.exit_signal = how->flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	long pid;

	if (g->tid_address) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = (uintptr_t)g->tid_address;
	}
	if (how->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)how->cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return -errno;
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

/* Insertion sort: a few, mostly ascending numbers, and qsort() may allocate. */
static void sort(int *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		int x = v[i];
		size_t j = i;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

static int close_others(int *keep, size_t n_keep, struct err *err)
{
	unsigned from = STDERR_FILENO + 1;

	sort(keep, n_keep);
	for (size_t i = 0; i < n_keep; i++) {
		unsigned fd = (unsigned)keep[i];

		if (fd > from && syscall(SYS_close_range, from, fd - 1, 0) < 0)
			return err_set(err, errno, "close the seed's descriptors");
		if (fd >= from)
			from = fd + 1;
	}
	if (syscall(SYS_close_range, from, ~0u, 0) < 0)
		return err_set(err, errno, "close the seed's descriptors");
	return 0;
}

int child_settle(const struct clone_ground *g, int *keep, size_t n_keep, struct err *err)
{
	const stack_t no_stack = {.ss_flags = SS_DISABLE};

	if (g->robust_head)
		syscall(SYS_set_robust_list, g->robust_head, g->robust_len);
	if (sigaltstack(&no_stack, NULL) < 0)
		return err_set(err, errno, "drop the signal stack");
	fesetenv(FE_DFL_ENV);
	/* Fails only where there is nothing to do: in a leader of a session. */
	if (setsid() < 0 && getsid(0) != getpid())
		return err_set(err, errno, "setsid");
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (dup2(g->null_fd, fd) < 0)
			return err_set(err, errno, "detach descriptor %d", fd);
	return close_others(keep, n_keep, err);
}
