/* SPDX-License-Identifier: Apache-2.0 */
/* A set of functions as a whole: what the tables cannot say, in both directions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "oci-spec/schema.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/profile/profile_priv.h"

/* --- reading --- */

struct reader {
	struct profile_set set;
	struct buf *errors; /* NULL: the first one does */
	struct err *first;
};

/* What is wrong with one function says nothing of the others. */
static void note(struct reader *r, const struct err *e)
{
	if (r->first->code == 0)
		*r->first = *e;
	if (r->errors)
		buf_printf(r->errors, "%s\n", e->msg);
}

static int compare_functions(const void *a, const void *b)
{
	const struct profile_function *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static int compare_tenants(const void *a, const void *b)
{
	const struct profile_tenant *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static const struct profile_tenant *find_tenant(const struct profile_set *s, const char *name)
{
	const struct profile_tenant key = {.name = name};

	return s->n_tenants == 0 ? NULL
				 : bsearch(&key, s->tenants, s->n_tenants, sizeof(*s->tenants),
					   compare_tenants);
}

static void check_member(struct reader *r, const struct json_node *n)
{
	static const char *const known[] = {"version", "node", "tenants", "functions"};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(json_name(n), known[i]))
			return;
	(void)json_fail(n, &e, "unknown member");
	note(r, &e);
}

static void check_version(struct reader *r, const struct json_node *root)
{
	struct err e = ERR_INIT;
	uint64_t version;

	if (json_need_u64(root, "version", &version, &e) == 0 && version != PROFILE_VERSION)
		(void)json_fail_member(root, "version", &e, "%llu, this program knows %d",
			(unsigned long long)version, PROFILE_VERSION);
	if (e.code)
		note(r, &e);
}

static void read_functions(struct reader *r, const struct json_node *list)
{
	struct profile_set *s = &r->set;

	json_for_each (n, list) {
		struct err e = ERR_INIT;

		if (tree_read(n, &profile_function_schema, &s->arena, &s->functions[s->n_functions],
			    &e) < 0)
			note(r, &e);
		else
			s->n_functions++;
	}
}

/* In the order of the text, so that the later one is wrong. */
static void check_names(struct reader *r, const struct json_node *list)
{
	const struct profile_set *s = &r->set;

	for (size_t i = 1; i < s->n_functions; i++) {
		struct err e = ERR_INIT;

		if (!streq(s->functions[i].name, s->functions[i - 1].name))
			continue;
		(void)json_fail(list, &e, "two functions are called '%s'", s->functions[i].name);
		note(r, &e);
	}
}

static int make_room(struct reader *r, const struct json_node *list, size_t max, size_t size,
	void *ret, struct err *err)
{
	void *room;

	if (json_is_array(list, err) < 0)
		return -err->code;
	if (json_count(list) > max)
		return json_fail(list, err, "more than %zu", max);
	room = arena_calloc(&r->set.arena, json_count(list) + 1, size);
	if (!room)
		return err_oom(err);
	*(void **)ret = room;
	return 0;
}

/* --- tenants --- */

static void read_tenants(struct reader *r, const struct json_node *list)
{
	struct profile_set *s = &r->set;
	struct err e = ERR_INIT;

	if (make_room(r, list, PROFILE_TENANTS_MAX, sizeof(*s->tenants), &s->tenants, &e) < 0) {
		note(r, &e);
		return;
	}
	json_for_each (n, list) {
		e = (struct err)ERR_INIT;
		if (tree_read(n, &profile_tenant_schema, &s->arena, &s->tenants[s->n_tenants], &e) <
			0)
			note(r, &e);
		else
			s->n_tenants++;
	}
	if (s->n_tenants > 0)
		qsort(s->tenants, s->n_tenants, sizeof(*s->tenants), compare_tenants);
	for (size_t i = 1; i < s->n_tenants; i++) {
		if (!streq(s->tenants[i].name, s->tenants[i - 1].name))
			continue;
		e = (struct err)ERR_INIT;
		(void)json_fail(list, &e, "two tenants are called '%s'", s->tenants[i].name);
		note(r, &e);
	}
}

/* What could never be: workers that are reserved beyond the quota, or one that is larger than it. */
static void check_quota(struct reader *r, const struct json_node *list,
	const struct profile_tenant *t, uint64_t reserved, uint64_t largest)
{
	struct err e = ERR_INIT;

	if (t->workers > 0 && reserved > t->workers)
		(void)json_fail(list, &e,
			"the functions of '%s' reserve %llu workers, and it may have %u", t->name,
			(unsigned long long)reserved, t->workers);
	else if (t->memory > 0 && largest > t->memory)
		(void)json_fail(list, &e, "a worker of '%s' may take more memory than all of them",
			t->name);
	if (e.code)
		note(r, &e);
}

static void check_quotas(struct reader *r, const struct json_node *list)
{
	struct profile_set *s = &r->set;
	struct {
		uint64_t reserved, largest;
	} *sums = arena_calloc(&s->arena, s->n_tenants + 1, sizeof(*sums));
	struct err e = ERR_INIT;

	if (!sums) {
		err_oom(&e);
		note(r, &e);
		return;
	}
	for (size_t i = 0; i < s->n_functions; i++) {
		const struct profile_function *f = &s->functions[i];
		const struct profile_tenant *t = find_tenant(s, f->tenant);

		if (!t)
			continue;
		sums[t - s->tenants].reserved += f->replicas.min;
		if (f->resources.memory > sums[t - s->tenants].largest)
			sums[t - s->tenants].largest = f->resources.memory;
	}
	for (size_t i = 0; i < s->n_tenants; i++)
		check_quota(r, list, &s->tenants[i], sums[i].reserved, sums[i].largest);
}

/* --- the whole --- */

static void read_root(struct reader *r, const struct json_node *root)
{
	const struct json_node *node = json_get(root, "node"), *list;
	const struct json_node *tenants = json_get(root, "tenants");
	struct profile_set *s = &r->set;
	struct err e = ERR_INIT;

	if (json_is_object(root, &e) < 0) {
		note(r, &e);
		return;
	}
	json_for_each (n, root)
		check_member(r, n);
	check_version(r, root);
	if (node && tree_read(node, &profile_node_schema, &s->arena, &s->node, &e) < 0)
		note(r, &e);
	e = (struct err)ERR_INIT;
	if (tenants)
		read_tenants(r, tenants);
	if (json_need(root, "functions", &list, &e) < 0 ||
		make_room(r, list, PROFILE_FUNCTIONS_MAX, sizeof(*s->functions), &s->functions,
			&e) < 0) {
		note(r, &e);
		return;
	}
	read_functions(r, list);
	if (s->n_functions > 0)
		qsort(s->functions, s->n_functions, sizeof(*s->functions), compare_functions);
	check_names(r, list);
	if (tenants)
		check_quotas(r, tenants);
}

int profile_set_parse(
	const char *text, size_t len, struct profile_set *ret, struct buf *errors, struct err *err)
{
	struct reader r = {.errors = errors, .first = err};
	_cleanup_json_ struct json_doc *doc = NULL;
	struct err e = ERR_INIT;

	*err = (struct err)ERR_INIT;
	if (json_parse(text, len, &doc, &e) < 0)
		note(&r, &e);
	else
		read_root(&r, json_root(doc));
	if (err->code) {
		profile_set_finish(&r.set);
		return -err->code;
	}
	*ret = r.set;
	return 0;
}

void profile_set_finish(struct profile_set *s)
{
	arena_finish(&s->arena);
	*s = (struct profile_set){0};
}

const struct profile_function *profile_set_find(const struct profile_set *s, const char *name)
{
	const struct profile_function key = {.name = name};

	return s->n_functions == 0 ? NULL
				   : bsearch(&key, s->functions, s->n_functions,
					     sizeof(*s->functions), compare_functions);
}

/* --- writing --- */

static void write_set(const struct profile_set *s, bool pretty, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out, pretty);
	json_write_object_begin(&w);
	json_write_member_u64(&w, "version", PROFILE_VERSION);
	json_write_key(&w, "node");
	tree_write(&w, &profile_node_schema, &s->node);
	json_write_key(&w, "tenants");
	json_write_array_begin(&w);
	for (size_t i = 0; i < s->n_tenants; i++)
		tree_write(&w, &profile_tenant_schema, &s->tenants[i]);
	json_write_array_end(&w);
	json_write_key(&w, "functions");
	json_write_array_begin(&w);
	for (size_t i = 0; i < s->n_functions; i++)
		tree_write(&w, &profile_function_schema, &s->functions[i]);
	json_write_array_end(&w);
	json_write_object_end(&w);
}

void profile_function_write(const struct profile_function *f, struct json_writer *w)
{
	tree_write(w, &profile_function_schema, f);
}

void profile_set_write(const struct profile_set *s, struct buf *out)
{
	write_set(s, true, out);
}

void profile_set_write_compact(const struct profile_set *s, struct buf *out)
{
	write_set(s, false, out);
}

/* --- for the policy --- */

static struct policy_quota quota_of(const struct profile_tenant *t)
{
	if (!t)
		return (struct policy_quota){0};
	return (struct policy_quota){
		.running = t->running,
		.workers = t->workers,
		.memory = t->memory,
		.rate = t->rate.per_second,
		.burst = t->rate.burst,
		.weight = t->weight,
	};
}

void profile_settings(
	const struct profile_set *s, const struct profile_function *f, struct policy_settings *ret)
{
	*ret = (struct policy_settings){
		.concurrency = f->concurrency,
		.min = f->replicas.min,
		.max = f->replicas.max,
		.disposable = f->disposable,
		.queue_max = f->queue.length,
		.queue_ns = f->queue.deadline_ms * POLICY_NS_PER_MS,
		.idle_ns = f->scale.idle_ms * POLICY_NS_PER_MS,
		.rate = f->rate.per_second,
		.burst = f->rate.burst,
		.memory = f->resources.memory,
		.ejected_after = f->ejected_after,
		.scale = (enum policy_scale)f->scale.policy,
		.dispatch = (enum policy_dispatch)f->dispatch,
		.shrink = (enum policy_shrink)f->scale.shrink,
		.target = POLICY_TARGET_DEFAULT,
		.busy_ns = f->queue.busy_after_ms * POLICY_NS_PER_MS,
		.shed_ns = f->queue.busy_deadline_ms * POLICY_NS_PER_MS,
		.breaker = {.failures = f->breaker.failures,
			.percent = f->breaker.percent,
			.window_ns = f->breaker.window_ms * POLICY_NS_PER_MS,
			.open_ns = f->breaker.open_ms * POLICY_NS_PER_MS},
		.tenant = quota_of(find_tenant(s, f->tenant)),
	};
	ret->target.utilisation = f->scale.utilisation / 100.0;
	ret->target.stable_ns = f->scale.window_ms * POLICY_NS_PER_MS;
	ret->target.panic_ns = f->scale.panic_ms * POLICY_NS_PER_MS;
	if (f->drained) {
		ret->min = 0;
		ret->idle_ns = 0;
		ret->scale = POLICY_SCALE_QUEUE;
	}
}

void profile_limits(const struct profile_set *s, struct policy_limits *ret)
{
	*ret = (struct policy_limits){.memory = s->node.memory,
		.starting = s->node.starting,
		.running = s->node.running,
		.waiting = s->node.waiting};
}
