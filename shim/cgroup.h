/* SPDX-License-Identifier: Apache-2.0 */
/* Where the cgroups of a process are: as files, on hosts with v1, v2 and both. */
#ifndef SHIM_CGROUP_H
#define SHIM_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* Longest value of a cgroup file that is read in whole: a list with a line for each device. */
#define CGROUP_FILE_MAX (256 << 10)

/* Its /proc/PID/cgroup, malloc'd: good when the process is gone, too. NULL when it cannot be read. */
char *cgroup_of(pid_t pid);

/* True where /sys/fs/cgroup is v2 and nothing else. */
bool cgroup_is_unified(void);

/* The directory in the v1 hierarchy of a controller, or, for "", of v2: O_PATH, or a negative errno. */
int cgroup_open(const char *cgroups, const char *controller);

/* A file's one number, "max" being UINT64_MAX; or 0 when there is none. */
uint64_t cgroup_number(int dir, const char *file);
/* A file's text, malloc'd; NULL when it cannot be read. */
char *cgroup_text(int dir, const char *file);

/*
 * Removes the cgroup `path` from every hierarchy, with those below it, where nothing runs in
 * it: what a runtime left that was killed while it made a container. Of systemd's scopes
 * ("slice:prefix:name") nothing is removed. Waits a little for processes that are ending.
 */
void cgroup_remove(const char *path);

/* Puts a process into the cgroup `path` of every hierarchy where it exists or can be made. */
int cgroup_join(const char *path, pid_t pid, struct err *err);

#endif
