/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of systemd: transient units whose cgroup it makes, hands over (Delegate)
 * and removes. The talking is done by the program turf-systemd.
 */
#ifndef RUNTIME_BOX_CGROUP_SYSTEMD_H
#define RUNTIME_BOX_CGROUP_SYSTEMD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct cgroup_layout;
struct cgroup_limits;
struct cgroup_options;

struct cgroup_scope {
	char *unit; /* owned; "turf-ID.scope"; NULL: no scope */
	bool user;  /* of the user's own systemd */
	pid_t pid;  /* 0, or the process that keeps the scope from being empty */
	int fd;	    /* owned; it stays as long as this is open */
};

#define CGROUP_SCOPE_INIT          \
	{                          \
		NULL, false, 0, -1 \
	}

/*
 * The unit's name from linux.cgroupsPath, "slice:prefix:name" or NULL, and the slice
 * for cgroup_scope_start(). -EINVAL for another form.
 */
int cgroup_scope_name(struct cgroup_scope *scope, const char *cgroups_path, const char *id,
	char **ret_slice, struct err *err);

/*
 * What the scope is to be comes from the options: id and annotations. *ret_place is where
 * in the hierarchies it is, malloc'd: "/system.slice/turf-ID.scope".
 */
int cgroup_scope_start(struct cgroup_scope *scope, const char *slice,
	const struct cgroup_options *options, const struct cgroup_layout *layout,
	const struct cgroup_limits *limits, char **ret_place, struct err *err);

/* Lets go of the process that start left in it. */
void cgroup_scope_release(struct cgroup_scope *scope);

/* Tells systemd of new limits, so that it does not bring old ones back. */
int cgroup_scope_set(const struct cgroup_scope *scope, const struct cgroup_layout *layout,
	const struct cgroup_limits *limits, struct err *err);

/* A scope that is gone is fine. */
int cgroup_scope_stop(const struct cgroup_scope *scope, struct err *err);

void cgroup_scope_finish(struct cgroup_scope *scope);

#endif
