/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/workload.h"

#include <errno.h>
#include <stdbool.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/names.h"

/* As it is added, in any order. */
struct workload_entry {
	uint32_t minute;
	struct workload_load load;
	uint64_t time_ns, duration_ns; /* of a single request */
};

void workload_finish(struct workload *w)
{
	free(w->functions);
	free(w->tenants);
	free(w->first);
	free(w->loads);
	free(w->requests);
	free(w->entries);
	names_destroy(w->tenant_names);
	arena_finish(&w->strings);
	*w = (struct workload)WORKLOAD_INIT;
}

/* Room for one more than `n`. */
static int reserve(void *array, size_t n, size_t *cap, size_t size, struct err *err)
{
	const size_t wanted = *cap ? *cap * 2 : 256;
	void **p = array;
	void *moved;

	if (n < *cap)
		return 0;
	moved = reallocarray(*p, wanted, size);
	if (!moved)
		return err_oom(err);
	*p = moved;
	*cap = wanted;
	return 0;
}

static int tenant_of(
	struct workload *w, const struct csv_field *name, uint32_t *ret, struct err *err)
{
	struct csv_field kept = *name;
	bool is_new;
	int r;

	if (!w->tenant_names)
		w->tenant_names = names_create();
	if (!w->tenant_names)
		return err_oom(err);
	if (names_find(w->tenant_names, name, ret))
		return 0;
	r = reserve(&w->tenants, w->n_tenants, &w->tenants_cap, sizeof(*w->tenants), err);
	if (r < 0)
		return r;
	kept.text = arena_strndup(&w->strings, name->text, name->len);
	if (!kept.text || names_add(w->tenant_names, &kept, ret, &is_new) < 0)
		return err_oom(err);
	w->tenants[w->n_tenants++] = kept.text;
	return 0;
}

int workload_add_function(struct workload *w, const struct csv_field *tenant,
	const struct workload_function *f, uint32_t *ret, struct err *err)
{
	struct workload_function *to;
	int r;

	if (w->n_functions == WORKLOAD_FUNCTIONS_MAX)
		return err_say(err, E2BIG, "more than %d functions", WORKLOAD_FUNCTIONS_MAX);
	r = reserve(&w->functions, w->n_functions, &w->functions_cap, sizeof(*f), err);
	if (r < 0)
		return r;
	to = &w->functions[w->n_functions];
	*to = *f;
	quantiles_init(&to->duration_ns);
	r = tenant_of(w, tenant, &to->tenant, err);
	if (r < 0)
		return r;
	*ret = w->n_functions++;
	return 0;
}

static int add_entry(struct workload *w, const struct workload_entry *e, struct err *err)
{
	int r = reserve(&w->entries, w->n_entries, &w->entries_cap, sizeof(*e), err);

	if (r < 0)
		return r;
	w->entries[w->n_entries++] = *e;
	return 0;
}

int workload_add_load(
	struct workload *w, uint32_t function, uint32_t minute, uint32_t count, struct err *err)
{
	if (!count)
		return 0;
	return add_entry(
		w, &(struct workload_entry){.minute = minute, .load = {function, count}}, err);
}

int workload_add_request(struct workload *w, const struct workload_request *r, struct err *err)
{
	return add_entry(w,
		&(struct workload_entry){
			.minute = (uint32_t)(r->time_ns / WORKLOAD_MINUTE_NS),
			.load = {r->function, 1},
			.time_ns = r->time_ns,
			.duration_ns = r->duration_ns,
		},
		err);
}

static int by_time(const void *a, const void *b)
{
	const struct workload_request *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->function < y->function ? -1 : x->function > y->function;
}

/* Counts the entries of each minute into first[minute + 1], then sums up. */
static int count_minutes(struct workload *w, uint32_t from, struct err *err)
{
	uint64_t *per_minute = calloc(w->minutes, sizeof(*per_minute));
	int r = 0;

	w->first = calloc((size_t)w->minutes + 1, sizeof(*w->first));
	if (!w->first || !per_minute)
		r = err_oom(err);
	for (size_t i = 0; r == 0 && i < w->n_entries; i++) {
		const uint32_t minute = w->entries[i].minute - from;

		if (w->entries[i].minute < from || minute >= w->minutes)
			continue;
		w->first[minute + 1]++;
		w->total += w->entries[i].load.count;
		per_minute[minute] += w->entries[i].load.count;
		if (per_minute[minute] > WORKLOAD_PER_MINUTE_MAX)
			r = err_say(err, E2BIG, "more than %d requests in minute %u",
				WORKLOAD_PER_MINUTE_MAX, w->entries[i].minute + 1);
	}
	for (uint32_t m = 0; r == 0 && m < w->minutes; m++)
		w->first[m + 1] += w->first[m];
	free(per_minute);
	return r;
}

/* Entries to where their minute begins, in the order in which they were added. */
static int sort_entries(struct workload *w, uint32_t from, bool single, struct err *err)
{
	const size_t n = w->first[w->minutes];
	_cleanup_free_ uint32_t *next = malloc(((size_t)w->minutes + 1) * sizeof(*next));

	if (single)
		w->requests = calloc(n + 1, sizeof(*w->requests));
	else
		w->loads = calloc(n + 1, sizeof(*w->loads));
	if (!next || (!w->requests && !w->loads))
		return err_oom(err);
	memcpy(next, w->first, ((size_t)w->minutes + 1) * sizeof(*next));
	for (size_t i = 0; i < w->n_entries; i++) {
		const struct workload_entry *e = &w->entries[i];
		const uint32_t minute = e->minute - from;

		if (e->minute < from || minute >= w->minutes)
			continue;
		if (single)
			w->requests[next[minute]++] =
				(struct workload_request){e->time_ns - from * WORKLOAD_MINUTE_NS,
					e->duration_ns, e->load.function};
		else
			w->loads[next[minute]++] = e->load;
	}
	if (single)
		qsort(w->requests, n, sizeof(*w->requests), by_time);
	return 0;
}

int workload_settle(
	struct workload *w, uint32_t minutes, uint32_t from, uint32_t to, struct err *err)
{
	const bool single = w->n_entries && w->entries[0].duration_ns;
	int r;

	if (to == 0) {
		from = 1;
		to = minutes;
	}
	if (to > minutes)
		return err_say(err, EINVAL, "minute %u: there are %u", to, minutes);
	w->minutes = to - from + 1;
	w->begin = from - 1;
	r = count_minutes(w, from - 1, err);
	if (r == 0)
		r = sort_entries(w, from - 1, single, err);
	free_clear(&w->entries);
	w->n_entries = w->entries_cap = 0;
	if (r == 0 && w->total == 0)
		return err_say(err, EINVAL, "no request in minutes %u to %u", from, to);
	return r;
}
