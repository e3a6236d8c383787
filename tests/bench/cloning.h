/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's bundle, seeds of its own, and requests to them: what a shim or scheduler asks
 * for when a plan is ready, from the connection to the seed up to the first byte of an
 * HTTP answer. The sandbox: PID, mount, IPC and UTS namespaces, the mounts and masks of a
 * default configuration, a cgroup, uid 1000 without capabilities, seccomp.
 */
#ifndef TESTS_BENCH_CLONING_H
#define TESTS_BENCH_CLONING_H

#include <stdbool.h>

#include "tests/bench/bench.h"

struct cgroup;
struct oci_config;

/* Of the worker. */
#define CLONING_USER 1000

/* In the bundle: what seccomp loads, for a floor. */
#define CLONING_FILTER "filter"

/* Seeds: one with parked clones, one that copies itself for each request. */
#define CLONING_PARKED "default"
#define CLONING_FORKED "forked"

enum cloning_sandbox {
	CLONING_USUAL,
	CLONING_NETWORKED, /* with a network namespace, too */
	CLONING_INHERITED, /* no cgroup and no namespace of its own: a chroot */
	CLONING_SANDBOXES,
};

struct cloning {
	char dir[64];  /* the bundle; in memory, since not the journal of a disk is measured */
	char run[64];  /* the state of containers and seeds; in memory, as usually */
	char disk[64]; /* images */
	char root[96];
	char seeds[96];
	char state[96];
	char states[96];  /* images */
	char socket[128]; /* where the worker listens */
	char image[96];	  /* the base image */
	char *turf;
	struct oci_config *configs[CLONING_SANDBOXES];
	unsigned n; /* requests so far, for names */
};

/* Writes the bundle; `script` is its worker. */
int cloning_prepare(struct cloning *c, const char *script, struct err *err);
/* In this order, each as far as it is wanted. The environment is set for what comes after it. */
int cloning_build_image(const struct cloning *c, struct err *err);
int cloning_build_state(const struct cloning *c, struct err *err);
int cloning_start_seed(const struct cloning *c, const char *name, struct err *err);
/* Stops the seeds and removes all of it. */
void cloning_clean_up(struct cloning *c);

struct cloning_way {
	struct cloning *cloning;
	const char *seed;
	bool from_state; /* or from source */
	enum cloning_sandbox sandbox;
};

/* A worker that has answered. */
struct cloning_worker {
	struct cgroup *cgroup;
	pid_t pid;
	int pidfd;
};

int cloning_start(const struct cloning_way *way, struct cloning_worker *ret, double *ret_wall_us,
	struct err *err);
/* Kills it and waits for its end. */
void cloning_end(struct cloning_worker *w);

/* What one has of its own after its first `answers` (bench_private_kib()); NAN with *err. */
double cloning_private_kib(const struct cloning_way *way, unsigned answers, struct err *err);

/* For a case: both. `arg` points to a cloning_way. */
int cloning_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err);

#endif
