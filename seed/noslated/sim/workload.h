/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What asks for workers: functions of tenants, and how many requests each gets in which minute. Requests
 * themselves are made one minute at a time (arrivals.h); a trace that knows the time of each one has a
 * list of them instead.
 */
#ifndef SEED_NOSLATED_SIM_WORKLOAD_H
#define SEED_NOSLATED_SIM_WORKLOAD_H

#include <stdint.h>

#include "runtime/base/arena.h"
#include "seed/noslated/sim/quantiles.h"

struct csv_field;
struct err;

#define WORKLOAD_FUNCTIONS_MAX	4000000
#define WORKLOAD_MINUTES_MAX	(31 * 1440)
#define WORKLOAD_PER_MINUTE_MAX 50000000 /* requests */
#define WORKLOAD_MINUTE_NS	UINT64_C(60000000000)
#define WORKLOAD_MEMORY_MAX	(UINT64_C(1) << 50)

struct workload_function {
	uint32_t tenant;
	uint64_t memory;    /* bytes a worker */
	uint64_t window_ns; /* of a minute, in which its requests come */
	struct quantiles duration_ns;
};

/* Requests of a function in a minute. */
struct workload_load {
	uint32_t function, count;
};

struct workload_request {
	uint64_t time_ns, duration_ns;
	uint32_t function;
};

struct workload {
	struct workload_function *functions;
	uint32_t n_functions;
	const char **tenants;
	uint32_t n_tenants;
	uint32_t minutes;
	uint32_t begin;	 /* how many minutes of the source are left out before */
	uint32_t *first; /* of minute m are loads, or requests, first[m] to first[m + 1] */
	struct workload_load *loads;
	struct workload_request *requests; /* instead of loads; by time */
	uint64_t total;			   /* requests */

	/* while it is built */
	struct arena strings;
	size_t functions_cap, tenants_cap;
	struct workload_entry *entries;
	size_t n_entries, entries_cap;
	struct names *tenant_names;
};

#define WORKLOAD_INIT \
	{             \
		0     \
	}

void workload_finish(struct workload *w);
#define _cleanup_workload_ _cleanup_(workload_finish)

/* Those that build one: functions, then what they get, then workload_settle(). */
int workload_add_function(struct workload *w, const struct csv_field *tenant,
	const struct workload_function *f, uint32_t *ret, struct err *err);
int workload_add_load(
	struct workload *w, uint32_t function, uint32_t minute, uint32_t count, struct err *err);
int workload_add_request(struct workload *w, const struct workload_request *r, struct err *err);
/* Of `minutes` it keeps those from `from` (the first is 1) to `to`; 0: all. */
int workload_settle(
	struct workload *w, uint32_t minutes, uint32_t from, uint32_t to, struct err *err);

/* --- where they come from --- */

struct workload_options {
	uint64_t seed;
	double scale_duration;
	unsigned from, to; /* minutes; 0: all */
};

/* PATH is a directory or the beginning of the names of its three files. */
int azure_2019_load(
	struct workload *w, const char *path, const struct workload_options *o, struct err *err);
int azure_2021_load(
	struct workload *w, const char *path, const struct workload_options *o, struct err *err);
/* KIND[:KEY=VALUE,...] */
int synthetic_load(
	struct workload *w, const char *spec, const struct workload_options *o, struct err *err);
/* The kinds' names, NULL at the end. */
extern const char *const synthetic_kinds[];

#endif
