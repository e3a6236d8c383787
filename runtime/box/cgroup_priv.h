/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_CGROUP_PRIV_H
#define RUNTIME_BOX_CGROUP_PRIV_H

#include <stdint.h>

#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_layout.h"
#include "runtime/box/cgroup_systemd.h"

struct cgroup_limits;
struct device_rule;
struct oci_block_io;

/* What to write, backwards, to undo changes. */
struct cgroup_journal {
	struct cgroup_change *list; /* owned */
	size_t n;
};

/* One directory: the container's place in one hierarchy. */
struct cgroup_dir {
	const struct cgroup_ops *ops;
	struct cgroup_journal *journal; /* borrowed; NULL while changes need not be undone */
	char *controllers;		/* comma-separated */
	char *path;
	int fd;	   /* O_DIRECTORY; -1 when it is gone */
	bool made; /* by us, so it is ours to remove */
};

struct cgroup {
	struct cgroup_layout layout; /* as creating found it; n 0: it did not look */
	struct cgroup_scope scope;
	struct cgroup_dir dirs[CGROUP_HIERARCHIES_MAX];
	size_t n_dirs;
	struct cgroup_path *paths; /* the kept form; parents before their children */
	size_t n_paths;
	int attach_fds[CGROUP_HIERARCHIES_MAX];
	size_t n_attach_fds;
	int attach_v2;	  /* which of them is of v2; -1: none */
	int stay_v2;	  /* cgroup_stay_v2() */
	bool joins_below; /* the attach descriptors of v2 are of a cgroup below */
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
	int (*set_block_io)(
		const struct cgroup_dir *dir, const struct oci_block_io *io, struct err *err);
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

/* As cgroup_update(), with the limits already reduced. */
int cgroup_update_limited(struct cgroup *cg, const struct cgroup_update *update,
	const struct cgroup_limits *limits, const struct cgroup_limits *before,
	struct buf *warnings, struct err *err);

/*
 * Makes the directories that limits need and the container does not have, next to the
 * ones it has; they are behind those in cg->dirs, without processes. `announce` as in
 * struct cgroup_options.
 */
int cgroup_make_missing(struct cgroup *cg, const struct cgroup_limits *limits,
	int (*announce)(void *arg, const struct cgroup_path *paths, size_t n, struct err *err),
	void *arg, struct err *err);

/* Writes limits to the directories that have the controllers; -ENOTSUP, with the field, else. */
int cgroup_apply(struct cgroup *cg, const struct cgroup_limits *limits, struct err *err);

/* -EINVAL for a name in `unified` that is no limit. */
int cgroup_check_unified(const struct cgroup_limits *limits, struct err *err);

/* linux.resources.blockIO of the two versions. */
int cgroup_v1_set_block_io(
	const struct cgroup_dir *dir, const struct oci_block_io *io, struct err *err);
int cgroup_v2_set_block_io(
	const struct cgroup_dir *dir, const struct oci_block_io *io, struct err *err);

/* Puts the device rules of the limits, and the default ones behind them, in force. */
int cgroup_apply_devices(
	struct cgroup *cg, const struct cgroup_limits *limits, bool rootless, struct err *err);

/* Removes, children before parents, the directories above a container's own that nobody uses. */
void cgroup_remove_parents(const struct cgroup_path *paths, size_t n);

/* The directory that has a controller, v1 before v2; NULL when none does. */
struct cgroup_dir *cgroup_dir_find(struct cgroup *cg, const char *controller);

/* The directory in the v2 hierarchy; NULL where there is none. */
const struct cgroup_dir *cgroup_dir_v2(const struct cgroup *cg);

/*
 * Writes the one value of a file; `field` starts the error. In the journal is what
 * was there.
 */
int cgroup_put(const struct cgroup_dir *dir, const char *file, const char *text, const char *field,
	struct err *err);

/*
 * Writes "KEY VALUE" to a file with a line for each key; `none` is the value that a
 * key without a line has.
 */
int cgroup_put_line(const struct cgroup_dir *dir, const char *file, const char *key,
	const char *value, const char *none, const char *field, struct err *err);

/* The same as cgroup_put() of a number, "-1" as `none`; nothing for LIMIT_UNSET. */
int cgroup_put_number(const struct cgroup_dir *dir, const char *file, int64_t value,
	const char *none, const char *field, struct err *err);

/* Notes in the journal, where there is one, that writing `text` undoes what comes now. */
int cgroup_note(const struct cgroup_dir *dir, const char *file, const char *text, struct err *err);

/* Writes it all back, the last change first. What fails becomes a warning. */
void cgroup_journal_undo(const struct cgroup_journal *j, struct buf *warnings);
void cgroup_journal_finish(struct cgroup_journal *j);
#define _cleanup_cgroup_journal_ _cleanup_(cgroup_journal_finish)

/* Reads one number; the word "max" and what is larger are INT64_MAX. */
int cgroup_get_number(
	const struct cgroup_dir *dir, const char *file, int64_t *ret, struct err *err);

bool cgroup_has_file(const struct cgroup_dir *dir, const char *file);

/* As cgroup_pids(), of one directory. */
int cgroup_dir_pids(const struct cgroup_dir *dir, pid_t **ret_pids, size_t *ret_n, struct err *err);

/* A millisecond of sleep. */
void cgroup_pause(void);

#endif
