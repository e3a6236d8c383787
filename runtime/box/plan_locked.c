/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount trees for a container whose root has a user namespace. Inside, with the right
 * capability, root may change and take away mounts, but none that the kernel locked: what
 * is read-only, nosuid, nodev or noexec on the host has to stay so, and what lies below a
 * mount of the host's has to stay covered. It locks them when it copies a mount namespace
 * for another user namespace, and copies of what is locked are locked as well. So there
 * is such a copy, in which nothing runs, and we go there to take the trees out of it:
 * with our own rights, since its root may not reach all that an administrator mounts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/box/plan_build.h"

static int place_open(int at, const char *ns, const char *root, struct plan_place *ret)
{
	struct plan_place p = {
		.ns = openat(at, ns, O_RDONLY | O_CLOEXEC),
		.root = openat(at, root, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int saved = errno;

	*ret = p;
	return p.ns < 0 || p.root < 0 ? -saved : 0;
}

static void place_close(struct plan_place *p)
{
	fd_close(&p->ns);
	fd_close(&p->root);
}

/* A mount namespace that is joined shows its own root, which need not be that of a process. */
static int place_enter(const struct plan_place *p)
{
	return setns(p->ns, CLONE_NEWNS) < 0 || fchdir(p->root) < 0 || chroot(".") < 0 ? -errno : 0;
}

void plan_locked_finish(struct plan_locked *l)
{
	place_close(&l->copy);
	place_close(&l->own);
	fd_close(&l->cwd);
}

int plan_locked_make(struct plan_locked *l, struct err *err)
{
	_cleanup_plan_carrier_ struct plan_carrier carrier = PLAN_CARRIER_INIT;
	int r = plan_carrier_start(CLONE_NEWUSER | CLONE_NEWNS, &carrier, err);

	if (r < 0)
		return r;
	r = place_open(AT_FDCWD, "/proc/self/ns/mnt", "/", &l->own);
	if (r == 0)
		r = place_open(carrier.proc, "ns/mnt", "root", &l->copy);
	if (r == 0 && (l->cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		r = -errno;
	return r < 0 ? err_set(err, -r, "open a copy of the mount namespace") : 0;
}

int plan_locked_open_tree(const struct plan_locked *l, const char *path, unsigned flags)
{
	int r = place_enter(&l->copy);
	int fd = r < 0 ? r : open_tree(AT_FDCWD, path, flags);

	if (r == 0 && fd < 0)
		fd = -errno;
	/* The rest of the plan is about what is outside. */
	r = place_enter(&l->own);
	if (r == 0 && fchdir(l->cwd) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	if (fd >= 0)
		fd_close(&fd);
	return r;
}
