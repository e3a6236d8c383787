/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control plane counts of workers, and what they take of memory and processor, which is measured one
 * after the other: some of them in each slice of time, so that neither is the loop held up nor is any one
 * measured more often than it is of use.
 */
#ifndef SEED_NOSLATED_CONTROL_METER_H
#define SEED_NOSLATED_CONTROL_METER_H

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "runtime/base/err.h"
#include "seed/noslated/stats/words.h"

#define METER_SLICE_MS 50
#define METER_SLICE_NS 2000000 /* of work; what is left of a slice waits for the next one */
/* In this time each worker is measured once. */
#define METER_ROUND_MS 5000

struct meter;
struct profile_set;

struct meter_options {
	uv_loop_t *loop;
	struct stats *stats; /* of stats_control_form; borrowed */
	/* What a worker takes of memory, in bytes, whenever it was measured; NULL: nobody wants to know. */
	void (*measured)(void *arg, const char *worker, uint64_t bytes);
	void *arg;
};

/* NULL: out of memory. */
struct meter *meter_create(const struct meter_options *options);
/* Closes its handle; memory is freed as the loop runs on. NULL is fine. */
void meter_destroy(struct meter *m);

/* These functions there are from now on. */
void meter_applied(struct meter *m, const struct profile_set *set);
/* A worker serves, whose making took that long; 0: it is of a control plane before this one. */
void meter_worker_serves(struct meter *m, const char *worker, const char *function,
	const char *tenant, pid_t pid, uint64_t took_ns);
void meter_worker_failed(struct meter *m, const char *function, const char *tenant);
/* It will have been told to end when it does. */
void meter_worker_stops(struct meter *m, const char *worker);
/* `how` it ended if nobody told it to. Unknown ones are ignored. */
void meter_worker_gone(struct meter *m, const char *worker, enum stats_exit how);

#endif
