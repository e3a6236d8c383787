/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount trees that a container is made of. Who may copies them while the plan is made,
 * where their paths mean something; for a user namespace by plan_locked.c. An ordinary
 * user may not before there is a user namespace, so a plan of theirs says what to copy,
 * and the child, root of its own namespaces and still in sight of the host's files, does
 * it (enter_trees.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/box/plan_build.h"

/* No mounts without it. */
static bool has_sys_admin(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};

	return syscall(SYS_capget, &head, data) == 0 && data[0].effective & 1u << CAP_SYS_ADMIN;
}

int plan_privileges(struct builder *b)
{
	if (has_sys_admin())
		return plan_has_namespace(b, CLONE_NEWUSER) ? plan_locked_make(&b->locked, b->err)
							    : 0;
	if (!plan_has_namespace(b, CLONE_NEWUSER))
		return plan_say(b, EPERM,
			"linux.namespaces: who is not root needs a user namespace ('turf spec "
			"--rootless' makes such a configuration)");
	b->plan->head.flags |= PLAN_ROOTLESS;
	return 0;
}

void plan_tree_finish(struct plan_tree_job *t)
{
	fd_close(&t->fd);
	buf_finish(&t->attrs);
}

bool plan_tree_is_locked(const struct builder *b)
{
	return b->locked.copy.ns >= 0;
}

static int copy_tree(const struct builder *b, const char *path, bool recursive)
{
	const unsigned flags =
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? (unsigned)AT_RECURSIVE : 0);
	int fd;

	if (plan_tree_is_locked(b))
		return plan_locked_open_tree(&b->locked, path, flags);
	fd = open_tree(AT_FDCWD, path, flags);
	return fd < 0 ? -errno : fd;
}

int plan_tree_open(struct builder *b, const char *path, bool recursive, struct plan_tree_job *ret,
	struct stat *ret_st)
{
	struct plan_tree_job t = {.fd = -1, .recursive = recursive};
	int r = 0;

	if (b->plan->head.flags & PLAN_ROOTLESS) {
		t.path = plan_put_str(b, path);
		if (ret_st && stat(path, ret_st) < 0)
			r = -errno;
	} else {
		t.fd = r = copy_tree(b, path, recursive);
		if (r >= 0 && ret_st && fstat(t.fd, ret_st) < 0)
			r = -errno;
	}
	if (r < 0)
		plan_tree_finish(&t);
	else
		*ret = t;
	return r;
}

int plan_tree_attr(struct plan_tree_job *t, bool recursive, const struct mount_attr *attr)
{
	if (t->fd < 0) {
		const struct plan_attr later = {.set = attr->attr_set,
			.clr = attr->attr_clr,
			.propagation = (uint32_t)attr->propagation,
			.recursive = recursive};

		buf_put(&t->attrs, &later, sizeof(later));
		return 0;
	}
	return mount_setattr(t->fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0),
		       (struct mount_attr *)(uintptr_t)attr, sizeof(*attr)) < 0
		       ? -errno
		       : 0;
}

/* Those of the child lie behind all that are sent, from the end. */
int plan_tree_put(struct builder *b, struct plan_tree_job *t)
{
	struct plan_tree out = {.path = t->path, .recursive = t->recursive};

	if (t->fd >= 0)
		return plan_put_fd(b, take_fd(&t->fd), true);
	if (buf_failed(&t->attrs))
		return err_oom(b->err);
	if (b->n_trees == PLAN_TREES_MAX)
		return plan_say(b, E2BIG, "more than %d mounts and devices", PLAN_TREES_MAX);
	out.attrs = plan_put_array(b, t->attrs.data, t->attrs.len / sizeof(struct plan_attr),
		sizeof(struct plan_attr));
	buf_put(&b->trees, &out, sizeof(out));
	return PLAN_FDS_MAX - 1 - (int)b->n_trees++;
}

int plan_trees(struct builder *b)
{
	if (buf_failed(&b->trees))
		return err_oom(b->err);
	b->plan->head.trees =
		plan_put_array(b, b->trees.data, b->n_trees, sizeof(struct plan_tree));
	return 0;
}
