/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/util.h"

struct events {
	void (*changed)(void *arg);
	void *arg;
	uint64_t last;
	struct event ring[EVENTS_KEPT]; /* number N is at N % EVENTS_KEPT */
};

static const char *const names[EVENT_KINDS] = {
	[EVENT_STARTED] = "started",
	[EVENT_ENDS] = "ends",
	[EVENT_APPLIED] = "applied",
	[EVENT_REFUSED] = "refused",
	[EVENT_DRAINED] = "drained",
	[EVENT_RESUMED] = "resumed",
	[EVENT_WORKER_STARTED] = "worker-started",
	[EVENT_WORKER_FAILED] = "worker-failed",
	[EVENT_WORKER_ENDED] = "worker-ended",
	[EVENT_DATA_PLANE_STARTED] = "data-plane-started",
	[EVENT_DATA_PLANE_ENDED] = "data-plane-ended",
};

const char *event_kind_name(enum event_kind kind)
{
	return names[kind];
}

struct events *events_create(void (*changed)(void *arg), void *arg)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e) {
		e->changed = changed;
		e->arg = arg;
	}
	return e;
}

void events_destroy(struct events *e)
{
	free(e);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void events_add(struct events *e, enum event_kind kind, const char *function, const char *worker,
	const char *fmt, ...)
{
	struct event *one = &e->ring[++e->last % EVENTS_KEPT];
	va_list args;

	one->number = e->last;
	one->time_ms = now_ms();
	one->kind = kind;
	snprintf(one->function, sizeof(one->function), "%s", function ? function : "");
	snprintf(one->worker, sizeof(one->worker), "%s", worker ? worker : "");
	va_start(args, fmt);
	vsnprintf(one->text, sizeof(one->text), fmt, args);
	va_end(args);
	if (e->changed)
		e->changed(e->arg);
}

uint64_t events_first(const struct events *e)
{
	return e->last < EVENTS_KEPT ? 1 : e->last - EVENTS_KEPT + 1;
}

uint64_t events_last(const struct events *e)
{
	return e->last;
}

const struct event *events_get(const struct events *e, uint64_t number)
{
	return number >= events_first(e) && number <= e->last ? &e->ring[number % EVENTS_KEPT]
							      : NULL;
}
