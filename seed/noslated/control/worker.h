/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers as containers of this node, made by the crew. Each has a listening socket that is made here and that
 * it cannot replace. What it prints goes to its function's log. `turf list`, `state` and `kill` see it like
 * any other container.
 *
 * A worker outlives the control plane: what it was ordered as is in a file, by which the next control plane
 * finds it.
 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_H
#define SEED_NOSLATED_CONTROL_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/base/err.h"
#include "runtime/base/table.h"
#include "seed/noslated/stats/words.h"

struct crew;
struct worker;
struct worker_log;

/* Between SIGTERM and SIGKILL, beyond what running requests may take. */
#define WORKER_STOP_MS 3000

struct workers {
	uv_loop_t *loop;
	struct crew *crew;
	const char *root;    /* of containers */
	const char *sockets; /* directory, not writable by others */
	/* It serves at worker_socket(). */
	void (*ready)(void *arg, struct worker *w);
	/* It has ended, or could not be made: `why`, else NULL. It is freed afterwards. */
	void (*gone)(void *arg, struct worker *w, const char *why);
	void *arg;
	struct worker *first;
	struct table by_name;
	size_t n;
	unsigned long n_sockets; /* the next one's name */
};

/* What a worker is. */
struct worker_spec {
	const char *name, *function, *bundle, *tenant;
	struct worker_log *log;
	void *owner;
};

/*
 * The workers that a control plane before this one has left: those that live are taken over, with the log that
 * `log` finds for the function, unless that is NULL; what is left of the others is buried.
 */
int workers_adopt(struct workers *all,
	struct worker_log *(*log)(void *arg, const char *function, const char *bundle), void *arg,
	struct err *err);
/* They go on without us; memory is freed as the loop runs on. */
void workers_leave(struct workers *all);

/* For the crew: what has become of an order. */
void workers_made(struct workers *all, const char *name, int *pidfd);
void workers_failed(struct workers *all, const char *name, const char *why);

/* ready() or gone() follow; its container is called FUNCTION.NAME.NUMBER. */
int worker_start(struct workers *all, const struct worker_spec *spec, struct err *err);
/* Asks it to end, and makes it `grace_ms` later; gone() follows. */
void worker_stop(struct worker *w, uint64_t grace_ms);
struct worker *worker_find(const struct workers *all, const char *name);

/* How it has ended, for gone(). */
enum stats_exit worker_exit(const struct worker *w);

const char *worker_name(const struct worker *w);
const char *worker_function(const struct worker *w);
const char *worker_bundle(const struct worker *w);
const char *worker_socket(const struct worker *w);
pid_t worker_pid(const struct worker *w); /* 0: it is being made */
/* How it has ended, from gone() on. */
enum stats_exit worker_exit(const struct worker *w);
/* How long its making took; 0: it was made for a control plane before. */
uint64_t worker_making_ns(const struct worker *w);
bool worker_is_ready(const struct worker *w);
/* It was asked to end. */
bool worker_is_stopping(const struct worker *w);
/* Who it serves: the caller's to know. NULL: nobody; so it is after workers_adopt(). */
void *worker_owner(const struct worker *w);
void worker_set_owner(struct worker *w, void *owner);
struct worker *worker_next(const struct worker *w);

#endif
