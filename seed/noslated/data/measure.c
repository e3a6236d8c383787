/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the plane counts (stats/words.h): a request when it has ended, and, some moments after something has
 * changed, how many workers and requests there are. Of functions for which there is no slot the rest counts.
 */
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/stats/word.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* --- functions --- */

_Static_assert(DATA_ERRORS <= STATS_LABELS_MAX, "each error is counted");

void measure_function(struct data_plane *d, struct data_function *f)
{
	uint64_t *words;

	if (!d->stats)
		return;
	words = stats_claim(d->stats, f->name, f->tenant);
	f->stats = words ? d->stats : NULL;
	f->counts = (struct stats_data_function *)(words ? words : stats_rest(d->stats));
	measure_changed(d, f);
}

static void forget_slot(struct data_function *f)
{
	f->stats = NULL;
	f->counts = NULL;
}

void measure_forget(struct data_function *f)
{
	if (f->stats)
		stats_release(f->stats, (uint64_t *)f->counts);
	forget_slot(f);
}

void measure_applied(struct data_plane *d)
{
	if (d->stats)
		stats_sweep(d->stats);
	measure_soon(d);
}

/* Of all functions that are not removed; one that was, and still runs, counts no more. */
static void attach(struct data_plane *d)
{
	for (size_t i = 0; i < d->functions.cap; i++) {
		struct table_entry *e = d->functions.buckets[i];

		for (; e; e = e->next)
			measure_function(d, container_of(e, struct data_function, entry));
	}
	measure_applied(d);
}

/* Its slots stay as they are: whoever counts next finds them. */
static void detach(struct data_plane *d)
{
	for (size_t i = 0; i < d->functions.cap; i++) {
		struct table_entry *e = d->functions.buckets[i];

		for (; e; e = e->next)
			forget_slot(container_of(e, struct data_function, entry));
	}
	/* Those that were removed are known to what still runs of them. */
	for (struct client *c = d->clients; c; c = c->next)
		if (c->function)
			forget_slot(c->function);
	for (struct data_worker *w = d->all_workers; w; w = w->next)
		forget_slot(w->function);
}

void data_use_stats(struct data_plane *d, struct stats *stats)
{
	if (d->stats) {
		measure_flush(d);
		detach(d);
	}
	d->stats = stats;
	d->counts = stats ? (struct stats_data_node *)stats_node(stats) : NULL;
	if (!stats) {
		uv_timer_stop(&d->refresh);
		return;
	}
	for (unsigned e = 0; e < DATA_ERRORS; e++)
		d->error_words[e] =
			(uint8_t)stats_label(stats, data_error_row((enum data_error)e)->name);
	stats_add(&d->counts->starts, 1);
	/* Before the first set there is nothing to be claimed, and nothing to be swept. */
	if (d->policy)
		attach(d);
}

/* --- requests --- */

static size_t class_of(const struct client *c)
{
	const int status = c->status ? c->status : data_error_row(c->error)->status;

	if (status < 100 || status > 599 || (!c->status && c->error == DATA_CLIENT_LEFT))
		return STATS_CLASSES - 1;
	return (size_t)status / 100 - 1;
}

static uint64_t between(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

bool measure_is_cold(const struct client *c)
{
	return c->worker && c->arrived_ns && c->worker->ready_ns > c->arrived_ns;
}

void measure_request(struct client *c, uint64_t now)
{
	struct data_plane *d = c->plane;
	struct stats_data_function *s = c->function ? c->function->counts : NULL;

	if (!d->counts)
		return;
	stats_add(&d->counts->answered, 1);
	if (!s) {
		stats_add(&d->counts->errors[d->error_words[c->error]], 1);
		return;
	}
	stats_add(&s->answers[class_of(c)], 1);
	stats_add(&s->in, client_received(c));
	stats_add(&s->out, c->s.sent - c->out_at);
	/* A tunnel lasts as long as its ends like. */
	if (c->status != 101)
		histogram_add_fine(s->duration, between(c->begun_ns, now));
	if (c->queued) {
		stats_add(&s->queued, 1);
		histogram_add_coarse(
			s->wait, between(c->arrived_ns, c->sent_ns ? c->sent_ns : now));
	}
	if (c->error)
		stats_add(&s->errors[d->error_words[c->error]], 1);
	if (c->retried)
		stats_add(&s->retries, 1);
	if (measure_is_cold(c))
		stats_add(&s->cold, 1);
}

/* --- how many there are --- */

/* An older one of the same name has no policy any more, and does not count. */
static void refresh_function(struct data_plane *d, struct data_function *f)
{
	struct stats_data_gauges *now = &f->counts->now;
	struct policy_count n = {0};

	if (f->policy)
		policy_count(f->policy, &n);
	else if (table_find(&d->functions, f->name, strlen(f->name)))
		return;
	stats_set(&now->starting, n.starting);
	stats_set(&now->serving, n.serving);
	stats_set(&now->idle, n.idle);
	stats_set(&now->draining, n.draining);
	stats_set(&now->waiting, n.waiting);
	stats_set(&now->running, n.running);
}

static bool change(uint64_t *word, uint64_t n)
{
	const bool changed = *word != n;

	stats_set(word, n);
	return changed;
}

/* True: something is another than before. */
static bool refresh_node(struct data_plane *d)
{
	struct stats_data_node *s = d->counts;
	const uint64_t dropped = d->log.dropped - d->dropped_before;
	bool changed = change(&s->connections, d->n_clients);

	changed |= change(&s->requests, d->n_requests);
	changed |= change(&s->upstreams, d->n_upstreams);
	changed |= change(&s->workers, d->n_workers);
	changed |= change(&s->functions, d->functions.n);
	changed |= change(&s->memory, d->policy ? policy_memory(d->policy) : 0);
	stats_add(&s->log_dropped, dropped);
	d->dropped_before += dropped;
	return changed;
}

static void on_refresh(uv_timer_t *t)
{
	struct data_plane *d = t->data;

	measure_flush(d);
	if (refresh_node(d))
		measure_soon(d);
}

void measure_flush(struct data_plane *d)
{
	struct data_function *f;

	while ((f = d->dirty)) {
		d->dirty = f->next_dirty;
		f->dirty = false;
		if (f->stats)
			refresh_function(d, f);
		host_unref_function(f);
	}
}

void measure_soon(struct data_plane *d)
{
	if (d->counts && !d->destroyed && !uv_is_active((uv_handle_t *)&d->refresh))
		uv_timer_start(&d->refresh, on_refresh, DATA_REFRESH_MS, 0);
}

void measure_changed(struct data_plane *d, struct data_function *f)
{
	if (!d->counts || f->dirty)
		return;
	f->dirty = true;
	f->refs++;
	f->next_dirty = d->dirty;
	d->dirty = f;
	measure_soon(d);
}
