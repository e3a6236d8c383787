/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tenants: what each may have, and their turns where the node has too little. A tenant's turn is as many
 * steps as it has weight, each of one of its functions.
 *
 * One that has all that it may is in nobody's way: its functions keep their order, but it waits for none of
 * the node's turns until something of its own has been given back (tenant_wake()).
 */
#include <stdlib.h>
#include <string.h>

#include "seed/noslated/policy/policy_priv.h"

/* --- which there are --- */

struct policy_tenant *tenant_get(
	struct policy *p, const char *name, const struct policy_quota *quota, uint64_t now)
{
	struct table_entry *e = table_find(&p->tenants, name, strlen(name));
	struct policy_tenant *t = (struct policy_tenant *)(void *)e;

	if (t || !(t = calloc(1, sizeof(*t))))
		return t;
	t->policy = p;
	t->name = strdup(name);
	if (!t->name || table_add(&p->tenants, &t->entry, t->name) < 0) {
		free(t->name);
		free(t);
		return NULL;
	}
	t->quota = *quota;
	bucket_init(&t->tokens, quota->burst, now);
	t->idle.tail = &t->idle.first;
	for (int i = 0; i < N_SCARCE; i++)
		t->scarce[i].tail = &t->scarce[i].first;
	return t;
}

void tenant_put(struct policy_tenant *t)
{
	if (--t->n_functions > 0)
		return;
	table_remove(&t->policy->tenants, &t->entry);
	free(t->name);
	free(t);
}

/* --- what one may have --- */

bool tenant_is_full(
	const struct policy_tenant *t, enum scarce what, const struct policy_function *f)
{
	const struct policy_quota *q = &t->quota;

	if (what == SCARCE_RUNNING)
		return q->running > 0 && t->running >= q->running;
	return (q->workers > 0 && t->workers >= q->workers) ||
	       (q->memory > 0 && t->memory + node_memory_of(f) > q->memory);
}

/* Whether what leaves already is enough. */
static bool will_have_room(const struct policy_tenant *t, uint64_t wanted)
{
	const struct policy_quota *q = &t->quota;

	return (q->workers == 0 || t->workers - t->leaving_workers < q->workers) &&
	       (q->memory == 0 || t->memory - t->leaving_memory + wanted <= q->memory);
}

/* Idle workers of its other functions, those that are idle for longest first. */
static void make_room(struct policy_tenant *t, const struct policy_function *f)
{
	const uint64_t wanted = node_memory_of(f);
	struct policy_worker *w, *next;

	for (w = t->idle.first; w && !will_have_room(t, wanted); w = next) {
		const struct policy_function *of = w->function;

		next = w->idle_of_tenant.next;
		if (of != f && function_workers(of) > of->settings.min)
			worker_dismiss(w);
	}
}

/* --- turns --- */

static void join(struct policy_tenant *t, enum scarce what)
{
	struct policy *p = t->policy;

	t->scarce[what].next = NULL;
	t->scarce[what].prev = p->scarce[what].tail;
	*p->scarce[what].tail = t;
	p->scarce[what].tail = &t->scarce[what].next;
	t->scarce[what].steps = t->quota.weight > 0 ? t->quota.weight : 1;
}

static void leave(struct policy_tenant *t, enum scarce what)
{
	struct policy *p = t->policy;

	if (!t->scarce[what].prev)
		return;
	*t->scarce[what].prev = t->scarce[what].next;
	if (t->scarce[what].next)
		t->scarce[what].next->scarce[what].prev = t->scarce[what].prev;
	else
		p->scarce[what].tail = t->scarce[what].prev;
	t->scarce[what].prev = NULL;
}

void tenant_park(struct policy_tenant *t, enum scarce what, const struct policy_function *f)
{
	leave(t, what);
	if (what == SCARCE_START)
		make_room(t, f);
}

void tenant_wake(struct policy_tenant *t, enum scarce what)
{
	if (t->scarce[what].first && !t->scarce[what].prev)
		join(t, what);
}

void tenant_has_stepped(struct policy_tenant *t, enum scarce what)
{
	if (!t->scarce[what].prev || --t->scarce[what].steps > 0)
		return;
	leave(t, what);
	join(t, what);
}

static void add(struct policy_function *f, enum scarce what)
{
	struct policy_tenant *t = f->tenant;
	struct function_link *link = &f->scarce[what];

	link->next = NULL;
	link->prev = t->scarce[what].tail;
	*t->scarce[what].tail = f;
	t->scarce[what].tail = &link->next;
}

static void take_out(struct policy_function *f, enum scarce what)
{
	struct policy_tenant *t = f->tenant;
	struct function_link *link = &f->scarce[what];

	*link->prev = link->next;
	if (link->next)
		link->next->scarce[what].prev = link->prev;
	else
		t->scarce[what].tail = link->prev;
	link->prev = NULL;
}

void node_wait(struct policy_function *f, enum scarce what)
{
	struct policy_tenant *t = f->tenant;

	if (f->scarce[what].prev)
		return;
	add(f, what);
	if (t->scarce[what].prev)
		return;
	if (tenant_is_full(t, what, f))
		tenant_park(t, what, f);
	else
		join(t, what);
}

void node_to_the_end(struct policy_function *f, enum scarce what)
{
	take_out(f, what);
	add(f, what);
}

void node_stop_waiting(struct policy_function *f, enum scarce what)
{
	struct policy_tenant *t = f->tenant;

	if (!f->scarce[what].prev)
		return;
	take_out(f, what);
	if (!t->scarce[what].first)
		leave(t, what);
}

void tenant_change(struct policy_tenant *t, const struct policy_quota *quota)
{
	t->quota = *quota;
	if (t->tokens.n > quota->burst)
		t->tokens.n = quota->burst;
	for (int i = 0; i < N_SCARCE; i++)
		tenant_wake(t, i);
}
