/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another set of functions. All that needs memory is done first; a function of which other workers are
 * needed is replaced: the old one ends with its requests, and what waited for it waits for the new one.
 */
#include <errno.h>
#include <string.h>

#include "oci-spec/config.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* What a worker is made of, as text. */
static char *identity_of(const struct profile_function *f)
{
	const struct profile_code *c = &f->code;
	const struct profile_resources *r = &f->resources;
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s\n%d %d %d\n%s\n%s\n%s\n%s\n", f->tenant, f->runtime, f->start,
		f->disposable, c->path ? c->path : "", c->url ? c->url : "",
		c->digest ? c->digest : "", c->entry ? c->entry : "");
	buf_printf(&b, "%llu %u %u %llu %llu %llu %llu\n", (unsigned long long)r->memory,
		r->cpu_shares, r->pids, (unsigned long long)r->heap, (unsigned long long)r->stack,
		(unsigned long long)r->task_ms, (unsigned long long)r->cpu_ms);
	for (size_t i = 0; i < f->n_env; i++)
		buf_printf(&b, "%s=%s\n", f->env[i].name, f->env[i].value);
	return buf_take(&b);
}

static void free_function(struct data_function *f)
{
	if (!f)
		return;
	free(f->name);
	free(f->tenant);
	free(f->identity);
	free(f);
}

static struct data_function *make_function(const struct profile_function *p)
{
	struct data_function *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->name = strdup(p->name);
	f->tenant = strdup(p->tenant);
	f->identity = identity_of(p);
	f->request_ms = p->times.request_ms;
	f->drain_ms = p->times.drain_ms;
	f->drained = p->drained;
	if (f->name && f->tenant && f->identity)
		return f;
	free_function(f);
	return NULL;
}

/* One of the new set: its function is there already (`old`), or is to be added, or replaces the old one. */
struct change {
	struct data_function *old, *new;
};

static int plan(struct data_plane *d, const struct profile_set *set, struct change *changes)
{
	for (size_t i = 0; i < set->n_functions; i++) {
		const struct profile_function *p = &set->functions[i];
		struct table_entry *e = table_find(&d->functions, p->name, strlen(p->name));

		changes[i].new = make_function(p);
		if (!changes[i].new)
			return -ENOMEM;
		if (!e)
			continue;
		changes[i].old = container_of(e, struct data_function, entry);
		if (streq(changes[i].old->identity, changes[i].new->identity)) {
			free_function(changes[i].new);
			changes[i].new = NULL;
		}
	}
	return 0;
}

static int make_router(const struct profile_set *set, const struct change *changes,
	struct router **ret, struct err *err)
{
	struct router *r = router_create();
	int rc = r ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < set->n_functions; i++) {
		const struct profile_function *p = &set->functions[i];
		struct data_function *f = changes[i].new ? changes[i].new : changes[i].old;

		for (size_t j = 0; rc == 0 && j < p->n_routes; j++)
			rc = router_add(r, &p->routes[j], f);
		if (rc == -E2BIG)
			err_say(err, E2BIG, "a route of '%s' has more than %d segments", p->name,
				ROUTER_DEPTH_MAX);
	}
	if (rc == -ENOMEM)
		err_oom(err);
	if (rc < 0)
		router_destroy(r);
	else
		*ret = r;
	return rc;
}

/* Adds those that are new to the policy; the names are changed later. */
static int add_all(struct data_plane *d, const struct profile_set *set, struct change *changes)
{
	for (size_t i = 0; i < set->n_functions; i++) {
		const struct profile_function *p = &set->functions[i];
		struct data_function *f = changes[i].new;
		struct policy_settings s;

		if (!f)
			continue;
		profile_settings(set, p, &s);
		f->policy = policy_add(d->policy, p->tenant, &s, f, uv_hrtime());
		if (!f->policy)
			return -ENOMEM;
	}
	return 0;
}

static void undo(struct data_plane *d, struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct data_function *f = changes[i].new;

		if (f && f->policy)
			host_remove(d, f);
		else
			free_function(f);
	}
}

static bool is_in(const struct profile_set *set, const struct data_function *f)
{
	return profile_set_find(set, f->name) != NULL;
}

/* Those that are in no set any more. */
static void remove_missing(struct data_plane *d, const struct profile_set *set)
{
	for (size_t i = 0; i < d->functions.cap; i++) {
		struct table_entry *e = d->functions.buckets[i], *next;

		for (; e; e = next) {
			struct data_function *f = container_of(e, struct data_function, entry);

			next = e->next;
			if (is_in(set, f))
				continue;
			table_remove(&d->functions, e);
			host_remove(d, f);
		}
	}
}

/* The table has room for all of them, so that adding cannot fail. */
static void commit(struct data_plane *d, const struct profile_set *set, struct change *changes)
{
	struct policy_limits limits;

	remove_missing(d, set);
	for (size_t i = 0; i < set->n_functions; i++) {
		const struct profile_function *p = &set->functions[i];
		struct data_function *f = changes[i].new, *old = changes[i].old;
		struct policy_settings s;

		profile_settings(set, p, &s);
		if (!f) {
			old->request_ms = p->times.request_ms;
			old->drain_ms = p->times.drain_ms;
			old->drained = p->drained;
			policy_change(old->policy, &s, uv_hrtime());
			continue;
		}
		/* Of its tenant, which may have been there before. */
		policy_change(f->policy, &s, uv_hrtime());
		if (old)
			table_remove(&d->functions, &old->entry);
		table_add(&d->functions, &f->entry, f->name);
		measure_function(d, f);
		if (old)
			host_remove(d, old);
	}
	profile_limits(set, &limits);
	policy_limit(d->policy, &limits, uv_hrtime());
}

static int prepare(struct data_plane *d, const struct profile_set *set, struct change *changes,
	struct router **ret, struct err *err)
{
	int r;

	if (plan(d, set, changes) < 0 ||
		table_reserve(&d->functions, d->functions.n + set->n_functions) < 0)
		return err_oom(err);
	if (!d->policy) {
		struct policy_limits limits;

		profile_limits(set, &limits);
		r = host_init(d, &limits, err);
		if (r < 0)
			return r;
	}
	r = make_router(set, changes, ret, err);
	if (r < 0)
		return r;
	if (add_all(d, set, changes) < 0) {
		router_destroy(take_ptr(ret));
		return err_oom(err);
	}
	return 0;
}

int data_apply(struct data_plane *d, struct profile_set *set, struct err *err)
{
	_cleanup_free_ struct change *changes = calloc(set->n_functions + 1, sizeof(*changes));
	struct router *router = NULL;
	int r;

	if (!changes)
		return err_oom(err);
	r = prepare(d, set, changes, &router, err);
	if (r < 0) {
		undo(d, changes, set->n_functions);
		if (d->policy)
			host_settle(d);
		return err_wrap(err, "take a set of functions");
	}
	router_destroy(d->router);
	d->router = router;
	commit(d, set, changes);
	measure_applied(d);
	profile_set_finish(set);
	*set = (struct profile_set){0};
	host_settle(d);
	return 0;
}
