/* SPDX-License-Identifier: Apache-2.0 */
/* What making cgroups consists of; for cgroup.c, which creates, and cgroup_missing.c. */
#ifndef RUNTIME_BOX_CGROUP_MAKE_H
#define RUNTIME_BOX_CGROUP_MAKE_H

#include <stdbool.h>
#include <stddef.h>

struct cgroup;
struct cgroup_dir;
struct cgroup_hierarchy;
struct cgroup_layout;
struct cgroup_limits;
struct cgroup_options;
struct err;

#define CGROUP_CONTROLLERS_MAX 32

/* v2 has these two without a controller. */
#define CGROUP_V2_BUILT_IN "devices,freezer"

/* A controller that the container needs, or would use if it is there. */
struct cgroup_need {
	char name[32];
	const char *field; /* of the configuration that asks for it; NULL: nobody does */
};

struct cgroup_needs {
	struct cgroup_need list[CGROUP_CONTROLLERS_MAX];
	size_t n;
};

/* One without directories; NULL without memory. */
struct cgroup *cgroup_new(void);

/* --- cgroup_needs.c --- */

/* -EINVAL for a limit that belongs to no controller. */
int cgroup_needs_of(const struct cgroup_layout *layout, const struct cgroup_limits *l,
	struct cgroup_needs *ret, struct err *err);

/* Whether anything in the configuration asks for a controller. */
bool cgroup_needs_asked(const struct cgroup_needs *needs);

/* The first limit that was asked for, NULL: none. Rules for devices are in every configuration. */
const char *cgroup_needs_limit(const struct cgroup_needs *needs);

/* Whether a directory is made in the hierarchy. */
bool cgroup_needs_use(const struct cgroup_layout *layout, const struct cgroup_hierarchy *h,
	const struct cgroup_needs *needs);

/* Where a controller is, or what v2 has instead; NULL: nowhere. */
const struct cgroup_hierarchy *cgroup_needs_hierarchy(
	const struct cgroup_layout *layout, const char *controller);

/* Every controller that somebody asked for must have ended up in a directory of ours: -ENOTSUP. */
int cgroup_needs_check(struct cgroup *cg, const struct cgroup_needs *needs, struct err *err);

/* Nothing but rules for devices, which every configuration has, may be asked for: -ENOTSUP. */
int cgroup_needs_check_none(const struct cgroup_needs *needs, struct err *err);

/* --- cgroup_make.c --- */

/*
 * Makes the directory in one hierarchy and puts it behind those in cg->dirs and
 * cg->paths. `dry`: only the paths, of what would be made.
 */
int cgroup_make_in(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_hierarchy *h, const struct cgroup_options *options,
	const struct cgroup_needs *needs, bool dry, struct err *err);

/*
 * A directory that was there before may hold no processes that are not ours to limit,
 * nor be frozen: -EBUSY.
 */
int cgroup_check_found(const struct cgroup_dir *dir, struct err *err);

/* v2: lets the children of `path` use what is needed, as far as the kernel does. */
void cgroup_enable_controllers(
	const char *path, const struct cgroup_hierarchy *h, const struct cgroup_needs *needs);

/* What v2 has enabled in the directory, and what it always has; malloc'd. */
char *cgroup_v2_controllers(int fd);

/* Appends to cg->paths, the kept form; `name` and `suffix` make the controller. */
int cgroup_record_path(
	struct cgroup *cg, const char *name, const char *suffix, const char *path, struct err *err);

/* Appends to cg->dirs. One that is gone is fine. */
int cgroup_dir_open(
	struct cgroup *cg, const char *name, const char *path, bool made, struct err *err);

#endif
