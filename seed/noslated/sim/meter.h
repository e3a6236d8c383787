/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run has used: workers, busy ones and memory, summed up over time, by the minute and in all; the
 * delays of its requests; counts.
 */
#ifndef SEED_NOSLATED_SIM_METER_H
#define SEED_NOSLATED_SIM_METER_H

#include <stdint.h>

#include "seed/noslated/policy/policy.h"
#include "seed/noslated/sim/histogram.h"

#define METER_REFUSALS POLICY_REFUSALS

/* Of one minute. */
struct meter_minute {
	double worker_s, busy_s, memory_byte_s;
	uint32_t peak, requests;
};

struct meter {
	uint64_t requests, sent, cold, waited, done, refused[METER_REFUSALS];
	uint64_t starts, events;
	uint32_t workers, busy, peak;
	uint64_t memory, peak_memory;
	double worker_s, busy_s, memory_byte_s;
	double wall_s;
	struct histogram delay;	      /* nanoseconds, of requests that were sent */
	struct meter_minute *minutes; /* owned */
	uint32_t n_minutes, minute;
	uint64_t last_ns; /* until when it is summed up */
};

/* 0 or -ENOMEM. */
int meter_init(struct meter *m, uint32_t minutes);
void meter_finish(struct meter *m);

/* The time until `now`, which is in the same minute, with what there is. */
void meter_advance(struct meter *m, uint64_t now_ns);
/* A minute is over. */
void meter_end_minute(struct meter *m);

void meter_start(struct meter *m, uint64_t now_ns, uint64_t memory);
void meter_gone(struct meter *m, uint64_t now_ns, uint64_t memory);
/* One worker more, or one less, has requests. */
void meter_busy(struct meter *m, uint64_t now_ns, int change);

/* Share of the workers' time in which they did nothing. */
double meter_waste(const struct meter *m);
double meter_cold_ratio(const struct meter *m);
uint64_t meter_refused(const struct meter *m);

#endif
