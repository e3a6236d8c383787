/* SPDX-License-Identifier: Apache-2.0 */
/* Directories that a later limit needs and creating did not. */
#include <errno.h>

#include "runtime/box/cgroup_make.h"
#include "runtime/box/cgroup_priv.h"

/* Where below its mount a directory is that the container has, of any v1 hierarchy; malloc'd. */
static char *known_place(const struct cgroup *cg, const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < cg->n_dirs; i++) {
		const struct cgroup_dir *dir = &cg->dirs[i];

		for (size_t k = 0; k < layout->n; k++) {
			const struct cgroup_hierarchy *h = &layout->list[k];
			const char *place = str_after(dir->path, h->mount);

			if (!h->v2 && place && *place == '/' && streq(h->name, dir->controllers))
				return strdup(place);
		}
	}
	return NULL;
}

/* Lets the directory of v2 use controllers that it could not use so far. */
static int enable_late(struct cgroup *cg, const struct cgroup_hierarchy *h,
	const struct cgroup_needs *needs, struct err *err)
{
	for (size_t i = 0; i < cg->n_dirs; i++) {
		struct cgroup_dir *dir = &cg->dirs[i];
		char *list;

		if (dir->ops != &cgroup_ops_v2 || !str_after(dir->path, h->mount))
			continue;
		for (char *slash = dir->path + strlen(h->mount); slash;
			slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			cgroup_enable_controllers(dir->path, h, needs);
			*slash = '/';
		}
		list = cgroup_v2_controllers(dir->fd);
		if (!list)
			return err_oom(err);
		free(dir->controllers);
		dir->controllers = list;
	}
	return 0;
}

struct missing {
	struct cgroup *cg;
	struct cgroup_layout layout;
	struct cgroup_options options;
	struct cgroup_needs needs;
	char *place;
};

static void missing_finish(struct missing *m)
{
	cgroup_layout_finish(&m->layout);
	free(m->place);
}

/* Tells what there is and what is about to be there. */
static int announce_more(const struct missing *m, const struct cgroup_hierarchy *h, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *plan = cgroup_new();
	_cleanup_free_ struct cgroup_path *all = NULL;
	size_t n = m->cg->n_paths;

	if (!plan)
		return err_oom(err);
	if (cgroup_make_in(plan, &m->layout, h, &m->options, &m->needs, true, err) < 0)
		return -err->code;
	all = calloc(n + plan->n_paths, sizeof(*all));
	if (!all)
		return err_oom(err);
	memcpy(all, m->cg->paths, n * sizeof(*all));
	memcpy(all + n, plan->paths, plan->n_paths * sizeof(*all));
	return m->options.announce(m->options.announce_arg, all, n + plan->n_paths, err);
}

static int make_one_missing(struct missing *m, const struct cgroup_need *need, struct err *err)
{
	const struct cgroup_hierarchy *h = cgroup_needs_hierarchy(&m->layout, need->name);
	const struct cgroup_dir *dir = &m->cg->dirs[m->cg->n_dirs];
	int r;

	if (!need->field || !h || cgroup_dir_find(m->cg, need->name))
		return 0;
	if (h->v2 && cgroup_dir_v2(m->cg))
		return enable_late(m->cg, h, &m->needs, err);
	if (!m->place)
		return err_say(err, ENOTSUP,
			"linux.resources.%s: the container has no cgroup to put another one beside",
			need->field);
	r = announce_more(m, h, err);
	if (r == 0)
		r = cgroup_make_in(m->cg, &m->layout, h, &m->options, &m->needs, false, err);
	return r < 0 || dir->made ? r : cgroup_check_found(dir, err);
}

int cgroup_make_missing(struct cgroup *cg, const struct cgroup_limits *limits,
	int (*announce_fn)(void *arg, const struct cgroup_path *paths, size_t n, struct err *err),
	void *arg, struct err *err)
{
	_cleanup_(missing_finish) struct missing m = {.cg = cg};
	int r;

	if (cgroup_layout_load(&m.layout, err) < 0 ||
		cgroup_needs_of(&m.layout, limits, &m.needs, err) < 0)
		return -err->code;
	m.place = known_place(cg, &m.layout);
	m.options = (struct cgroup_options){
		.path = m.place, .announce = announce_fn, .announce_arg = arg};
	for (size_t i = 0; i < m.needs.n; i++) {
		r = make_one_missing(&m, &m.needs.list[i], err);
		if (r < 0)
			return r;
	}
	return cgroup_needs_check(cg, &m.needs, err);
}
