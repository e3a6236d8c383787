/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live figures of functions, for noslatectl and its dashboard: read from the statistics that both planes write
 * (stats/), with rates and latencies of the last moments, for which two older readings are kept.
 */
#ifndef SEED_NOSLATED_CONTROL_FIGURES_H
#define SEED_NOSLATED_CONTROL_FIGURES_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "runtime/base/err.h"

struct profile_set;

/* What is recent began one to two of these ago. */
#define FIGURES_STEP_MS 5000

struct figures;

/* Nothing is known as long as there are no statistics below `run`. */
int figures_create(uv_loop_t *loop, const char *run, struct figures **ret, struct err *err);
/* Its timer is closed as the loop runs on. NULL is fine. */
void figures_destroy(struct figures *f);

struct figure {
	uint64_t starting, serving, idle, draining; /* workers, as the data plane has them */
	uint64_t waiting, running;		    /* requests */
	uint64_t memory;			    /* bytes, measured */
	uint64_t requests, errors,
		cold;	    /* since the function is there; errors are answers of 5xx */
	uint64_t recent_ms; /* 0: nothing is known of it */
	uint64_t recent_requests, recent_errors;
	uint64_t p50_ns, p99_ns; /* as histogram_quantile() has it */
};

/* Of each function of the set, in its order; and in *ret_all the recent figures of all together. */
void figures_read(struct figures *f, const struct profile_set *set, struct figure *ret,
	struct figure *ret_all);

#endif
