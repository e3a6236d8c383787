/* SPDX-License-Identifier: Apache-2.0 */
/* Which controllers a container needs, and so which hierarchies. */
#include <errno.h>

#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_make.h"
#include "runtime/box/cgroup_priv.h"

static int needs_add(struct cgroup_needs *needs, const char *name, size_t len, const char *field,
	struct err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct cgroup_need *need = &needs->list[i];

		if (strlen(need->name) == len && strncmp(need->name, name, len) == 0) {
			need->field = need->field ? need->field : field;
			return 0;
		}
	}
	if (needs->n == CGROUP_CONTROLLERS_MAX || len >= sizeof(needs->list[0].name))
		return err_say(err, EINVAL,
			"linux.resources: no cgroup controller is called '%.*s'", (int)len, name);
	memcpy(needs->list[needs->n].name, name, len);
	needs->list[needs->n++].field = field;
	return 0;
}

/*
 * devices, pids, memory and freezer are always wanted: to shut devices off, to
 * stop and to find processes, and so that a limit can be set later. cpuacct is for
 * who reads statistics: a process that stays elsewhere is counted with others.
 */
int cgroup_needs_of(const struct cgroup_layout *layout, const struct cgroup_limits *l,
	struct cgroup_needs *ret, struct err *err)
{
	const struct need_line {
		const char *name;
		const char *field;
		bool wanted;
		bool asked;
	} all[] = {
		{"devices", "devices", true, l->n_devices > 0},
		{"pids", "pids", true, l->pids != LIMIT_UNSET},
		{"memory", "memory", true, cgroup_limits_has_memory(l)},
		{"freezer", NULL, true, false},
		{"cpuacct", NULL, true, false},
		{"cpu", "cpu", false, cgroup_limits_has_cpu(l)},
		{"cpuset", "cpu", false, cgroup_limits_has_cpuset(l)},
		{cgroup_layout_find(layout, "blkio") ? "blkio" : "io", "blockIO", false,
			cgroup_limits_has_block_io(l)},
		{"hugetlb", "hugepageLimits", l->n_hugepages > 0, cgroup_limits_has_hugepages(l)},
		{"net_cls", "network.classID", false, cgroup_limits_has_class_id(l)},
		{"net_prio", "network.priorities", false, cgroup_limits_has_priorities(l)},
		{"rdma", "rdma", false, l->n_rdma > 0},
	};

	ret->n = 0;
	if (cgroup_check_unified(l, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if ((all[i].wanted || all[i].asked) &&
			needs_add(ret, all[i].name, strlen(all[i].name),
				all[i].asked ? all[i].field : NULL, err) < 0)
			return -err->code;
	/* "memory.high" belongs to memory; "cgroup.max.depth" to no controller. */
	for (size_t i = 0; i < l->n_unified; i++) {
		const char *file = l->unified[i].file;

		if (!str_after(file, "cgroup.") &&
			needs_add(ret, file, strcspn(file, "."), "unified", err) < 0)
			return -err->code;
	}
	return 0;
}

static const struct cgroup_hierarchy *find_v2(const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++)
		if (layout->list[i].v2)
			return &layout->list[i];
	return NULL;
}

static bool is_built_in(const char *controller)
{
	return cgroup_list_has(CGROUP_V2_BUILT_IN, controller);
}

const struct cgroup_hierarchy *cgroup_needs_hierarchy(
	const struct cgroup_layout *layout, const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(layout, controller);

	return !h && is_built_in(controller) ? find_v2(layout) : h;
}

/* The one hierarchy by which service managers keep track of processes: the container has its own. */
static const struct cgroup_hierarchy *tracking_hierarchy(const struct cgroup_layout *layout)
{
	const struct cgroup_hierarchy *h = find_v2(layout);

	return h ? h : cgroup_layout_find(layout, "name=systemd");
}

bool cgroup_needs_use(const struct cgroup_layout *layout, const struct cgroup_hierarchy *h,
	const struct cgroup_needs *needs)
{
	if (h == tracking_hierarchy(layout))
		return true;
	for (size_t i = 0; i < needs->n; i++)
		if (cgroup_needs_hierarchy(layout, needs->list[i].name) == h)
			return true;
	return false;
}

/* Every controller that somebody asked for must have ended up in a directory of ours. */
int cgroup_needs_check(struct cgroup *cg, const struct cgroup_needs *needs, struct err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct cgroup_need *need = &needs->list[i];

		if (need->field && !cgroup_dir_find(cg, need->name))
			return err_say(err, ENOTSUP,
				"linux.resources.%s: the cgroup controller '%s' is not available",
				need->field, need->name);
	}
	return 0;
}

bool cgroup_needs_asked(const struct cgroup_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->list[i].field)
			return true;
	return false;
}

const char *cgroup_needs_limit(const struct cgroup_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->list[i].field && !streq(needs->list[i].name, "devices"))
			return needs->list[i].field;
	return NULL;
}

/* Without cgroups nothing is limited. */
int cgroup_needs_check_none(const struct cgroup_needs *needs, struct err *err)
{
	const char *field = cgroup_needs_limit(needs);

	return field ? err_say(err, ENOTSUP,
			       "linux.resources.%s: the cgroup manager 'disabled' enforces no "
			       "limits",
			       field)
		     : 0;
}
