/* SPDX-License-Identifier: Apache-2.0 */
/* What bench-runtime runs: two bundles of one root file system, and the floor's arguments. */
#ifndef TESTS_BENCH_RUNTIME_BUNDLE_H
#define TESTS_BENCH_RUNTIME_BUNDLE_H

#include "runtime/base/err.h"

#define RUNTIME_FLOOR_ARGS_MAX 24

struct runtime_bundle {
	char dir[64];	      /* its process is /bin/true */
	char sleeper_dir[96]; /* its process sleeps */
	char run[64];	      /* for state; in memory, as it usually is */
	const char *floor_argv[RUNTIME_FLOOR_ARGS_MAX];
};

int runtime_bundle_make(struct runtime_bundle *b, struct err *err);

/*
 * The floor makes the cgroups that `turf` makes: those that a container has which it
 * creates below `root` and deletes. Fills floor_argv.
 */
int runtime_bundle_floor(
	struct runtime_bundle *b, const char *turf, const char *root, struct err *err);

void runtime_bundle_remove(struct runtime_bundle *b);

#endif
