/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node with one policy and a workload: events in the order of their time, until the workload's last
 * minute is over. What is alive then is counted until then.
 */
#ifndef SEED_NOSLATED_SIM_NODE_H
#define SEED_NOSLATED_SIM_NODE_H

#include <stdint.h>

#include "seed/noslated/policy/policy.h"

struct err;
struct meter;
struct record;
struct settings;
struct workload;

#define NODE_REQUESTS_MAX (1u << 28) /* that there are at a time */
#define NODE_WORKERS_MAX  (1u << 26)
#define NODE_TICKS_MAX	  1000000 /* of a policy that wants time to stand still */

struct node_options {
	uint64_t seed;
	double start_ms, start_p99_ms; /* how long a start takes: log-normal, its median and 99 % */
	struct policy_limits limits;
	struct record *record; /* NULL: none; borrowed */
	/* After each minute; may be NULL. */
	void (*progress)(void *data, uint32_t minute, uint32_t minutes);
	void *progress_data;
};

/* `ret`, which was meter_init()ed for as many minutes as the workload has, is what it has used. */
int node_run(const struct workload *w, const struct settings *settings,
	const struct node_options *o, struct meter *ret, struct err *err);

#endif
