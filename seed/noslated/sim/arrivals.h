/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests of one minute, by time. Those of a trace that counts are anywhere in their minute, each as
 * likely as the other. The same request comes at the same time and takes as long, whichever part of a
 * workload is run.
 */
#ifndef SEED_NOSLATED_SIM_ARRIVALS_H
#define SEED_NOSLATED_SIM_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct workload;

struct arrival {
	uint64_t time_ns; /* since the workload began */
	uint32_t function;
	uint32_t
		index; /* of the function's requests in this minute, or of all when they are listed */
};

struct arrivals {
	const struct workload *workload; /* borrowed */
	uint64_t seed;
	uint32_t minute;
	struct arrival *v, *spare; /* owned */
	size_t n, cap;
};

void arrivals_init(struct arrivals *a, const struct workload *w, uint64_t seed);
void arrivals_finish(struct arrivals *a);
#define _cleanup_arrivals_ _cleanup_(arrivals_finish)

/* Replaces what is there. */
int arrivals_make(struct arrivals *a, uint32_t minute, struct err *err);
uint64_t arrivals_duration(const struct arrivals *a, const struct arrival *r);

#endif
