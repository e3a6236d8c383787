/* SPDX-License-Identifier: Apache-2.0 */
/* config.mounts, in their order. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/mount_options.h"
#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

/* Longer option strings go the long way. */
#define OLD_DATA_MAX 512

/* What the kernel says about an option it refuses: "e tmpfs: Bad value for 'size'". */
static int fs_error(int fs, const char *what, struct err *err)
{
	int code = errno;
	char text[160];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n <= 2)
		return err_set(err, code, "%s", what);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, code, "%s (%s)", what, text + 2);
}

static int fs_param(int fs, const char *key, const char *value, struct err *err)
{
	int r = value ? fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0)
		      : fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);

	return r < 0 ? fs_error(fs, key, err) : 0;
}

static int fs_create(
	const struct plan_head *p, const struct plan_mount *m, int *ret_fd, struct err *err)
{
	const char *type = plan_str(p, m->fstype);
	_cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return err_set(err, errno, "file system '%s'", type);
	if (m->source && fs_param(fs, "source", plan_str(p, m->source), err) < 0)
		return -err->code;
	plan_each(struct plan_param, kv, p,
		m->params) if (fs_param(fs, plan_str(p, kv->key), plan_str(p, kv->value), err) <
			       0) return err_wrap(err, "option");
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs, type, err);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)m->attr);
	if (fd < 0)
		return fs_error(fs, type, err);
	*ret_fd = fd;
	return 0;
}

/*
 * A sysfs belongs to who owns the network namespace. Elsewhere it is the host's, without
 * the right to change anything: its cgroups come along (CVE-2023-25809).
 */
static int sysfs_of_host(const struct plan_mount *m, int *ret_fd, struct err *err)
{
	struct mount_attr attr = {.attr_set = m->attr | MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
					      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	_cleanup_close_ int fd =
		open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	attr.attr_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
		return err_set(err, errno, "bind the host's /sys instead of a sysfs");
	*ret_fd = take_fd(&fd);
	return 0;
}

static int fs_or_bind(
	const struct plan_head *p, const struct plan_mount *m, int *ret_fd, struct err *err)
{
	int r = fs_create(p, m, ret_fd, err);

	if (r == -EPERM && streq(plan_str(p, m->fstype), "sysfs"))
		r = sysfs_of_host(m, ret_fd, err);
	return r;
}

static int set_attrs(const struct plan_head *p, const struct plan_mount *m, int fd, struct err *err)
{
	if (m->set || m->clr) {
		struct mount_attr attr = {.attr_set = m->set, .attr_clr = m->clr};

		if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
			return err_set(err, errno, "set its flags");
	}
	plan_each(uint32_t, word, p, m->propagation)
	{
		struct mount_attr attr = {.propagation = *word & ~(uint32_t)MS_REC};
		unsigned flags = *word & MS_REC ? AT_RECURSIVE : 0;

		if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) < 0)
			return err_set(err, errno, "set its propagation");
	}
	return 0;
}

/* The contents of the directory that is about to be hidden. */
static int copy_up(int place, int fd, struct err *err)
{
	_cleanup_close_ int from = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0)
		return err_set(err, errno, "tmpcopyup");
	return copy_tree(from, to, err) < 0 ? err_wrap(err, "tmpcopyup") : 0;
}

/* "a=b,c"; false when that cannot be said in one string. */
static bool join_params(
	const struct plan_head *p, const struct plan_mount *m, char *to, size_t size)
{
	size_t len = 0;

	*to = '\0';
	plan_each(struct plan_param, kv, p, m->params)
	{
		const char *value = kv->value ? plan_str(p, kv->value) : "";
		int n = snprintf(to + len, size - len, "%s%s%s%s", len ? "," : "",
			plan_str(p, kv->key), kv->value ? "=" : "", value);

		if (n < 0 || (size_t)n >= size - len || strchr(value, ','))
			return false;
		len += (size_t)n;
	}
	return true;
}

/*
 * mount(2) does by one call what takes ten with the descriptors of the new ones, but
 * cannot say why it fails, so that the others are then tried after all. The place is
 * the working directory, which needs no path.
 */
static bool mount_at_once(const struct plan_head *p, const struct plan_mount *m, int place)
{
	const char *type = plan_str(p, m->fstype);
	char data[OLD_DATA_MAX];

	if (m->kind != PLAN_MOUNT_FS || m->flags & PLAN_MOUNT_COPYUP || m->set || m->clr ||
		m->propagation.n || !join_params(p, m, data, sizeof(data)))
		return false;
	return fchdir(place) == 0 && mount(plan_str(p, m->source), ".", type,
					     mount_attr_flags(m->attr), *data ? data : NULL) == 0;
}

/*
 * A tmpfs that was just mounted is where the next mounts mostly go, and its directory
 * is kept open. Nothing of the rootfs can be in the way there.
 */
struct fresh {
	const char *dest; /* NULL: there is none */
	int fd;		  /* -1: not opened yet */
};

static void fresh_forget(struct enter *e, struct fresh *f)
{
	fd_batch_add(&e->done, &f->fd);
	f->dest = NULL;
}

/* Whether `path` is `dir` or lies in it. */
static bool is_within(const char *path, const char *dir)
{
	const char *rest = str_after(path, dir);

	return rest && (*rest == '\0' || *rest == '/');
}

/* One within it does not take its place: more of its neighbours will come. */
static void fresh_note(struct enter *e, struct fresh *f, const struct plan_mount *m)
{
	const struct plan_head *p = e->plan;
	const char *dest = plan_str(p, m->dest);

	if (f->dest && is_within(f->dest, dest))
		fresh_forget(e, f);
	if (m->kind != PLAN_MOUNT_FS || !streq(plan_str(p, m->fstype), "tmpfs") ||
		(f->dest && is_within(dest, f->dest)))
		return;
	fresh_forget(e, f);
	f->dest = dest;
}

/* The name of `dest` in the fresh one, which is open then; NULL when it is elsewhere. */
static const char *fresh_name(const struct enter *e, struct fresh *f, const char *dest)
{
	const char *name = f->dest ? str_after(dest, f->dest) : NULL;

	if (!name || *name++ != '/' || *name == '\0' || strchr(name, '/'))
		return NULL;
	if (f->fd < 0)
		f->fd = path_open(e->root, f->dest, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	return f->fd < 0 ? NULL : name;
}

/* A tree at a directory made for it needs no descriptor of its place. */
static bool attach_at_once(
	struct enter *e, const struct fresh *f, const char *name, const struct plan_mount *m)
{
	int *fd = &e->fds[m->fd];

	if (mkdirat(f->fd, name, 0755) < 0 ||
		move_mount(*fd, "", f->fd, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return false;
	fd_batch_add(&e->done, fd);
	return true;
}

static int mount_one(struct enter *e, struct fresh *fresh, bool at_once, const struct plan_mount *m,
	struct err *err)
{
	const struct plan_head *p = e->plan;
	uint64_t resolve = m->flags & PLAN_MOUNT_NO_SYMLINKS ? RESOLVE_NO_SYMLINKS : 0;
	const char *dest = plan_str(p, m->dest);
	bool dir = m->flags & PLAN_MOUNT_DIR;
	const char *name = fresh_name(e, fresh, dest);
	_cleanup_close_ int made = -1;
	_cleanup_close_ int place = -1;
	int fd;

	if (name && dir && m->kind == PLAN_MOUNT_TREE && attach_at_once(e, fresh, name, m))
		return 0;
	if (name)
		place = path_make_below(fresh->fd, name, dir);
	if (place < 0 && path_make(e->root, dest, dir, resolve, &place, err) < 0)
		return -err->code;
	fresh_note(e, fresh, m);
	if (at_once && mount_at_once(p, m, place)) {
		fd_batch_add(&e->done, &place);
		return 0;
	}
	if (m->kind == PLAN_MOUNT_FS) {
		if (fs_or_bind(p, m, &made, err) < 0)
			return -err->code;
		fd = made;
	} else {
		fd = e->fds[m->fd];
		made = fd;
		e->fds[m->fd] = -1;
	}
	if (m->flags & PLAN_MOUNT_COPYUP && copy_up(place, fd, err) < 0)
		return -err->code;
	if (move_mount(fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "attach at '/%s'", dest);
	if (m->kind == PLAN_MOUNT_FS)
		return set_attrs(p, m, fd, err);
	return 0;
}

static int link_one(const struct enter *e, const struct plan_mount *m, struct err *err)
{
	const struct plan_head *p = e->plan;
	_cleanup_close_ int dir = -1;
	const char *name;

	if (path_make_parent(e->root, plan_str(p, m->dest), &dir, &name, err) < 0)
		return -err->code;
	if (symlinkat(plan_str(p, m->source), dir, name) < 0 && errno != EEXIST)
		return err_set(err, errno, "make link '/%s'", plan_str(p, m->dest));
	return 0;
}

int enter_mounts(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	/*
	 * The working directory is that of the caller, by which others may have relative paths:
	 * from within the rootfs these could lead anywhere on the host.
	 */
	const bool at_once = !plan_mounts_by_path(p);
	struct fresh fresh = {.fd = -1};
	int r = 0;

	plan_each(struct plan_mount, m, p, p->mounts)
	{
		r = m->kind == PLAN_MOUNT_SYMLINK ? link_one(e, m, err)
						  : mount_one(e, &fresh, at_once, m, err);
		if (r < 0) {
			err_wrap(err, "%s", plan_str(p, m->where));
			break;
		}
	}
	fresh_forget(e, &fresh);
	return r;
}

/* File systems that we had to write to ourselves, and the rootfs last. */
int enter_mounts_late(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};

	plan_each(struct plan_mount, m, p, p->mounts)
	{
		_cleanup_close_ int fd = -1;

		if (!(m->flags & PLAN_MOUNT_LATE_RO))
			continue;
		fd = path_open(e->root, plan_str(p, m->dest), O_PATH, 0);
		if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
			return err_set(err, fd < 0 ? -fd : errno, "%s: make it read-only",
				plan_str(p, m->where));
	}
	if (p->flags & PLAN_ROOT_READONLY &&
		mount_setattr(e->root, "", AT_EMPTY_PATH, &ro, sizeof(ro)) < 0)
		return err_set(err, errno, "root.readonly");
	return 0;
}
