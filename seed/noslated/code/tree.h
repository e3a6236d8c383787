/* SPDX-License-Identifier: Apache-2.0 */
/* What is below a directory, in an order that depends on names alone. No symbolic link is followed. */
#ifndef SEED_NOSLATED_CODE_TREE_H
#define SEED_NOSLATED_CODE_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "runtime/base/err.h"

struct tree_entry {
	int dir;	  /* where it is */
	const char *name; /* in there */
	const char *path; /* from where the walk began */
	const struct stat *st;
};

/* Less than 0 ends the walk. */
typedef int (*tree_fn)(void *arg, const struct tree_entry *e, struct err *err);

/*
 * Each entry in the order of the bytes of its name, each directory followed by what is in it. -E2BIG beyond
 * CODE_ENTRIES_MAX, CODE_DEPTH_MAX or CODE_PATH_MAX.
 */
int tree_walk(int dir, tree_fn fn, void *arg, struct err *err);

/* All that can be removed of what is at `path`, or only of what is in it; nothing of other file systems. */
void tree_remove(const char *path, bool inside_only);

#endif
