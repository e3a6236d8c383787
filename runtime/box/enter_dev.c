/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev: nodes, the usual links, the console. The directory is opened once, without
 * following links: a rootfs whose /dev points elsewhere would make us create device
 * nodes on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"

static int bind_device(int tree, int dir, const char *name, struct err *err)
{
	_cleanup_close_ int place = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (place < 0 && errno == ENOENT) {
		place = openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (place < 0)
			return err_set(err, errno, "create the file to bind it to");
	} else if (place < 0) {
		return err_set(err, errno, "open it");
	}
	if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "bind the host's");
	return 0;
}

/* We are in somebody's user namespace, where nobody makes nodes: the host's, if it is the same. */
static int bind_hosts(const struct enter *e, const struct plan_device *d, int dir, const char *name,
	struct err *err)
{
	char path[PATH_MAX];
	_cleanup_close_ int tree = -1;
	struct stat st;

	snprintf(path, sizeof(path), "/%s", plan_str(e->plan, d->path));
	tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || fstat(tree, &st) < 0 || (st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
		st.st_rdev != d->rdev)
		return err_say(err, EPERM,
			"neither made (mknod is not permitted) nor bound from the host, which has "
			"no such device there");
	return bind_device(tree, dir, name, err);
}

/* A rootfs may bring its nodes along; anything else of that name is refused. */
static int check_existing(const struct plan_device *d, int dir, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "stat");
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT) ||
		(!S_ISFIFO(st.st_mode) && st.st_rdev != d->rdev))
		return err_say(err, EEXIST, "the rootfs has something else there");
	return 0;
}

static int make_device(
	struct enter *e, const struct plan_device *d, int dir, const char *name, struct err *err)
{
	if (d->fd >= 0) {
		int r = bind_device(e->fds[d->fd], dir, name, err);

		fd_close(&e->fds[d->fd]);
		return r;
	}
	if (mknodat(dir, name, d->mode, d->rdev) < 0) {
		if (errno == EPERM && !S_ISFIFO(d->mode))
			return bind_hosts(e, d, dir, name, err);
		return errno == EEXIST ? check_existing(d, dir, name, err)
				       : err_set(err, errno, "mknod");
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "chown");
	return 0;
}

static int make_devices(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(struct plan_device, d, p, p->devices)
	{
		const char *path = plan_str(p, d->path);
		const char *name = str_after(path, "dev/");
		_cleanup_close_ int parent = -1;
		int dir = e->dev;

		if (!name || strchr(name, '/')) {
			if (path_make_parent(e->root, path, &parent, &name, err) < 0)
				return err_wrap(err, "device '/%s'", path);
			dir = parent;
		}
		if (make_device(e, d, dir, name, err) < 0)
			return err_wrap(err, "device '/%s'", path);
	}
	return 0;
}

static int make_link(int dev, const char *target, const char *name, struct err *err)
{
	if (symlinkat(target, dev, name) < 0 && errno != EEXIST)
		return err_set(err, errno, "make link '/dev/%s'", name);
	return 0;
}

static int make_links(const struct plan_head *p, int dev, struct err *err)
{
	static const char *const links[][2] = {
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (make_link(dev, links[i][0], links[i][1], err) < 0)
			return -err->code;
	if (p->flags & PLAN_KCORE && make_link(dev, "/proc/kcore", "core", err) < 0)
		return -err->code;
	/* The rootfs may hold a node of the host's devpts. */
	if (symlinkat("pts/ptmx", dev, "ptmx") == 0)
		return 0;
	if (errno != EEXIST || unlinkat(dev, "ptmx", 0) < 0 ||
		symlinkat("pts/ptmx", dev, "ptmx") < 0)
		return err_set(err, errno, "make link '/dev/ptmx'");
	return 0;
}

int enter_devices(struct enter *e, struct err *err)
{
	if (!(e->plan->flags & (PLAN_DEV | PLAN_TERMINAL)))
		return 0;
	if (path_make(e->root, "dev", true, RESOLVE_NO_SYMLINKS, &e->dev, err) < 0)
		return -err->code;
	if (!(e->plan->flags & PLAN_DEV))
		return 0;
	if (make_devices(e, err) < 0)
		return -err->code;
	return make_links(e->plan, e->dev, err);
}

/* The container's own devpts, and nothing that only looks like it. */
static int open_master(const struct enter *e, struct err *err)
{
	_cleanup_close_ int fd =
		path_open(e->root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
	struct statfs fs;
	struct stat st;
	int unlock = 0;

	if (fd < 0)
		return err_set(err, -fd, "open '/dev/pts/ptmx'");
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "stat '/dev/pts/ptmx'");
	if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return err_say(err, ENODEV, "'/dev/pts/ptmx' is not the one of a devpts");
	if (ioctl(fd, TIOCSPTLCK, &unlock) < 0)
		return err_set(err, errno, "unlock the pseudoterminal");
	return take_fd(&fd);
}

static int bind_console(const struct enter *e, int slave, struct err *err)
{
	_cleanup_close_ int tree = -1;
	_cleanup_close_ int place = -1;

	if (!(e->plan->flags & PLAN_MOUNT_NS))
		return 0;
	place = openat(e->dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0)
		place = openat(e->dev, "console",
			O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
	if (place < 0)
		return err_set(err, errno, "make '/dev/console'");
	tree = open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || move_mount(tree, "", place, "",
				MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "bind '/dev/console'");
	return 0;
}

static int take_terminal(const struct enter *e, int slave, struct err *err)
{
	struct winsize size = {
		.ws_row = (unsigned short)e->plan->console_height,
		.ws_col = (unsigned short)e->plan->console_width,
	};

	if ((size.ws_row || size.ws_col) && ioctl(slave, TIOCSWINSZ, &size) < 0)
		return err_set(err, errno, "set the size");
	/* The process in between has no session; see enter_joined(). */
	if (!(e->plan->flags & PLAN_JOIN) && ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "make it the controlling terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(slave, i) < 0)
			return err_set(err, errno, "make it descriptor %d", i);
	return 0;
}

int enter_console(struct enter *e, struct err *err)
{
	struct conv_msg msg = {.type = CONV_CONSOLE};
	_cleanup_close_ int master = -1;
	_cleanup_close_ int slave = -1;
	int r;

	if (!(e->plan->flags & PLAN_TERMINAL))
		return 0;
	master = open_master(e, err);
	if (master < 0)
		return err_wrap(err, "process.terminal");
	/* By descriptor: the name below /dev/pts could be anything. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_set(err, errno, "process.terminal: open the slave");
	if (bind_console(e, slave, err) < 0 || take_terminal(e, slave, err) < 0)
		return err_wrap(err, "process.terminal");
	r = conv_send(e->conn, &msg, master);
	return r < 0 ? err_set(err, -r, "process.terminal: send the master") : 0;
}
