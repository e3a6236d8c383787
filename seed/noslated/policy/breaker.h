/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A circuit breaker: counts how requests of a function end, over a window. When too many of them fail it
 * opens, and nobody is admitted for a while; then one request at a time tries whether it is better by now.
 */
#ifndef SEED_NOSLATED_POLICY_BREAKER_H
#define SEED_NOSLATED_POLICY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_SLOTS 8 /* of the window */

struct policy_breaker;

struct breaker {
	unsigned served[BREAKER_SLOTS], failed[BREAKER_SLOTS];
	uint64_t slot; /* the youngest one: its number since the beginning of time */
	uint64_t slot_end_ns;
	bool open;
	uint64_t until_ns; /* when it may be tried again */
	bool tried;	   /* somebody does */
};

/* *ret_trial: how this one ends decides. */
bool breaker_admits(struct breaker *b, uint64_t now, bool *ret_trial);
/* One that was admitted has ended. True: it has opened. */
bool breaker_heard(struct breaker *b, const struct policy_breaker *settings, bool trial,
	bool failed, uint64_t now);
/* The one that tried it has ended in a way that says nothing. */
void breaker_untried(struct breaker *b);

#endif
