/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_CGROUP_PRIV_H
#define RUNTIME_BOX_CGROUP_PRIV_H

#include <stdint.h>

#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_layout.h"

struct cgroup_limits;
struct device_rule;

/* One directory: the container's place in one hierarchy. */
struct cgroup_dir {
	const struct cgroup_ops *ops;
	char *controllers; /* comma-separated */
	char *path;
	int fd;	   /* O_DIRECTORY; -1 when it is gone */
	bool made; /* by us, so it is ours to remove */
};

struct cgroup {
	struct cgroup_dir dirs[CGROUP_HIERARCHIES_MAX];
	size_t n_dirs;
	struct cgroup_path *paths; /* the kept form; parents before their children */
	size_t n_paths;
	int attach_fds[CGROUP_HIERARCHIES_MAX];
	size_t n_attach_fds;
};

/*
 * What differs between v1 and v2. Each call concerns one directory, one that has
 * the controller in question. Errors name the configuration's field.
 */
struct cgroup_ops {
	const char *attach_file; /* a process that writes "0" there is attached */
	int (*set_memory)(
		const struct cgroup_dir *dir, const struct cgroup_limits *limits, struct err *err);
	int (*set_cpu)(
		const struct cgroup_dir *dir, const struct cgroup_limits *limits, struct err *err);
	int (*set_devices)(const struct cgroup_dir *dir, const struct device_rule *rules, size_t n,
		struct err *err);
	int (*set_frozen)(const struct cgroup_dir *dir, bool frozen, struct err *err);
	int (*is_frozen)(const struct cgroup_dir *dir, bool *ret, struct err *err);
};

extern const struct cgroup_ops cgroup_ops_v1;
extern const struct cgroup_ops cgroup_ops_v2;

/* How long freezing may take, and processes that are on their way out. */
#define CGROUP_FREEZE_TIMEOUT_MS  2000
#define CGROUP_DESTROY_TIMEOUT_MS 5000

/* As cgroup_create(), with the limits already reduced. */
int cgroup_create_limited(const struct cgroup_options *options, const struct cgroup_limits *limits,
	struct cgroup **ret, struct buf *warnings, struct err *err);

/* Writes limits to the directories that have the controllers; -ENOTSUP, with the field, else. */
int cgroup_apply(struct cgroup *cg, const struct cgroup_limits *limits, struct err *err);

/* Puts the device rules of the limits, and the default ones behind them, in force. */
int cgroup_apply_devices(struct cgroup *cg, const struct cgroup_limits *limits, struct err *err);

/* The directory that has a controller, v1 before v2; NULL when none does. */
struct cgroup_dir *cgroup_dir_find(struct cgroup *cg, const char *controller);

/* The directory in the v2 hierarchy; NULL where there is none. */
const struct cgroup_dir *cgroup_dir_v2(const struct cgroup *cg);

/*
 * Writes a number, "-1" as `none`, to a file of the directory unless it is
 * LIMIT_UNSET; `field` starts the error.
 */
int cgroup_put_number(const struct cgroup_dir *dir, const char *file, int64_t value,
	const char *none, const char *field, struct err *err);

/* Reads one number; the word "max" and what is larger are INT64_MAX. */
int cgroup_get_number(
	const struct cgroup_dir *dir, const char *file, int64_t *ret, struct err *err);

/* As cgroup_pids(), of one directory. */
int cgroup_dir_pids(const struct cgroup_dir *dir, pid_t **ret_pids, size_t *ret_n, struct err *err);

/* Milliseconds of CLOCK_MONOTONIC, and a short sleep. */
int64_t cgroup_now_ms(void);
void cgroup_pause(void);

#endif
