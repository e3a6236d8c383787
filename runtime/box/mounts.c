/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of ours joins every namespace of the container but the PID namespace, so
 * that nobody inside can see it, and works there with the code that makes containers.
 */
#include "runtime/box/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"
#include "runtime/box/exe.h"
#include "runtime/box/plan_build.h"

/* Of the host's /proc, taken while it is the one in sight; "N" in it is descriptor N. */
static int child_own_fds(struct err *err)
{
	int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "open '/proc/self/fd'") : fd;
}

/*
 * Only what a mount ends in, and by the descriptor that was looked at. No links: whoever
 * puts one in the place of a directory could make us lay bare what is masked or
 * read-only. Who may rename the directories above two mounts can exchange these, and
 * that cannot be seen from here.
 */
static int child_remove(int own_fds, const struct enter *e, const char *dest, struct err *err)
{
	_cleanup_close_ int fd = path_open(e->root, dest, O_PATH, RESOLVE_NO_SYMLINKS);
	struct statx st, root;
	char name[16];

	if (fd == -ELOOP)
		return err_say(err, ELOOP, "'/%s' is, or lies behind, a symbolic link", dest);
	if (fd < 0)
		return err_set(err, -fd, "open '/%s'", dest);
	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 ||
		statx(e->root, "", AT_EMPTY_PATH, STATX_MNT_ID, &root) < 0)
		return err_set(err, errno, "stat '/%s'", dest);
	if (!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || st.stx_mnt_id == root.stx_mnt_id)
		return err_say(err, EINVAL, "nothing is mounted at '/%s'", dest);
	snprintf(name, sizeof(name), "%d", fd);
	if (fchdir(own_fds) < 0 || umount2(name, MNT_DETACH) < 0)
		return err_set(err, errno, "unmount '/%s'", dest);
	return 0;
}

static int child_remove_all(int own_fds, const struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(struct plan_mount, m, p, p->mounts)
	{
		if (child_remove(own_fds, e, plan_str(p, m->dest), err) < 0)
			return err_wrap(err, "%s", plan_str(p, m->where));
	}
	return 0;
}

static _Noreturn void child_main(const struct box_plan *plan, int conn, int exe_fd, bool add)
{
	struct err err = ERR_INIT;
	struct enter e = {.plan = (const void *)plan->bytes.data, .conn = conn, .own = true};
	int own_fds = child_own_fds(&err);
	int r = own_fds;

	memcpy(e.fds, plan->fds, plan->n_fds * sizeof(plan->fds[0]));
	if (r >= 0)
		r = enter_join_mounts(&e, exe_fd, &err);
	if (r == 0)
		r = add ? enter_mounts(&e, &err) : child_remove_all(own_fds, &e, &err);
	if (r == 0 && add)
		r = enter_mounts_late(&e, &err);
	r = r < 0 ? conv_error(conn, &err) : conv_say(conn, CONV_READY, 0);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

int box_change_mounts(const struct box_plan *plan, bool add, struct err *err)
{
	_cleanup_close_ int exe_mount_fd = -1;
	_cleanup_close_ int exe_fd = exe_freeze(&exe_mount_fd, err);
	int conn[2];
	struct conv_msg msg;
	pid_t pid;
	int r;

	fd_close(&exe_mount_fd);
	if (exe_fd < 0)
		return exe_fd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, conn) < 0)
		return err_set(err, errno, "socketpair");
	pid = fork();
	if (pid == 0)
		child_main(plan, conn[1], exe_fd, add);
	r = pid < 0 ? err_set(err, errno, "fork") : 0;
	fd_close(&conn[1]);
	if (r == 0)
		r = conv_expect(conn[0], CONV_READY, &msg, NULL, err);
	fd_close(&conn[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
