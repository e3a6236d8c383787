/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node: timers of its functions, and what is scarce, which tenants get in turn (tenants.c). A step is a
 * request that runs, or a worker that starts.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "seed/noslated/policy/policy_priv.h"

struct policy *policy_create(
	const struct policy_ops *ops, void *host, const struct policy_limits *limits)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->ops = ops;
	p->host = host;
	p->limits = *limits;
	p->idle.tail = &p->idle.first;
	for (int i = 0; i < N_SCARCE; i++)
		p->scarce[i].tail = &p->scarce[i].first;
	return p;
}

uint64_t policy_memory(const struct policy *p)
{
	return p->memory;
}

/* --- timers: a heap by due_ns --- */

static void put(struct policy *p, size_t at, struct policy_function *f)
{
	p->timers[at] = f;
	f->timer = at + 1;
}

static void sift(struct policy *p, size_t at)
{
	struct policy_function *f = p->timers[at];

	while (at > 0 && f->due_ns < p->timers[(at - 1) / 2]->due_ns) {
		put(p, at, p->timers[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < p->n_timers &&
			p->timers[child + 1]->due_ns < p->timers[child]->due_ns)
			child++;
		if (child >= p->n_timers || p->timers[child]->due_ns >= f->due_ns)
			break;
		put(p, at, p->timers[child]);
		at = child;
	}
	put(p, at, f);
}

/* Most timers are moved away before they are due, which costs nothing when it is found out late. */
void node_timer(struct policy_function *f, uint64_t due_ns)
{
	struct policy *p = f->policy;

	if (due_ns == POLICY_NEVER || (f->timer && f->due_ns <= due_ns))
		return;
	f->due_ns = due_ns;
	if (!f->timer)
		put(p, p->n_timers++, f);
	sift(p, f->timer - 1);
}

void node_forget_timer(struct policy_function *f)
{
	struct policy *p = f->policy;
	const size_t at = f->timer - 1;
	struct policy_function *last;

	if (!f->timer)
		return;
	f->timer = 0;
	last = p->timers[--p->n_timers];
	if (last == f)
		return;
	put(p, at, last);
	sift(p, at);
}

uint64_t policy_due(const struct policy *p)
{
	return p->n_timers > 0 ? p->timers[0]->due_ns : POLICY_NEVER;
}

void policy_hold_starts(struct policy *p)
{
	p->holds_starts = true;
}

void policy_allow_starts(struct policy *p, uint64_t now)
{
	p->holds_starts = false;
	node_feed(p, now);
}

void policy_tick(struct policy *p, uint64_t now)
{
	while (p->n_timers > 0 && p->timers[0]->due_ns <= now) {
		struct policy_function *f = p->timers[0];

		node_forget_timer(f);
		function_balance(f, now);
	}
	node_feed(p, now);
}

/* --- what is scarce --- */

uint64_t node_memory_of(const struct policy_function *f)
{
	return f->memory > 0 ? (uint64_t)f->memory : f->settings.memory;
}

bool node_has(const struct policy *p, enum scarce what, const struct policy_function *f)
{
	const struct policy_limits *l = &p->limits;

	if (what == SCARCE_RUNNING)
		return l->running == 0 || p->running < l->running;
	return !p->holds_starts && (l->starting == 0 || p->starting < l->starting) &&
	       (l->memory == 0 || p->memory + node_memory_of(f) <= l->memory);
}

bool node_is_short(const struct policy *p, enum scarce what)
{
	return p->scarce[what].first != NULL;
}

/* Idle workers of others make room, those that are idle for longest first; it is there when they have gone. */
static void make_room(struct policy *p, const struct policy_function *f, uint64_t wanted)
{
	struct policy_worker *w, *next;

	if (p->limits.memory == 0 || p->holds_starts)
		return;
	for (w = p->idle.first; w && p->memory - p->leaving + wanted > p->limits.memory; w = next) {
		const struct policy_function *of = w->function;

		next = w->idle_of_node.next;
		if (of != f && function_workers(of) > of->settings.min)
			worker_dismiss(w);
	}
}

static void feed(struct policy *p, enum scarce what, uint64_t now)
{
	while (p->scarce[what].first) {
		struct policy_tenant *t = p->scarce[what].first;
		struct policy_function *f = t->scarce[what].first;

		if (!function_wants(f, what, now)) {
			node_stop_waiting(f, what);
			continue;
		}
		if (tenant_is_full(t, what, f)) {
			tenant_park(t, what, f);
			continue;
		}
		/* Whose turn it is has it, even if somebody else needs less. */
		if (!node_has(p, what, f)) {
			if (what == SCARCE_START)
				make_room(p, f, node_memory_of(f));
			return;
		}
		node_to_the_end(f, what);
		tenant_has_stepped(t, what);
		if (!function_take(f, what, now))
			node_stop_waiting(f, what);
	}
}

void node_feed(struct policy *p, uint64_t now)
{
	feed(p, SCARCE_RUNNING, now);
	feed(p, SCARCE_START, now);
	if (!node_is_short(p, SCARCE_START))
		feed(p, SCARCE_SPARE, now);
}

void policy_limit(struct policy *p, const struct policy_limits *limits, uint64_t now)
{
	p->limits = *limits;
	node_keep_limits(p, now);
}

void node_keep_limits(struct policy *p, uint64_t now)
{
	make_room(p, NULL, 0);
	node_feed(p, now);
}
