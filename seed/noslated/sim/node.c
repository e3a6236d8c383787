/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/node.h"

#include <errno.h>
#include <math.h>
#include <time.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/arrivals.h"
#include "seed/noslated/sim/events.h"
#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/pool.h"
#include "seed/noslated/sim/random.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"

#define P99_SIGMAS 2.3263478740408408 /* of a normal distribution, to its 99th percentile */
#define PI	   3.14159265358979323846

struct request {
	struct policy_request policy;
	uint64_t duration_ns;
	uint64_t number; /* of a record */
	struct worker *worker;
	struct request *next; /* of the refused ones */
	uint32_t index;
};

struct worker {
	struct policy_worker *policy; /* NULL: gone */
	uint64_t ready_ns;	      /* from when on it serves; NEVER before */
	uint64_t number;
	uint32_t index, function, running;
	uint8_t events; /* that are to come */
	bool stopped;
};

struct node {
	const struct workload *workload;
	const struct node_options *o;
	struct policy *policy;
	struct policy_function **functions; /* owned array */
	struct events events;
	struct arrivals arrivals;
	size_t next_arrival;
	struct pool requests, workers;
	struct request *refused; /* while the policy is called */
	struct meter *meter;
	uint64_t now;
	double sigma;
	unsigned ticks; /* since the time went on */
	int failed;	/* negative errno: of an op, which cannot say so itself */
};

/* --- what the policy says --- */

static void later(struct node *n, uint64_t ns, enum event_kind kind, uint32_t index)
{
	int r = events_add(&n->events, n->now + ns, kind, index);

	if (r < 0)
		n->failed = r;
}

/* Of the n-th start: the same for each policy. */
static uint64_t start_ns(const struct node *n, uint64_t nth)
{
	const uint64_t key = random_key(n->o->seed, RANDOM_START, 0, 0);
	const double u = 1 - random_unit(key, 2 * nth), v = random_unit(key, 2 * nth + 1);
	const double ms = n->o->start_ms * exp(n->sigma * sqrt(-2 * log(u)) * cos(2 * PI * v));

	return (uint64_t)(ms * (double)POLICY_NS_PER_MS);
}

static uint32_t function_of(const struct policy_worker *w)
{
	return (uint32_t)(uintptr_t)policy_function_data(policy_worker_function(w));
}

static bool on_start(void *host, struct policy_worker *p)
{
	struct node *n = host;
	const uint64_t nth = n->meter->starts;
	struct worker *w;
	uint32_t index;
	int r = pool_take(&n->workers, &index);

	if (r < 0) {
		n->failed = r;
		return false;
	}
	w = pool_at(&n->workers, index);
	*w = (struct worker){
		.policy = p,
		.ready_ns = POLICY_NEVER,
		.index = index,
		.function = function_of(p),
		.events = 1,
	};
	policy_worker_set_data(p, w);
	meter_start(n->meter, n->now, n->workload->functions[w->function].memory);
	if (n->o->record)
		w->number = record_start(n->o->record, w->function);
	later(n, start_ns(n, nth), EVENT_READY, index);
	return true;
}

static void on_stop(void *host, struct policy_worker *p)
{
	struct node *n = host;
	struct worker *w = policy_worker_data(p);

	if (n->failed)
		return;
	if (n->o->record)
		record_stop(n->o->record, w->number);
	w->stopped = true;
	w->events++;
	later(n, 0, EVENT_GONE, w->index);
}

static void on_send(void *host, struct policy_request *p, struct policy_worker *to)
{
	struct node *n = host;
	struct request *r = (struct request *)p;
	struct worker *w = policy_worker_data(to);
	const uint64_t delay = n->now - p->arrived_ns;

	if (n->failed)
		return;
	if (n->o->record)
		record_send(n->o->record, r->number, w->number);
	r->worker = w;
	if (w->running++ == 0)
		meter_busy(n->meter, n->now, 1);
	n->meter->sent++;
	n->meter->waited += delay > 0;
	n->meter->cold += w->ready_ns > p->arrived_ns;
	histogram_add(&n->meter->delay, delay);
	later(n, r->duration_ns, EVENT_END, r->index);
}

static void on_refuse(void *host, struct policy_request *p, enum policy_refusal why)
{
	struct node *n = host;
	struct request *r = (struct request *)p;

	if (n->o->record)
		record_refuse(n->o->record, r->number, why);
	n->meter->refused[why]++;
	r->next = n->refused;
	n->refused = r;
}

static const struct policy_ops ops = {
	.start = on_start, .stop = on_stop, .send = on_send, .refuse = on_refuse};

/* --- what the policy is told --- */

static void end_request(struct node *n, uint32_t index)
{
	struct request *r = pool_at(&n->requests, index);
	struct worker *w = r->worker;

	n->meter->done++;
	if (--w->running == 0)
		meter_busy(n->meter, n->now, -1);
	if (n->o->record)
		record_done(n->o->record, r->number, false, n->now);
	policy_done(&r->policy, POLICY_SERVED, n->now);
	pool_give(&n->requests, index);
}

static void worker_event(struct node *n, uint32_t index, enum event_kind kind)
{
	struct worker *w = pool_at(&n->workers, index);

	w->events--;
	if (kind == EVENT_GONE) {
		meter_gone(n->meter, n->now, n->workload->functions[w->function].memory);
		if (n->o->record)
			record_gone(n->o->record, w->number, n->now);
		policy_gone(w->policy, n->now);
		w->policy = NULL;
	} else if (!w->stopped) {
		w->ready_ns = n->now;
		if (n->o->record)
			record_ready(n->o->record, w->number, n->now);
		policy_ready(w->policy, n->now);
	}
	/* One that was stopped while it started is gone before it would have been ready. */
	if (!w->policy && w->events == 0)
		pool_give(&n->workers, index);
}

static void arrive(struct node *n, const struct arrival *a)
{
	struct request *r;
	uint32_t index;
	int rc = pool_take(&n->requests, &index);

	if (rc < 0) {
		n->failed = rc;
		return;
	}
	r = pool_at(&n->requests, index);
	memset(r, 0, sizeof(*r));
	r->index = index;
	r->policy.arrived_ns = n->now;
	r->duration_ns = arrivals_duration(&n->arrivals, a);
	n->meter->requests++;
	if (n->o->record)
		r->number = record_arrive(n->o->record, a->function, n->now);
	policy_arrive(n->functions[a->function], &r->policy, n->now);
}

static void tick(struct node *n)
{
	if (n->o->record)
		record_tick(n->o->record, n->now);
	policy_tick(n->policy, n->now);
	n->ticks++;
}

/* --- the loop --- */

static void step(struct node *n, uint64_t until)
{
	const bool more = n->next_arrival < n->arrivals.n;
	const struct arrival *a = &n->arrivals.v[n->next_arrival];
	const uint64_t arrival = more ? a->time_ns : POLICY_NEVER;
	const uint64_t event = events_next(&n->events), due = policy_due(n->policy);
	uint64_t next = event < arrival ? event : arrival;

	/* Of equal times what ends comes first, then what the policy wants, then what is new. */
	next = due < next ? due : next;
	if (next >= until) {
		n->now = until;
		return;
	}
	if (next > n->now) {
		n->now = next;
		n->ticks = 0;
	}
	n->meter->events++;
	if (event == next) {
		const struct event e = events_take(&n->events);

		if (event_kind(&e) == EVENT_END)
			end_request(n, event_index(&e));
		else
			worker_event(n, event_index(&e), event_kind(&e));
	} else if (due == next) {
		tick(n);
	} else {
		n->next_arrival++;
		arrive(n, a);
	}
	while (n->refused) {
		struct request *r = n->refused;

		n->refused = r->next;
		pool_give(&n->requests, r->index);
	}
}

static int check(const struct node *n, struct err *err)
{
	if (n->failed == -E2BIG)
		return err_say(err, E2BIG, "more than %u requests or %u workers at a time",
			NODE_REQUESTS_MAX, NODE_WORKERS_MAX);
	if (n->failed)
		return err_oom(err);
	if (n->ticks > NODE_TICKS_MAX)
		return err_say(err, ELOOP, "the policy wants no end of ticks at %.3f s",
			(double)n->now * 1e-9);
	return 0;
}

static int run_minute(struct node *n, uint32_t minute, struct err *err)
{
	const uint64_t until = (minute + 1) * WORKLOAD_MINUTE_NS;
	int r = arrivals_make(&n->arrivals, minute, err);

	n->next_arrival = 0;
	n->meter->minutes[minute].requests = (uint32_t)n->arrivals.n;
	while (r == 0 && n->now < until) {
		step(n, until);
		r = check(n, err);
	}
	if (r < 0)
		return r;
	meter_end_minute(n->meter);
	if (n->o->progress)
		n->o->progress(n->o->progress_data, minute + 1, n->workload->minutes);
	return 0;
}

static int add_functions(struct node *n, const struct settings *settings, struct err *err)
{
	const struct workload *w = n->workload;
	struct policy_settings s = settings->values;

	n->functions = calloc(w->n_functions, sizeof(struct policy_function *));
	if (!n->functions)
		return err_oom(err);
	for (uint32_t i = 0; i < w->n_functions; i++) {
		const char *tenant = w->tenants[w->functions[i].tenant];

		s.memory = w->functions[i].memory;
		if (n->o->record)
			record_add(n->o->record, tenant, &s, 0);
		n->functions[i] = policy_add(n->policy, tenant, &s, (void *)(uintptr_t)i, 0);
		if (!n->functions[i])
			return err_oom(err);
	}
	return 0;
}

static double clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void node_init(struct node *n)
{
	arrivals_init(&n->arrivals, n->workload, n->o->seed);
	pool_init(&n->requests, sizeof(struct request), NODE_REQUESTS_MAX);
	pool_init(&n->workers, sizeof(struct worker), NODE_WORKERS_MAX);
	if (n->o->start_p99_ms > n->o->start_ms)
		n->sigma = log(n->o->start_p99_ms / n->o->start_ms) / P99_SIGMAS;
}

static void node_finish(struct node *n)
{
	policy_destroy(n->policy);
	free(n->functions);
	events_finish(&n->events);
	arrivals_finish(&n->arrivals);
	pool_finish(&n->requests);
	pool_finish(&n->workers);
}

int node_run(const struct workload *w, const struct settings *settings,
	const struct node_options *o, struct meter *ret, struct err *err)
{
	struct node n = {.workload = w, .o = o, .events = EVENTS_INIT, .meter = ret};
	const double begun = clock_s();
	int r;

	node_init(&n);
	n.policy = policy_create(&ops, &n, &o->limits);
	r = n.policy ? add_functions(&n, settings, err) : err_oom(err);
	for (uint32_t minute = 0; r == 0 && minute < w->minutes; minute++)
		r = run_minute(&n, minute, err);
	ret->wall_s = clock_s() - begun;
	node_finish(&n);
	return r;
}
