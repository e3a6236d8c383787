/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that run a script which serves HTTP, without any sandbox: aworker in its
 * ways of starting, and what else there is; from hack/bench-deps.
 */
#ifndef TESTS_BENCH_ENGINES_H
#define TESTS_BENCH_ENGINES_H

#include <sys/types.h>

#include "tests/bench/bench.h"

enum engine_program {
	ENGINE_IMAGE, /* aworker, going on from the base image */
	ENGINE_STATE, /* from that of a worker which has run its code */
	/* A new engine from a startup snapshot of such a worker, in a process of the base image */
	ENGINE_SNAPSHOT,
	ENGINE_SNAPSHOT_NEW, /* and without that image */
	ENGINE_NEW,	     /* as after an installation, with the built-in snapshot alone */
	ENGINE_BUN,
	ENGINE_WORKERD,
	ENGINE_DENO,
	ENGINE_NODE,
	N_ENGINES,
};

/* What they serve, in JavaScript. */
struct engines_script {
	const char *code;    /* runs once */
	const char *answer;  /* an expression: the text of each answer */
	const char *warm_up; /* statements; run in aworker alone, before its state is saved */
};

/* Writes the scripts of all programs and makes the images. `script` is borrowed until the end. */
int engines_prepare(const struct engines_script *script, struct err *err);
void engines_clean_up(void);

/* The text of aworker's, malloc'd; NULL when out of memory. */
char *engines_worker(const struct engines_script *script);

/* Why it cannot run here, or NULL. */
const char *engines_missing(enum engine_program which);

/* For a case: from execve to the first byte of an answer. `arg` points to an engine_program. */
int engines_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err);

/* One that stays, until the caller ends it. */
int engines_start(enum engine_program which, pid_t *ret_pid, struct err *err);
/* Where they listen. */
const char *engines_socket(void);
/* Where the scripts are. */
const char *engines_directory(void);
/* Absolute; good until the next call. */
const char *engines_path(enum engine_program which);

#endif
