/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy's host: takes note of what it decides, and does it once the policy has returned.
 *
 * A worker's requests are on a list of their own, because a worker that goes takes them out of the policy's
 * hands; what their connections bring until then still counts.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

static struct client *client_of(struct policy_request *r)
{
	return container_of(r, struct client, request);
}

/* --- what the policy decides --- */

static void add_to_do(struct data_plane *d, struct client *c)
{
	c->to_do = true;
	c->next_to_do = NULL;
	*d->to_do_tail = c;
	d->to_do_tail = &c->next_to_do;
}

static void add_worker_to_do(struct data_plane *d, struct data_worker *w)
{
	if (w->to_start || w->to_stop)
		return;
	w->refs++;
	w->next_to_do = NULL;
	*d->workers_to_do_tail = w;
	d->workers_to_do_tail = &w->next_to_do;
}

static struct data_worker *worker_create(
	struct data_plane *d, struct data_function *f, const char *name)
{
	struct data_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	snprintf(w->name, sizeof(w->name), "%s", name);
	if (table_add(&d->workers, &w->entry, w->name) < 0) {
		free(w);
		return NULL;
	}
	w->function = f;
	f->refs++;
	w->start_ns = uv_hrtime();
	w->refs = 1;
	w->next = d->all_workers;
	w->prev = &d->all_workers;
	if (w->next)
		w->next->prev = &w->next;
	d->all_workers = w;
	d->n_workers++;
	return w;
}

static void bind_policy(struct data_worker *w, struct policy_worker *policy)
{
	w->policy = policy;
	policy_worker_set_data(policy, w);
}

/* Without memory the policy's worker has none of ours: it starts for ever, and is the price of going on. */
static bool on_start(void *host, struct policy_worker *policy)
{
	struct data_plane *d = host;
	struct data_function *f = policy_function_data(policy_worker_function(policy));
	char name[DATA_WORKER_NAME_MAX + 1];
	struct data_worker *w;

	snprintf(name, sizeof(name), "%s-%llu", d->options.prefix ? d->options.prefix : "w",
		(unsigned long long)++d->n_named);
	w = worker_create(d, f, name);
	if (!w)
		return false;
	bind_policy(w, policy);
	add_worker_to_do(d, w);
	w->to_start = true;
	measure_changed(d, f);
	return true;
}

static void on_stop(void *host, struct policy_worker *policy)
{
	struct data_worker *w = policy_worker_data(policy);

	add_worker_to_do(host, w);
	w->to_stop = true;
	measure_changed(host, w->function);
}

static void run_on(struct client *c, struct data_worker *w)
{
	c->policy = WITH_WORKER;
	c->worker = w;
	w->refs++;
	c->running_next = w->running;
	c->running_prev = &w->running;
	if (c->running_next)
		c->running_next->running_prev = &c->running_next;
	w->running = c;
}

static void run_no_more(struct client *c)
{
	*c->running_prev = c->running_next;
	if (c->running_next)
		c->running_next->running_prev = c->running_prev;
	c->policy = WITH_NOBODY;
}

static void on_send(void *host, struct policy_request *r, struct policy_worker *policy)
{
	struct client *c = client_of(r);

	run_on(c, policy_worker_data(policy));
	c->refused = false;
	add_to_do(host, c);
	measure_changed(host, c->function);
}

static void on_refuse(void *host, struct policy_request *r, enum policy_refusal why)
{
	struct client *c = client_of(r);

	c->policy = WITH_NOBODY;
	c->refused = true;
	c->why = why;
	add_to_do(host, c);
	measure_changed(host, c->function);
}

static const struct policy_ops ops = {on_start, on_stop, on_send, on_refuse};

int host_init(struct data_plane *d, const struct policy_limits *limits, struct err *err)
{
	d->policy = policy_create(&ops, d, limits);
	if (!d->policy)
		return err_oom(err);
	if (d->options.waits)
		policy_hold_starts(d->policy);
	return 0;
}

/* --- doing it --- */

static void do_worker(struct data_plane *d, struct data_worker *w)
{
	const bool start = w->to_start, stop = w->to_stop;

	w->to_start = w->to_stop = false;
	if (!w->policy)
		return;
	if (start)
		d->maker->start(d->arg, w->function->name, w->name);
	if (stop && d->leaving && d->maker->release && *w->socket) {
		d->maker->release(d->arg, w->name);
		data_worker_gone(d, w->name);
	} else if (stop) {
		w->stopping = true;
		upstream_close_idle(w);
		d->maker->stop(d->arg, w->name);
	}
}

static void do_request(struct client *c)
{
	c->to_do = false;
	if (c->phase == CLIENT_DEAD)
		return;
	if (c->refused)
		exchange_refused(c, c->why);
	else
		exchange_send(c);
}

static void on_tick(uv_timer_t *timer);

static void set_tick(struct data_plane *d)
{
	const uint64_t due = policy_due(d->policy);
	uint64_t now;

	if (due >= d->tick_ns)
		return;
	now = uv_hrtime();
	d->tick_ns = due;
	uv_timer_start(&d->tick, on_tick, due > now ? (due - now) / POLICY_NS_PER_MS + 1 : 0, 0);
}

void host_settle(struct data_plane *d)
{
	struct data_worker *w;
	struct client *c;

	if (d->settling)
		return;
	d->settling = true;
	while (!d->destroyed && (d->to_do || d->workers_to_do)) {
		if ((c = d->to_do)) {
			d->to_do = c->next_to_do;
			if (!d->to_do)
				d->to_do_tail = &d->to_do;
			do_request(c);
			continue;
		}
		w = d->workers_to_do;
		d->workers_to_do = w->next_to_do;
		if (!d->workers_to_do)
			d->workers_to_do_tail = &d->workers_to_do;
		do_worker(d, w);
		host_unref_worker(w);
	}
	if (d->destroyed)
		return;
	d->settling = false;
	set_tick(d);
}

static void on_tick(uv_timer_t *timer)
{
	struct data_plane *d = timer->data;

	d->tick_ns = POLICY_NEVER;
	policy_tick(d->policy, uv_hrtime());
	host_settle(d);
}

void host_arrive(struct client *c)
{
	struct data_plane *d = c->plane;
	const uint64_t now = uv_hrtime();

	if (c->arrived_ns == 0)
		c->arrived_ns = now;
	c->policy = WITH_QUEUE;
	measure_changed(d, c->function);
	if (c->admitted) {
		policy_again(c->function->policy, &c->request, now);
	} else {
		c->admitted = true;
		policy_arrive(c->function->policy, &c->request, now);
	}
	host_settle(d);
}

void host_done(struct client *c, enum policy_end how)
{
	const enum client_policy with = c->policy;

	if (with == WITH_WORKER)
		run_no_more(c);
	c->policy = WITH_NOBODY;
	if (with == WITH_QUEUE)
		policy_leave(&c->request, uv_hrtime());
	else if (with == WITH_WORKER)
		policy_done(&c->request, how, uv_hrtime());
	if (with == WITH_NOBODY)
		return;
	measure_changed(c->plane, c->function);
	host_settle(c->plane);
}

/* --- workers --- */

void host_unref_function(struct data_function *f)
{
	if (--f->refs > 0)
		return;
	measure_forget(f);
	free(f->name);
	free(f->tenant);
	free(f->identity);
	free(f);
}

void host_unref_worker(struct data_worker *w)
{
	if (--w->refs > 0)
		return;
	host_unref_function(w->function);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	free(w);
}

static struct data_worker *find_worker(struct data_plane *d, const char *name)
{
	struct table_entry *e = table_find(&d->workers, name, strlen(name));

	return e ? container_of(e, struct data_worker, entry) : NULL;
}

void data_worker_ready(struct data_plane *d, const char *worker, const char *socket)
{
	struct data_worker *w = find_worker(d, worker);

	if (!w || *w->socket || strlen(socket) >= sizeof(w->socket))
		return;
	strcpy(w->socket, socket);
	w->ready_ns = uv_hrtime();
	measure_changed(d, w->function);
	policy_ready(w->policy, w->ready_ns);
	host_settle(d);
}

/* One of a plane that was there before, or is about to go. */
void data_worker_offered(
	struct data_plane *d, const char *worker, const char *function, const char *socket)
{
	struct table_entry *e = table_find(&d->functions, function, strlen(function));
	struct data_function *f = e ? container_of(e, struct data_function, entry) : NULL;
	struct policy_worker *policy;
	struct data_worker *w;

	if (find_worker(d, worker)) {
		data_worker_ready(d, worker, socket);
		return;
	}
	w = f && strlen(worker) <= DATA_WORKER_NAME_MAX && strlen(socket) < sizeof(w->socket)
		    ? worker_create(d, f, worker)
		    : NULL;
	if (!w) {
		d->maker->stop(d->arg, worker);
		return;
	}
	strcpy(w->socket, socket);
	policy = policy_adopt(f->policy, uv_hrtime());
	if (policy) {
		bind_policy(w, policy);
		policy_ready(policy, uv_hrtime());
	} else {
		table_remove(&d->workers, &w->entry);
		d->n_workers--;
		d->maker->stop(d->arg, worker);
		host_unref_worker(w);
	}
	host_settle(d);
}

void data_go(struct data_plane *d)
{
	d->options.waits = false;
	front_resume(d);
	if (!d->policy)
		return;
	policy_allow_starts(d->policy, uv_hrtime());
	host_settle(d);
}

void data_tell(struct data_plane *d)
{
	for (struct data_worker *w = d->all_workers; w; w = w->next) {
		/* One that is still to be told of will be. */
		if (!w->policy || w->to_start)
			continue;
		if (w->stopping)
			d->maker->stop(d->arg, w->name);
		else if (!*w->socket)
			d->maker->start(d->arg, w->function->name, w->name);
		else if (d->maker->have)
			d->maker->have(d->arg, w->name);
	}
}

/* What its connections still hold is read to the end: a worker that ends may have answered. */
void data_worker_gone(struct data_plane *d, const char *worker)
{
	struct data_worker *w = find_worker(d, worker);
	struct policy_worker *policy;

	if (!w)
		return;
	policy = take_ptr(&w->policy);
	table_remove(&d->workers, &w->entry);
	d->n_workers--;
	while (w->running)
		run_no_more(w->running);
	upstream_close_idle(w);
	measure_changed(d, w->function);
	policy_gone(policy, uv_hrtime());
	host_unref_worker(w);
	host_settle(d);
}

void data_worker_measured(struct data_plane *d, const char *worker, uint64_t bytes)
{
	struct data_worker *w = find_worker(d, worker);

	if (!w)
		return;
	policy_measure(w->policy, bytes, uv_hrtime());
	host_settle(d);
}

void host_leave(struct data_plane *d)
{
	for (size_t i = 0; i < d->functions.cap; i++)
		for (struct table_entry *e = d->functions.buckets[i]; e; e = e->next)
			policy_retire(
				container_of(e, struct data_function, entry)->policy, uv_hrtime());
	if (d->policy)
		host_settle(d);
}

/* --- functions that go --- */

static void set_cut(struct data_plane *d, uint64_t at);

static void on_cut(uv_timer_t *timer)
{
	struct data_plane *d = timer->data;
	const uint64_t now = uv_now(d->loop);
	uint64_t next_at = 0;

	d->cut_at = 0;
	for (struct client *c = d->clients, *next; c; c = next) {
		const uint64_t at = c->function ? c->function->cut_ms : 0;

		next = c->next;
		if (at > 0 && at <= now)
			response_fail(c, DATA_DRAIN_TIMEOUT, false);
		else if (at > 0 && (next_at == 0 || at < next_at))
			next_at = at;
	}
	if (next_at > 0)
		set_cut(d, next_at);
}

static void set_cut(struct data_plane *d, uint64_t at)
{
	const uint64_t now = uv_now(d->loop);

	if (d->cut_at > 0 && d->cut_at <= at)
		return;
	d->cut_at = at;
	uv_timer_start(&d->cut, on_cut, at > now ? at - now : 0, 0);
}

void host_remove(struct data_plane *d, struct data_function *f)
{
	measure_changed(d, f);
	policy_remove(take_ptr(&f->policy), uv_hrtime());
	if (f->refs > 1) {
		f->cut_ms = uv_now(d->loop) + f->drain_ms + 1;
		set_cut(d, f->cut_ms);
	}
	host_unref_function(f);
}

/* --- the end --- */

static void forget_functions(struct data_plane *d)
{
	for (size_t i = 0; i < d->functions.cap; i++) {
		struct table_entry *e;

		while ((e = d->functions.buckets[i])) {
			d->functions.buckets[i] = e->next;
			host_unref_function(container_of(e, struct data_function, entry));
		}
	}
	table_finish(&d->functions);
}

void host_finish(struct data_plane *d)
{
	struct data_worker *w;

	while ((w = d->all_workers)) {
		/* Nothing else holds it any more. */
		w->refs = 1;
		host_unref_worker(w);
	}
	table_finish(&d->workers);
	forget_functions(d);
	policy_destroy(d->policy);
}
