/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What will happen, by time: a heap of four children a node, 16 bytes an event, so that the children of a
 * node share a line of cache. Of equal times the event that was added first comes first.
 */
#ifndef SEED_NOSLATED_SIM_EVENTS_H
#define SEED_NOSLATED_SIM_EVENTS_H

#include <stddef.h>
#include <stdint.h>

enum event_kind { EVENT_END, EVENT_READY, EVENT_GONE };

#define EVENT_INDEX_BITS 30
#define EVENT_INDEX_MAX	 ((UINT32_C(1) << EVENT_INDEX_BITS) - 1)
#define EVENTS_NEVER	 UINT64_MAX

struct event {
	uint64_t time_ns;
	uint32_t order; /* counts, and begins again at 0: few live as long as 2^31 others */
	uint32_t what;	/* kind, and index of whom it concerns */
};

struct events {
	struct event *heap; /* owned */
	size_t n, cap;
	uint32_t order;
};

#define EVENTS_INIT           \
	{                     \
		NULL, 0, 0, 0 \
	}

void events_finish(struct events *q);
/* 0 or -ENOMEM. */
int events_add(struct events *q, uint64_t time_ns, enum event_kind kind, uint32_t index);
/* The first one; there has to be one. */
struct event events_take(struct events *q);

static inline uint64_t events_next(const struct events *q)
{
	return q->n ? q->heap[0].time_ns : EVENTS_NEVER;
}
static inline enum event_kind event_kind(const struct event *e)
{
	return (enum event_kind)(e->what >> EVENT_INDEX_BITS);
}
static inline uint32_t event_index(const struct event *e)
{
	return e->what & EVENT_INDEX_MAX;
}

#endif
