/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers as containers of this node: made by the runtime's own library, in this process, without an exec.
 * Each has a listening socket that is made here and that it cannot replace. What it prints goes to its
 * function's log. `turf list`, `state` and `kill` see it like any other container.
 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_H
#define SEED_NOSLATED_CONTROL_WORKER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/base/err.h"

struct undertaker;
struct worker;
struct worker_log;

/* Descriptor of a worker's listening socket; reserved in this process by workers_init(). */
#define WORKER_LISTEN_FD 3

/* Between SIGTERM and SIGKILL, beyond what running requests may take. */
#define WORKER_STOP_MS 3000

struct workers {
	uv_loop_t *loop;
	const char *root;    /* of containers */
	const char *sockets; /* directory, not writable by others */
	const struct undertaker *undertaker;
	void (*gone)(void *arg, struct worker *w);
	void *arg;
	struct worker *first;
	size_t n;
	unsigned n_sockets; /* that were ever made */
};

/*
 * The other members have been set. Kills what a process before this one has left behind.
 * Before anything else opens a descriptor: workers_reserve().
 */
int workers_init(struct workers *all, struct err *err);
int workers_reserve(struct err *err);
/* Stops all at once and waits for them. */
void workers_finish(struct workers *all);

/* It serves at worker_socket() when this returns; its container is called FUNCTION.NAME. */
int worker_start(struct workers *all, const char *name, const char *function, const char *bundle,
	const char *tenant, struct worker_log *log, struct worker **ret, struct err *err);
/* Asks it to end, and makes it `grace_ms` later; gone() is called then, and the worker is freed. */
void worker_stop(struct worker *w, uint64_t grace_ms);
struct worker *worker_find(const struct workers *all, const char *name);

const char *worker_name(const struct worker *w);
const char *worker_function(const struct worker *w);
const char *worker_socket(const struct worker *w);
pid_t worker_pid(const struct worker *w);
struct worker *worker_next(const struct worker *w);

#endif
