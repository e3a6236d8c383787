/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rootfs comes as a detached tree and is laid over "/" (we still see the host
 * below it), filled through its descriptor, and made the root at the end. Where
 * createContainer hooks look for it by its path on the host, it is put there.
 *
 * A process that sees nothing but an empty directory leaves its root lying over that. It
 * spares pivot_root(2), which looks at every process of the host, and taking away what was
 * there, which waits for every processor. Only who may mount gets a root with nothing below.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

int enter_rootfs(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	struct mount_attr cut = {.propagation = MS_PRIVATE};
	const char *at = plan_str(p, p->root_attach);

	e->root = e->fds[p->root_fd];
	if (!(p->flags & PLAN_MOUNT_NS))
		return 0;
	/* Nothing that is done from here on may reach the host. */
	if (!e->bare && mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &cut, sizeof(cut)) < 0)
		return err_set(err, errno, "make the mounts of the host private");
	if (move_mount(e->root, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, errno, "attach the rootfs '%s' at '%s'",
			plan_str(p, p->root_path), at);
	return 0;
}

static int change_root(const struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	int r;

	if (p->flags & PLAN_ROOT_BY_PATH)
		r = chdir(plan_str(p, p->root_path));
	else
		r = fchdir(e->root);
	if (r < 0)
		return err_set(err, errno, "enter the rootfs '%s'", plan_str(p, p->root_path));
	if (chroot(".") < 0)
		return err_set(err, errno, "chroot to '%s'", plan_str(p, p->root_path));
	return 0;
}

static int without_pivot(const struct enter *e, struct err *err)
{
	if (strcmp(plan_str(e->plan, e->plan->root_attach), "/") != 0 &&
		move_mount(e->root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, errno, "move the rootfs to '/'");
	return change_root(e, err);
}

static int set_propagation(uint32_t propagation, struct err *err)
{
	struct mount_attr attr = {.propagation = propagation & ~(uint32_t)MS_REC};
	unsigned flags = propagation & MS_REC ? AT_RECURSIVE : 0;

	if (mount_setattr(AT_FDCWD, "/", flags, &attr, sizeof(attr)) < 0)
		return err_set(err, errno, "linux.rootfsPropagation");
	return 0;
}

static bool may_mount(const struct plan_head *p)
{
	return p->caps.bounding & 1u << CAP_SYS_ADMIN;
}

int enter_pivot(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	int r = 0;

	if (!(p->flags & PLAN_MOUNT_NS)) {
		r = change_root(e, err);
	} else if (p->flags & PLAN_NO_PIVOT || (e->bare && !may_mount(p))) {
		r = without_pivot(e, err);
	} else {
		if (fchdir(e->root) < 0)
			return err_set(err, errno, "enter the rootfs");
		if (syscall(SYS_pivot_root, ".", ".") < 0)
			return err_set(err, errno,
				"pivot_root (a host that runs from a ramdisk needs --no-pivot)");
		/* The old root lies on top of the new one now. */
		if (umount2(".", MNT_DETACH) < 0)
			return err_set(err, errno, "detach the host's root");
	}
	if (r < 0)
		return r;
	if (chdir("/") < 0)
		return err_set(err, errno, "chdir '/'");
	/* What the trees came with is a slave of the host; private is what they have then. */
	if (p->root_propagation && !(p->root_propagation & MS_PRIVATE))
		return set_propagation(p->root_propagation, err);
	return 0;
}
