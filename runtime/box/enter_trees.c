/* SPDX-License-Identifier: Apache-2.0 */
/* What an ordinary user's plan leaves to the child (plan_tree.c). */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

static int open_one(const struct plan_head *p, const struct plan_tree *t, struct err *err)
{
	const char *path = plan_str(p, t->path);
	_cleanup_close_ int fd = open_tree(AT_FDCWD, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (t->recursive ? AT_RECURSIVE : 0));

	/* The kernel does not uncover what lies below the host's mounts. */
	if (fd < 0 && errno == EINVAL && !t->recursive)
		return err_set(
			err, EINVAL, "copy '%s' (with mounts below it, 'rbind' is needed)", path);
	if (fd < 0)
		return err_set(err, errno, "copy '%s'", path);
	plan_each(struct plan_attr, a, p, t->attrs)
	{
		struct mount_attr attr = {
			.attr_set = a->set, .attr_clr = a->clr, .propagation = a->propagation};

		if (mount_setattr(fd, "", AT_EMPTY_PATH | (a->recursive ? AT_RECURSIVE : 0), &attr,
			    sizeof(attr)) < 0)
			return err_set(err, errno, "options of '%s'", path);
	}
	return take_fd(&fd);
}

int enter_trees(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	int slot = PLAN_FDS_MAX;

	plan_each(struct plan_tree, t, p, p->trees)
	{
		int fd = open_one(p, t, err);

		if (fd < 0)
			return fd;
		e->fds[--slot] = fd;
	}
	return 0;
}
