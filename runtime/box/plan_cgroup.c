/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of type cgroup. v2 alone: the one hierarchy. v1, also where a v2 without a
 * part in this stands beside it: a tmpfs with a directory for each hierarchy, as
 * programs expect it. The container's directory of each is bound: to mount v1 anew takes
 * the kernel through every v2 cgroup of the host, and with a cgroup namespace that
 * directory is the root all the same. v2 is mounted anew where there is such a namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "oci-spec/config.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_layout.h"
#include "runtime/box/plan_build.h"

struct cgroup_job {
	struct builder *b;
	struct buf *list;
	const char *dest;  /* clean */
	const char *where; /* for errors */
	uint64_t attr;
	bool private; /* the container has a cgroup namespace of its own */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The container's own directory in a hierarchy; NULL where it has none and stays where we are. */
static const char *own_dir(const struct cgroup_job *job, const struct cgroup_hierarchy *h)
{
	const struct cgroup_path *paths = NULL;
	const struct cgroup *cg = job->b->options->cgroup;
	size_t n = cg ? cgroup_paths(cg, &paths) : 0;
	const char *found = NULL;

	/* ":found" marks one that existed; ":parent" one above the container's own. */
	for (size_t i = 0; i < n; i++) {
		const char *rest = str_after(paths[i].controller, h->name);

		if (rest && (*rest == '\0' || streq(rest, ":found")))
			found = paths[i].path;
	}
	return found;
}

static int container_dir(const struct cgroup_job *job, const struct cgroup_hierarchy *h, char **ret)
{
	const char *own = own_dir(job, h);

	if (own)
		*ret = strdup(own);
	else if (asprintf(ret, "%s%s", h->mount, streq(h->own, "/") ? "" : h->own) < 0)
		*ret = NULL;
	return *ret ? 0 : err_oom(job->b->err);
}

static void mount_new(const struct cgroup_job *job, struct plan_mount *m)
{
	m->kind = PLAN_MOUNT_FS;
	m->fd = -1;
	m->fstype = plan_put_str(job->b, "cgroup2");
	m->source = plan_put_str(job->b, "cgroup");
	m->attr = job->attr;
}

static int mount_bound(
	const struct cgroup_job *job, const struct cgroup_hierarchy *h, struct plan_mount *m)
{
	struct mount_attr attr = {.attr_set = job->attr, .propagation = MS_SLAVE};
	_cleanup_free_ char *dir = NULL;
	_cleanup_plan_tree_ struct plan_tree_job tree = PLAN_TREE_INIT;
	int r;

	if (container_dir(job, h, &dir) < 0)
		return -job->b->err->code;
	r = plan_tree_open(job->b, dir, false, &tree, NULL);
	if (r < 0)
		return plan_error(job->b, -r, "%s: open '%s'", job->where, dir);
	r = plan_tree_attr(&tree, false, &attr);
	if (r < 0)
		return plan_error(job->b, -r, "%s: options", job->where);
	m->kind = PLAN_MOUNT_TREE;
	m->fd = plan_tree_put(job->b, &tree);
	return m->fd < 0 ? m->fd : 0;
}

static int put_hierarchy(
	const struct cgroup_job *job, const struct cgroup_hierarchy *h, const char *dest)
{
	struct plan_mount m = {.flags = PLAN_MOUNT_DIR};

	m.dest = plan_put_str(job->b, dest);
	m.where = plan_put_str(job->b, job->where);
	if (h->v2 && job->private)
		mount_new(job, &m);
	else if (mount_bound(job, h, &m) < 0)
		return -job->b->err->code;
	plan_add_mount(job->list, &m);
	return 0;
}

static void put_tmpfs(const struct cgroup_job *job)
{
	struct plan_param mode = {plan_put_str(job->b, "mode"), plan_put_str(job->b, "755")};
	struct plan_mount m = {
		.kind = PLAN_MOUNT_FS,
		.flags = PLAN_MOUNT_DIR,
		.fd = -1,
		.dest = plan_put_str(job->b, job->dest),
		.where = plan_put_str(job->b, job->where),
		.fstype = plan_put_str(job->b, "tmpfs"),
		.source = plan_put_str(job->b, "tmpfs"),
		.params = plan_put_array(job->b, &mode, 1, sizeof(mode)),
		.attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	};

	if (job->attr & MOUNT_ATTR_RDONLY)
		m.flags |= PLAN_MOUNT_LATE_RO;
	plan_add_mount(job->list, &m);
}

/* "cpu" -> "cpu,cpuacct" where several controllers share a hierarchy. */
static int put_links(const struct cgroup_job *job, const struct cgroup_hierarchy *h)
{
	_cleanup_free_ char *names = strdup(h->controllers);
	char *save = NULL;

	if (!names)
		return err_oom(job->b->err);
	for (char *w = strtok_r(names, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		_cleanup_free_ char *dest = NULL;
		struct plan_mount m = {.kind = PLAN_MOUNT_SYMLINK, .fd = -1};

		if (str_after(w, "name=") || streq(w, base_name(h->mount)))
			continue;
		if (asprintf(&dest, "%s/%s", job->dest, w) < 0) {
			dest = NULL;
			return err_oom(job->b->err);
		}
		m.dest = plan_put_str(job->b, dest);
		m.where = plan_put_str(job->b, job->where);
		m.source = plan_put_str(job->b, base_name(h->mount));
		plan_add_mount(job->list, &m);
	}
	return 0;
}

static int put_v1(const struct cgroup_job *job, const struct cgroup_layout *layout)
{
	put_tmpfs(job);
	for (size_t i = 0; i < layout->n; i++) {
		const struct cgroup_hierarchy *h = &layout->list[i];
		_cleanup_free_ char *dest = NULL;

		/* Where the container has no directory of its own it would see everybody's. */
		if (h->v2 || !own_dir(job, h))
			continue;
		if (asprintf(&dest, "%s/%s", job->dest, base_name(h->mount)) < 0) {
			dest = NULL;
			return err_oom(job->b->err);
		}
		if (put_hierarchy(job, h, dest) < 0 || put_links(job, h) < 0)
			return -job->b->err->code;
	}
	return 0;
}

int plan_cgroup_mount(struct builder *b, struct buf *list, const struct oci_mount *m,
	const char *where, uint64_t attr)
{
	_cleanup_cgroup_layout_ struct cgroup_layout loaded = {.n = 0};
	const struct cgroup_layout *layout =
		b->options->cgroup ? cgroup_layout_of(b->options->cgroup) : NULL;
	_cleanup_free_ char *dest = plan_clean_path(m->destination);
	struct cgroup_job job = {
		.b = b,
		.list = list,
		.dest = dest,
		.where = where,
		.attr = attr,
		.private = plan_has_namespace(b, CLONE_NEWCGROUP),
	};

	if (!dest)
		return err_oom(b->err);
	if (!layout && cgroup_layout_load(&loaded, b->err) < 0)
		return err_wrap(b->err, "%s", where);
	if (!layout)
		layout = &loaded;
	if (layout->n == 0)
		return plan_say(b, ENODEV, "%s: the host has no cgroup hierarchy", where);
	if (layout->pure_v2)
		return put_hierarchy(&job, &layout->list[0], dest);
	if (streq(m->type, "cgroup2")) {
		for (size_t i = 0; i < layout->n; i++)
			if (layout->list[i].v2)
				return put_hierarchy(&job, &layout->list[i], dest);
		return plan_say(b, ENODEV, "%s: the host has no cgroup v2", where);
	}
	return put_v1(&job, layout);
}
