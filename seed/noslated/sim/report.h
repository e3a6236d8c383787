/* SPDX-License-Identifier: Apache-2.0 */
/* What runs have shown: for people, for machines, as a page. */
#ifndef SEED_NOSLATED_SIM_REPORT_H
#define SEED_NOSLATED_SIM_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seed/noslated/policy/policy.h"

struct err;
struct json_writer;
struct meter;
struct settings;
struct workload;

struct report {
	const char *source; /* of the workload, as the command line says it */
	const struct workload *workload;
	uint64_t seed;
	unsigned concurrency;
	double start_ms, start_p99_ms, scale_duration;
	struct policy_limits limits;
	const struct settings *settings; /* of each policy */
	const struct meter *meters;	 /* likewise */
	size_t n;
};

#define REPORT_REFUSALS 5
/* Points of a page's lines at most. */
#define REPORT_POINTS_MAX 1440

void report_table(const struct report *r, bool colour);
/* To stdout. */
int report_json(const struct report *r, struct err *err);
/* Replaces the file. */
int report_html(const struct report *r, const char *path, struct err *err);

/* The object of report_json(); `lines`: with what changes over time, and distributions. */
void report_write(const struct report *r, bool lines, struct json_writer *w);

#endif
