/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's bundle, a seed of its own, and requests to it: what a shim or scheduler asks
 * for when a plan is ready, from the connection to the seed up to the first byte of an
 * HTTP answer, with every namespace and seccomp of a default configuration.
 */
#ifndef TESTS_BENCH_CLONING_H
#define TESTS_BENCH_CLONING_H

#include <stdbool.h>

#include "tests/bench/bench.h"

struct oci_config;

struct cloning {
	char dir[64]; /* the bundle */
	char run[64]; /* everything else; in memory, as the state of containers usually is */
	char root[96];
	char seeds[96];
	char state[96];
	char states[96];  /* images */
	char socket[128]; /* where the worker listens */
	char image[96];	  /* the base image */
	char *turf;
	struct oci_config *config;
};

/* Writes the bundle; `script` is its worker. */
int cloning_prepare(struct cloning *c, const char *script, struct err *err);
/* In this order, each as far as it is wanted. The environment is set for what comes after it. */
int cloning_build_image(const struct cloning *c, struct err *err);
int cloning_build_state(const struct cloning *c, struct err *err);
int cloning_start_seed(const struct cloning *c, struct err *err);
/* Stops the seed and removes all of it. */
void cloning_clean_up(struct cloning *c);

struct cloning_way {
	const struct cloning *cloning;
	bool from_state; /* or from source */
};

/* For a case: one request. `arg` points to a cloning_way. */
int cloning_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err);

#endif
