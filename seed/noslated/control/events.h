/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has happened on the node, in memory: the last EVENTS_KEPT of it, each with a number that never occurs
 * twice while the daemon runs. Who follows asks for what is behind the number it has seen, and is told when
 * some of that is gone already.
 */
#ifndef SEED_NOSLATED_CONTROL_EVENTS_H
#define SEED_NOSLATED_CONTROL_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/util.h"

#define EVENTS_KEPT	   2048
#define EVENT_FUNCTION_MAX 129
#define EVENT_WORKER_MAX   65
#define EVENT_TEXT_MAX	   256 /* a longer sentence is cut */

enum event_kind {
	EVENT_STARTED, /* the daemon */
	EVENT_ENDS,
	EVENT_APPLIED,
	EVENT_REFUSED,
	EVENT_DRAINED,
	EVENT_RESUMED,
	EVENT_WORKER_STARTED,
	EVENT_WORKER_FAILED,
	EVENT_WORKER_ENDED,
	EVENT_DATA_PLANE_STARTED,
	EVENT_DATA_PLANE_ENDED,
	EVENT_KINDS
};

struct event {
	uint64_t number; /* from 1 on */
	int64_t time_ms; /* of the wall clock */
	enum event_kind kind;
	char function[EVENT_FUNCTION_MAX]; /* "": of none */
	char worker[EVENT_WORKER_MAX];
	char text[EVENT_TEXT_MAX];
};

struct events;

/* NULL: out of memory. `changed` is called when there is a new one; NULL: never. */
struct events *events_create(void (*changed)(void *arg), void *arg);
void events_destroy(struct events *e);

/* `function` and `worker` may be NULL. */
void events_add(struct events *e, enum event_kind kind, const char *function, const char *worker,
	const char *fmt, ...) PRINTF_LIKE(5, 6);

uint64_t events_first(const struct events *e); /* that is kept; last + 1 when there is none */
uint64_t events_last(const struct events *e);  /* 0: none yet */
/* NULL: it is not kept. Good until the next events_add(). */
const struct event *events_get(const struct events *e, uint64_t number);

/* "worker-started" */
const char *event_kind_name(enum event_kind kind);

#endif
