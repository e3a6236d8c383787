/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup hierarchies this host has, where they are mounted, where in them
 * we are, and where a container goes. Pure but for cgroup_layout_load().
 */
#ifndef RUNTIME_BOX_CGROUP_LAYOUT_H
#define RUNTIME_BOX_CGROUP_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* The kernel itself allows 16 controllers of v1; one more place is for v2. */
#define CGROUP_HIERARCHIES_MAX 24

struct cgroup_hierarchy {
	bool v2;
	char *name;	   /* "memory", "cpu,cpuacct", "name=systemd", "" for v2 */
	char *controllers; /* comma-separated; v2: those its mount offers */
	char *mount;	   /* mount point */
	char *own;	   /* our own cgroup below the mount point: "/", "/a/b" */
};

struct cgroup_layout {
	struct cgroup_hierarchy list[CGROUP_HIERARCHIES_MAX];
	size_t n;
	bool pure_v2; /* v2 and nothing else */
};

/* True when the mount with this id is what a path lookup of `mount` really finds. */
typedef bool (*cgroup_visible_fn)(const char *mount, int mount_id, void *arg);

/*
 * From the texts of /proc/self/mountinfo and /proc/self/cgroup. A mount that is
 * hidden below another one does not count. v2's controllers stay empty.
 */
int cgroup_layout_parse(const char *mountinfo, const char *membership, cgroup_visible_fn visible,
	void *arg, struct cgroup_layout *ret, struct err *err);

int cgroup_layout_load(struct cgroup_layout *ret, struct err *err);

/* The same with the cgroups of another process as `own`. */
int cgroup_layout_load_of(pid_t pid, struct cgroup_layout *ret, struct err *err);

void cgroup_layout_finish(struct cgroup_layout *layout);
#define _cleanup_cgroup_layout_ _cleanup_(cgroup_layout_finish)

/* The hierarchy that has a controller, v1 before v2; NULL when none does. */
const struct cgroup_hierarchy *cgroup_layout_find(
	const struct cgroup_layout *layout, const char *controller);

/* True when the comma-separated list has the word. */
bool cgroup_list_has(const char *list, const char *word);

/*
 * The container's place below the mount point, without "." and "..": an absolute
 * cgroupsPath counts from the hierarchy's root, a relative one and the default
 * (the id) from our own cgroup. In pure v2 from the parent of our own, because a
 * cgroup that holds processes cannot give controllers to the ones below it.
 * *ret is malloc'd and starts with '/'.
 */
int cgroup_layout_place(const struct cgroup_layout *layout, const struct cgroup_hierarchy *h,
	const char *cgroups_path, const char *id, char **ret, struct err *err);

#endif
