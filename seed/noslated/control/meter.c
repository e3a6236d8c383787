/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/meter.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/table.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/usage.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/stats/word.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#define SLICES (METER_ROUND_MS / METER_SLICE_MS)

struct metered {
	struct table_entry entry;
	struct metered *next, **prev;
	char *name;
	struct stats_control_function *counts; /* claimed, or the rest's */
	bool claimed, stops, opened;
	pid_t pid;
	struct usage_source source;
	struct usage last;
};

struct meter {
	struct meter_options options;
	uv_timer_t slice;
	struct table by_name;
	struct metered *first, *at; /* all; the next one to be measured */
	size_t n;
	uint64_t **functions; /* claimed: of the set */
	size_t n_functions;
};

/* --- counts of functions --- */

static struct stats_control_function *claim(
	struct meter *m, const char *function, const char *tenant, bool *ret_claimed)
{
	uint64_t *words = stats_claim(m->options.stats, function, tenant);

	*ret_claimed = words != NULL;
	return (struct stats_control_function *)(words ? words : stats_rest(m->options.stats));
}

static void release(struct meter *m, struct stats_control_function *f, bool claimed)
{
	if (claimed)
		stats_release(m->options.stats, (uint64_t *)f);
}

static void release_functions(struct meter *m, uint64_t **functions, size_t n)
{
	for (size_t i = 0; i < n; i++)
		stats_release(m->options.stats, functions[i]);
	free(functions);
}

/* Those of before are released afterwards, so that who stays is never gone. */
void meter_applied(struct meter *m, const struct profile_set *set)
{
	uint64_t **functions = calloc(set->n_functions + 1, sizeof(*functions));

	if (!functions)
		return;
	for (size_t i = 0; i < set->n_functions; i++)
		functions[i] = stats_claim(
			m->options.stats, set->functions[i].name, set->functions[i].tenant);
	release_functions(m, m->functions, m->n_functions);
	m->functions = functions;
	m->n_functions = set->n_functions;
	stats_sweep(m->options.stats);
}

/* --- measuring --- */

static void add_usage(struct metered *w, const struct usage *now)
{
	struct stats_control_function *f = w->counts;

	if (now->cpu_user_ns > w->last.cpu_user_ns)
		stats_add(&f->cpu_user_ns, now->cpu_user_ns - w->last.cpu_user_ns);
	if (now->cpu_system_ns > w->last.cpu_system_ns)
		stats_add(&f->cpu_system_ns, now->cpu_system_ns - w->last.cpu_system_ns);
	stats_set(&f->now.memory, f->now.memory - w->last.memory + now->memory);
	w->last = *now;
}

static void measure(struct meter *m, struct metered *w)
{
	struct err ignored = ERR_INIT;
	struct usage now;

	if (!w->opened)
		w->opened = usage_open(w->pid, &w->source, &ignored) == 0;
	if (!w->opened || !usage_read(&w->source, &now))
		return;
	add_usage(w, &now);
	if (m->options.measured && now.memory > 0)
		m->options.measured(m->options.arg, w->name, now.memory);
}

static void on_slice(uv_timer_t *t)
{
	struct meter *m = t->data;
	const size_t n = (m->n + SLICES - 1) / SLICES;
	const uint64_t until = uv_hrtime() + METER_SLICE_NS;

	for (size_t i = 0; i < n && uv_hrtime() < until; i++) {
		struct metered *w = m->at ? m->at : m->first;

		m->at = w->next;
		measure(m, w);
	}
}

/* --- workers --- */

static void free_metered(struct meter *m, struct metered *w)
{
	release(m, w->counts, w->claimed);
	if (w->opened)
		usage_close(&w->source);
	free(w->name);
	free(w);
}

static void enter(struct meter *m, struct metered *w)
{
	w->next = m->first;
	w->prev = &m->first;
	if (w->next)
		w->next->prev = &w->next;
	m->first = w;
	if (m->n++ == 0)
		uv_timer_start(&m->slice, on_slice, METER_SLICE_MS, METER_SLICE_MS);
	stats_add(&w->counts->now.workers, 1);
}

static void leave(struct meter *m, struct metered *w)
{
	const struct usage none = {
		.cpu_user_ns = w->last.cpu_user_ns, .cpu_system_ns = w->last.cpu_system_ns};

	add_usage(w, &none);
	stats_set(&w->counts->now.workers, w->counts->now.workers - 1);
	if (m->at == w)
		m->at = w->next;
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	if (--m->n == 0)
		uv_timer_stop(&m->slice);
}

static struct metered *find(struct meter *m, const char *worker)
{
	struct table_entry *e = table_find(&m->by_name, worker, strlen(worker));

	return e ? container_of(e, struct metered, entry) : NULL;
}

void meter_worker_serves(struct meter *m, const char *worker, const char *function,
	const char *tenant, pid_t pid, uint64_t took_ns)
{
	struct metered *w = find(m, worker) ? NULL : calloc(1, sizeof(*w));

	if (!w)
		return;
	w->counts = claim(m, function, tenant, &w->claimed);
	w->name = strdup(worker);
	w->pid = pid;
	if (!w->name || table_add(&m->by_name, &w->entry, w->name) < 0) {
		free_metered(m, w);
		return;
	}
	enter(m, w);
	if (took_ns == 0)
		return;
	stats_add(&w->counts->starts, 1);
	histogram_add_coarse(w->counts->start, took_ns);
}

void meter_worker_failed(struct meter *m, const char *function, const char *tenant)
{
	bool claimed;
	struct stats_control_function *f = claim(m, function, tenant, &claimed);

	stats_add(&f->start_failures, 1);
	release(m, f, claimed);
}

void meter_worker_stops(struct meter *m, const char *worker)
{
	struct metered *w = find(m, worker);

	if (w)
		w->stops = true;
}

void meter_worker_gone(struct meter *m, const char *worker, enum stats_exit how)
{
	struct metered *w = find(m, worker);

	if (!w)
		return;
	/* What it has taken since, where the cgroup is there yet. */
	measure(m, w);
	stats_add(&w->counts->exits[w->stops ? STATS_EXIT_STOPPED : how], 1);
	leave(m, w);
	table_remove(&m->by_name, &w->entry);
	free_metered(m, w);
}

/* --- the whole --- */

struct meter *meter_create(const struct meter_options *options)
{
	struct meter *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->options = *options;
	uv_timer_init(options->loop, &m->slice);
	uv_unref((uv_handle_t *)&m->slice);
	m->slice.data = m;
	return m;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void meter_destroy(struct meter *m)
{
	struct metered *w;

	if (!m)
		return;
	while ((w = m->first)) {
		leave(m, w);
		free_metered(m, w);
	}
	table_finish(&m->by_name);
	release_functions(m, m->functions, m->n_functions);
	uv_close((uv_handle_t *)&m->slice, on_closed);
}
