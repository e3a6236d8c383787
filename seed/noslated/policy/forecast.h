/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a function will want more workers again, learnt from when it did. Demand is how many workers have
 * something to do; level n is vacant while demand is n or less. How long each level stays vacant is the
 * function's alone, whatever workers there are: so it is learnt from requests that found a worker as from
 * those that did not.
 *
 * A worker for a vacant level is worth it while the chance that the level is taken in the next moment, times
 * what a request without a start is worth, is more than that moment. The answer may be yes, no, and yes again:
 * for what comes every five minutes, a worker is there after four.
 */
#ifndef SEED_NOSLATED_POLICY_FORECAST_H
#define SEED_NOSLATED_POLICY_FORECAST_H

#include <stdbool.h>
#include <stdint.h>

#define FORECAST_CLASSES 26 /* of levels, which learn together */

struct forecast_gaps;

struct forecast_level {
	uint64_t vacated_ns, next_ns; /* since when, and when it has to be looked at */
	bool expected;		      /* to be taken soon enough */
};

struct forecast {
	unsigned demand;
	struct forecast_level *levels; /* owned; those from `demand` on are vacant */
	unsigned n_levels, cap_levels;
	unsigned n_expected;
	uint64_t next_ns;
	struct forecast_gaps *gaps[FORECAST_CLASSES]; /* owned; NULL: nothing is known */
};

void forecast_init(struct forecast *f);
void forecast_finish(struct forecast *f);

/* Demand is that now. `worth_ns`: of how much idle time a request without a start is worth. */
void forecast_demand(struct forecast *f, unsigned demand, uint64_t worth_ns, uint64_t now);
/* Workers beyond the demand that are worth it now; *due is lowered to when that may change. */
unsigned forecast_expected(struct forecast *f, uint64_t worth_ns, uint64_t now, uint64_t *due);

#endif
