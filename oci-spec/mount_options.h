/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts[].options: which word means what. Words that are not in the table are for
 * the file system. Later words win over earlier ones. Pure.
 */
#ifndef OCI_SPEC_MOUNT_OPTIONS_H
#define OCI_SPEC_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* Propagation words of one mount; more would not mean more. */
#define MOUNT_PROPAGATION_MAX 8
#define MOUNT_DATA_MAX	      128

enum mount_idmap { MOUNT_IDMAP_NONE, MOUNT_IDMAP_TOP, MOUNT_IDMAP_ALL };

/* Borrows the words. */
struct mount_options {
	uint64_t set, clr;			     /* MOUNT_ATTR_* of the mount */
	uint64_t rec_set, rec_clr;		     /* of it and all below it */
	unsigned propagation[MOUNT_PROPAGATION_MAX]; /* MS_SHARED.. | MS_REC */
	size_t n_propagation;
	bool bind;
	bool recursive; /* rbind */
	bool copyup;
	enum mount_idmap idmap;
	const char *data[MOUNT_DATA_MAX]; /* for the file system, and its "sync", "dirsync".. */
	size_t n_data;
	size_t n_foreign; /* how many of them are not in the table */
};

/* -EINVAL for a combination without meaning, -E2BIG beyond a limit. NULL is no option. */
int mount_options_parse(const char *const *words, struct mount_options *ret, struct err *err);

/* MOUNT_ATTR_* as the flags that mount(2) has for them. */
unsigned long mount_attr_flags(uint64_t attr);

/* Every word of the table that is not refused, sorted, NULL-terminated; for `turf features`. */
const char *const *mount_options_names(void);

#endif
