/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define ARITY	  4
#define CAP_FIRST 1024

void events_finish(struct events *q)
{
	free(q->heap);
	*q = (struct events)EVENTS_INIT;
}

static bool is_before(const struct event *a, const struct event *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	return (int32_t)(a->order - b->order) < 0;
}

static int grow(struct events *q)
{
	const size_t cap = q->cap ? q->cap * 2 : CAP_FIRST;
	struct event *heap = reallocarray(q->heap, cap, sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	q->heap = heap;
	q->cap = cap;
	return 0;
}

int events_add(struct events *q, uint64_t time_ns, enum event_kind kind, uint32_t index)
{
	const struct event e = {
		.time_ns = time_ns,
		.order = q->order++,
		.what = (uint32_t)kind << EVENT_INDEX_BITS | index,
	};
	size_t i;

	if (q->n == q->cap && grow(q) < 0)
		return -ENOMEM;
	for (i = q->n++; i > 0; i = (i - 1) / ARITY) {
		const size_t parent = (i - 1) / ARITY;

		if (!is_before(&e, &q->heap[parent]))
			break;
		q->heap[i] = q->heap[parent];
	}
	q->heap[i] = e;
	return 0;
}

static size_t first_child(const struct events *q, size_t i)
{
	const size_t from = i * ARITY + 1;
	const size_t to = from + ARITY < q->n ? from + ARITY : q->n;
	size_t best = from;

	for (size_t c = from + 1; c < to; c++)
		if (is_before(&q->heap[c], &q->heap[best]))
			best = c;
	return best;
}

struct event events_take(struct events *q)
{
	const struct event first = q->heap[0];
	const struct event last = q->heap[--q->n];
	size_t i = 0;

	while (i * ARITY + 1 < q->n) {
		const size_t child = first_child(q, i);

		if (!is_before(&q->heap[child], &last))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	if (q->n)
		q->heap[i] = last;
	return first;
}
