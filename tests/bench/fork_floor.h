/* SPDX-License-Identifier: Apache-2.0 */
/* The floor under warmfork (forkserver_floor.c), and requests to it. */
#ifndef TESTS_BENCH_FORK_FLOOR_H
#define TESTS_BENCH_FORK_FLOOR_H

#include "tests/bench/bench.h"

struct cgroup;
struct cloning;

struct fork_floor {
	char socket[96];   /* where it listens */
	char answers[128]; /* where its clones listen */
	pid_t pid;
	struct cgroup *cgroup; /* of its clones */
};

/* In the worker's root file system, and in a cgroup as workers have. */
int fork_floor_start(struct fork_floor *f, const struct cloning *c, struct err *err);
/* Zeroes are no error. */
void fork_floor_stop(struct fork_floor *f);

/* For a case: one request, and the clone's end. `arg` points to a fork_floor. */
int fork_floor_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err);

#endif
