/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The workers of a function: a heap of those that can take a request, lists by age and of the idle ones.
 */
#include <assert.h>
#include <stdlib.h>

#include "seed/noslated/policy/policy_priv.h"

/* --- lists --- */

#define LIST_ADD(list, w, link)                 \
	do {                                    \
		(w)->link.next = NULL;          \
		(w)->link.prev = (list)->tail;  \
		*(list)->tail = (w);            \
		(list)->tail = &(w)->link.next; \
	} while (0)

#define LIST_REMOVE(list, w, link)                                  \
	do {                                                        \
		*(w)->link.prev = (w)->link.next;                   \
		if ((w)->link.next)                                 \
			(w)->link.next->link.prev = (w)->link.prev; \
		else                                                \
			(list)->tail = (w)->link.prev;              \
		(w)->link.prev = NULL;                              \
	} while (0)

/* --- the heap --- */

static bool is_better(const struct policy_worker *a, const struct policy_worker *b)
{
	if (a->function->settings.dispatch == POLICY_ROUND_ROBIN)
		return a->used < b->used;
	return a->running != b->running ? a->running < b->running : a->used > b->used;
}

static void put(struct policy_function *f, size_t at, struct policy_worker *w)
{
	f->heap[at] = w;
	w->slot = at + 1;
}

static void sift(struct policy_function *f, size_t at)
{
	struct policy_worker *w = f->heap[at];

	while (at > 0 && is_better(w, f->heap[(at - 1) / 2])) {
		put(f, at, f->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < f->n_heap && is_better(f->heap[child + 1], f->heap[child]))
			child++;
		if (child >= f->n_heap || !is_better(f->heap[child], w))
			break;
		put(f, at, f->heap[child]);
		at = child;
	}
	put(f, at, w);
}

static void heap_remove(struct policy_worker *w)
{
	struct policy_function *f = w->function;
	const size_t at = w->slot - 1;
	struct policy_worker *last = f->heap[--f->n_heap];

	w->slot = 0;
	if (last == w)
		return;
	put(f, at, last);
	sift(f, at);
}

static void heap_place(struct policy_worker *w)
{
	struct policy_function *f = w->function;

	if (!w->slot)
		put(f, f->n_heap++, w);
	sift(f, w->slot - 1);
}

struct policy_worker *worker_for(const struct policy_function *f, uint64_t avoided)
{
	struct policy_worker *const *heap = f->heap;

	if (heap[0]->number != avoided || f->n_heap == 1)
		return heap[0];
	return f->n_heap > 2 && is_better(heap[2], heap[1]) ? heap[2] : heap[1];
}

/* So that placing a worker cannot fail. */
static bool reserve(struct policy_function *f, size_t n)
{
	size_t cap = f->cap_heap ? f->cap_heap : 4;
	struct policy_worker **heap;

	if (n <= f->cap_heap)
		return true;
	while (cap < n)
		cap *= 2;
	heap = realloc(f->heap, cap * sizeof(*heap));
	if (!heap)
		return false;
	f->heap = heap;
	f->cap_heap = cap;
	return true;
}

/* --- one worker --- */

static size_t count_all(const struct policy_function *f)
{
	size_t n = 0;

	for (size_t i = 0; i < N_WORKER_STATES; i++)
		n += f->n[i];
	return n;
}

struct policy_worker *worker_create(struct policy_function *f, uint64_t now)
{
	struct policy *p = f->policy;
	struct policy_worker *w = p->spare;

	if (!reserve(f, count_all(f) + 1))
		return NULL;
	if (w)
		p->spare = w->by_age.next;
	else if (!(w = malloc(sizeof(*w))))
		return NULL;
	*w = (struct policy_worker){.function = f,
		.number = ++p->n_created,
		.begun_ns = now,
		.memory = node_memory_of(f),
		.state = WORKER_STARTING};
	f->n[WORKER_STARTING]++;
	p->starting++;
	p->memory += w->memory;
	f->tenant->workers++;
	f->tenant->memory += w->memory;
	LIST_ADD(&f->by_age, w, by_age);
	return w;
}

static void leave_idle(struct policy_worker *w)
{
	struct policy_function *f = w->function;

	if (!w->idle.prev)
		return;
	LIST_REMOVE(&f->idle, w, idle);
	LIST_REMOVE(&f->tenant->idle, w, idle_of_tenant);
	LIST_REMOVE(&f->policy->idle, w, idle_of_node);
	f->n_idle--;
}

static void count_out(struct policy_worker *w)
{
	struct policy_function *f = w->function;

	f->n[w->state]--;
	if (w->state == WORKER_STARTING)
		f->policy->starting--;
	if (w->state == WORKER_STOPPING) {
		f->policy->leaving -= w->memory;
		f->tenant->leaving_memory -= w->memory;
		f->tenant->leaving_workers--;
	}
}

/* Its tenant has something to give back, or could. */
static void wake_for_start(struct policy_tenant *t)
{
	tenant_wake(t, SCARCE_START);
	tenant_wake(t, SCARCE_SPARE);
}

void worker_charge(struct policy_worker *w, uint64_t memory)
{
	struct policy_tenant *t = w->function->tenant;
	struct policy *p = t->policy;

	p->memory += memory - w->memory;
	t->memory += memory - w->memory;
	if (w->state == WORKER_STOPPING) {
		p->leaving += memory - w->memory;
		t->leaving_memory += memory - w->memory;
	}
	w->memory = memory;
	wake_for_start(t);
}

void worker_set_state(struct policy_worker *w, enum worker_state state)
{
	struct policy_function *f = w->function;

	count_out(w);
	w->state = state;
	f->n[state]++;
	if (state == WORKER_STOPPING) {
		f->policy->leaving += w->memory;
		f->tenant->leaving_memory += w->memory;
		f->tenant->leaving_workers++;
	}
}

void worker_placed(struct policy_worker *w, uint64_t now)
{
	struct policy_function *f = w->function;
	const bool serves = w->state == WORKER_SERVING;

	if (serves && w->running < f->settings.concurrency)
		heap_place(w);
	else if (w->slot)
		heap_remove(w);
	if (!serves || w->running > 0) {
		leave_idle(w);
	} else if (!w->idle.prev) {
		w->idle_since_ns = now;
		LIST_ADD(&f->idle, w, idle);
		LIST_ADD(&f->tenant->idle, w, idle_of_tenant);
		LIST_ADD(&f->policy->idle, w, idle_of_node);
		f->n_idle++;
		wake_for_start(f->tenant);
	}
}

void worker_dismiss(struct policy_worker *w)
{
	struct policy *p = w->function->policy;

	worker_set_state(w, w->running > 0 ? WORKER_DRAINING : WORKER_STOPPING);
	worker_placed(w, 0);
	if (w->state == WORKER_STOPPING)
		p->ops->stop(p->host, w);
}

void worker_destroy(struct policy_worker *w)
{
	struct policy_function *f = w->function;
	struct policy *p = f->policy;

	if (w->slot)
		heap_remove(w);
	leave_idle(w);
	LIST_REMOVE(&f->by_age, w, by_age);
	count_out(w);
	p->memory -= w->memory;
	f->tenant->memory -= w->memory;
	f->tenant->workers--;
	wake_for_start(f->tenant);
	w->by_age.next = p->spare;
	p->spare = w;
}

/* --- who goes --- */

static bool goes_sooner(
	const struct policy_worker *a, const struct policy_worker *b, enum policy_shrink how)
{
	/* One that does not serve yet has nothing to lose. */
	if ((a->state == WORKER_STARTING) != (b->state == WORKER_STARTING))
		return a->state == WORKER_STARTING;
	return how == POLICY_SHRINK_LCC && a->running < b->running;
}

struct policy_worker *worker_to_go(const struct policy_function *f)
{
	const enum policy_shrink how = f->settings.shrink;
	struct policy_worker *found = NULL;

	if (how == POLICY_SHRINK_LCC && f->idle.first && f->n[WORKER_STARTING] == 0)
		return f->idle.first;
	for (struct policy_worker *w = f->by_age.first; w; w = w->by_age.next) {
		if (w->state != WORKER_STARTING && w->state != WORKER_SERVING)
			continue;
		if (!found || goes_sooner(w, found, how) ||
			(how == POLICY_SHRINK_FILO && !goes_sooner(found, w, how)))
			found = w;
	}
	return found;
}
