/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.maskedPaths and linux.readonlyPaths. A mask over a file is the host's
 * /dev/null, verified when the plan was made: the rootfs's own may be anything. All
 * masks over directories are one empty read-only file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

struct masks {
	int null;  /* the tree of the plan, until it is attached; then it stands there */
	int empty; /* -1 until it is needed */
	bool null_used, empty_used;
	struct fd_batch *done;
};

/* The first use attaches the tree itself, the later ones a copy of what is attached. */
static int lay_over(struct masks *s, int tree, bool *used, int place, struct err *err)
{
	_cleanup_close_ int copy = -1;

	if (*used) {
		copy = open_tree(tree, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (copy < 0)
			return err_set(err, errno, "copy a mask");
	}
	if (move_mount(copy >= 0 ? copy : tree, "", place, "",
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "attach a mask");
	fd_batch_add(s->done, &copy);
	*used = true;
	return 0;
}

static int make_empty(struct masks *s, struct err *err)
{
	_cleanup_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(err, errno, "make an empty tmpfs");
	s->empty = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (s->empty < 0)
		return err_set(err, errno, "mount an empty tmpfs");
	return 0;
}

static int mask_one(struct masks *s, int place, struct err *err)
{
	struct stat st;

	if (fstat(place, &st) < 0)
		return err_set(err, errno, "stat");
	if (!S_ISDIR(st.st_mode))
		return lay_over(s, s->null, &s->null_used, place, err);
	if (s->empty < 0 && make_empty(s, err) < 0)
		return -err->code;
	return lay_over(s, s->empty, &s->empty_used, place, err);
}

static int mask_all(const struct enter *e, struct masks *s, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(uint32_t, off, p, p->masked)
	{
		const char *path = plan_str(p, *off);
		_cleanup_close_ int place = path_open(e->root, path, O_PATH, 0);

		if (place == -ENOENT || place == -ENOTDIR)
			continue;
		if (place < 0)
			return err_set(err, -place, "linux.maskedPaths: open '/%s'", path);
		if (mask_one(s, place, err) < 0)
			return err_wrap(err, "linux.maskedPaths: '/%s'", path);
		fd_batch_add(s->done, &place);
	}
	return 0;
}

static int readonly_one(struct masks *s, int place, struct err *err)
{
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
	_cleanup_close_ int tree = open_tree(
		place, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return err_set(err, errno, "copy the tree");
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		return err_set(err, errno, "make it read-only");
	if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "attach it");
	fd_batch_add(s->done, &tree);
	return 0;
}

static int readonly_all(const struct enter *e, struct masks *s, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(uint32_t, off, p, p->readonly)
	{
		const char *path = plan_str(p, *off);
		_cleanup_close_ int place = path_open(e->root, path, O_PATH, 0);

		if (place == -ENOENT || place == -ENOTDIR)
			continue;
		if (place < 0)
			return err_set(err, -place, "linux.readonlyPaths: open '/%s'", path);
		if (readonly_one(s, place, err) < 0)
			return err_wrap(err, "linux.readonlyPaths: '/%s'", path);
		fd_batch_add(s->done, &place);
	}
	return 0;
}

int enter_masks(struct enter *e, struct err *err)
{
	struct masks s = {.null = enter_fd(e, e->plan->null_fd), .empty = -1, .done = &e->done};
	int r = readonly_all(e, &s, err);

	if (r == 0 && e->plan->masked.n)
		r = mask_all(e, &s, err);
	fd_batch_add(&e->done, &s.empty);
	if (e->plan->null_fd >= 0)
		fd_batch_add(&e->done, &e->fds[e->plan->null_fd]);
	return r;
}
