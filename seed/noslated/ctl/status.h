/* SPDX-License-Identifier: Apache-2.0 */
/* How functions are, as list, describe and top show it. */
#ifndef SEED_NOSLATED_CTL_STATUS_H
#define SEED_NOSLATED_CTL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct json_doc;
struct json_node;
struct table;

struct status {
	const char *name, *tenant; /* of the document */
	uint64_t min, max, workers, starting, running, waiting, memory;
	uint64_t requests, errors; /* since the function is there */
	/* of the last moments */
	uint64_t recent_ms, recent_requests, recent_errors, p50_ns, p99_ns;
	bool drained;
};

struct status_list {
	struct json_doc **pages;
	size_t n_pages;
	struct status *all;
	size_t n;
};

int status_read(const struct json_node *n, struct status *ret, struct err *err);
/* Of all functions. status_list_finish() also after an error. */
int status_list_ask(struct status_list *ret, struct err *err);
void status_list_finish(struct status_list *l);
/* The busiest first: by requests of the last moments, those that wait, workers, and by name. */
void status_list_sort(struct status_list *l);

/* NULL: out of memory. */
struct table *status_table_create(void);
void status_table_put(struct table *t, const struct status *s);

#endif
