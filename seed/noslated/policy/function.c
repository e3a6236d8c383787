/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One function: its requests wait in their order, and after each event function_balance() does whatever
 * can be done now. A failed allocation is like a start that the node has no room for: it is tried again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "seed/noslated/policy/policy_priv.h"

/* Between starts of workers that all end before they have answered a request. */
#define BACK_OFF_NS	(100 * POLICY_NS_PER_MS)
#define BACK_OFF_MAX_NS (300 * POLICY_NS_PER_S)

/* --- requests that wait --- */

static void wait_in_queue(struct policy_function *f, struct policy_request *r, uint64_t now)
{
	r->next = NULL;
	r->prev = f->waiting_tail;
	*f->waiting_tail = r;
	f->waiting_tail = &r->next;
	if (f->n_waiting++ == 0)
		f->busy_since_ns = now;
	f->tenant->waiting++;
	f->policy->waiting++;
}

static void leave_queue(struct policy_function *f, struct policy_request *r)
{
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		f->waiting_tail = r->prev;
	f->n_waiting--;
	f->tenant->waiting--;
	f->policy->waiting--;
}

static void refuse(struct policy_function *f, struct policy_request *r, enum policy_refusal why)
{
	struct policy *p = f->policy;

	r->function = NULL;
	if (r->trial)
		breaker_untried(&f->breaker);
	p->ops->refuse(p->host, r, why);
}

/* It is the tenant that has no more, not the function. */
static bool is_tenants_fault(const struct policy_function *f)
{
	return tenant_is_full(f->tenant, SCARCE_RUNNING, f) ||
	       (f->n_heap == 0 && tenant_is_full(f->tenant, SCARCE_START, f));
}

static enum policy_refusal reason(const struct policy_function *f, enum policy_refusal why)
{
	return is_tenants_fault(f) ? POLICY_REFUSED_QUOTA : why;
}

static void refuse_waiting(struct policy_function *f, uint64_t deadline_ns, enum policy_refusal why)
{
	struct policy_request *r;

	while ((r = f->waiting) && r->deadline_ns <= deadline_ns) {
		leave_queue(f, r);
		refuse(f, r, why);
	}
}

/*
 * A queue that does not get empty is no buffer: all that it does is to let everybody wait. Those who have come
 * late enough to be served in time are, the others hear at once that it is too much.
 */
static void shed(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const struct policy_settings *s = &f->settings;
	const uint64_t from = f->busy_since_ns + s->busy_ns;
	struct policy_request *r;
	uint64_t next;

	if (s->shed_ns == 0)
		return;
	while (now >= from && (r = f->waiting) && r->arrived_ns + s->shed_ns <= now) {
		leave_queue(f, r);
		refuse(f, r, reason(f, POLICY_REFUSED_OVERLOAD));
	}
	if (!f->waiting)
		return;
	next = f->waiting->arrived_ns + s->shed_ns;
	next = next > from ? next : from;
	*due = next < *due ? next : *due;
}

/* --- requests that run --- */

static void run(struct policy_request *r, struct policy_worker *w)
{
	r->worker = w;
	r->next = w->requests;
	r->prev = &w->requests;
	if (r->next)
		r->next->prev = &r->next;
	w->requests = r;
	w->running++;
	w->function->n_running++;
	w->function->tenant->running++;
	w->function->policy->running++;
}

static void end_run(struct policy_request *r)
{
	struct policy_worker *w = r->worker;

	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	w->running--;
	w->function->n_running--;
	w->function->tenant->running--;
	w->function->policy->running--;
	tenant_wake(w->function->tenant, SCARCE_RUNNING);
	r->worker = NULL;
	r->function = NULL;
}

static void send(struct policy_function *f, struct policy_request *r, uint64_t now)
{
	struct policy *p = f->policy;
	struct policy_worker *w = worker_for(f, r->avoided);

	w->used = ++p->n_sent;
	r->sent_ns = now;
	run(r, w);
	/* It serves no other one. */
	if (f->settings.disposable)
		worker_set_state(w, WORKER_DRAINING);
	worker_placed(w, now);
	p->ops->send(p->host, r, w);
}

static bool can_send(const struct policy_function *f)
{
	return f->n_waiting > 0 && f->n_heap > 0;
}

static void send_first(struct policy_function *f, uint64_t now)
{
	struct policy_request *r = f->waiting;

	leave_queue(f, r);
	send(f, r, now);
}

/* Nobody else of its tenant, and no other tenant, waits for it already. */
static bool may_send(const struct policy_function *f)
{
	const struct policy *p = f->policy;

	return !node_is_short(p, SCARCE_RUNNING) && !f->tenant->scarce[SCARCE_RUNNING].first &&
	       node_has(p, SCARCE_RUNNING, f) && !tenant_is_full(f->tenant, SCARCE_RUNNING, f);
}

static void send_waiting(struct policy_function *f, uint64_t now)
{
	while (can_send(f) && may_send(f))
		send_first(f, now);
	if (can_send(f))
		node_wait(f, SCARCE_RUNNING);
}

/* --- workers --- */

static bool start_one(struct policy_function *f, uint64_t now)
{
	struct policy *p = f->policy;
	struct policy_worker *w = worker_create(f, now);

	if (!w)
		return false;
	if (p->ops->start(p->host, w))
		return true;
	worker_destroy(w);
	return false;
}

static unsigned clamp(const struct policy_settings *s, unsigned n)
{
	return n > s->max ? s->max : n < s->min ? s->min : n;
}

static unsigned wanted_workers(struct policy_function *f, uint64_t now, uint64_t *due)
{
	if (f->removed)
		return 0;
	if (f->settings.disposable || f->settings.scale == POLICY_SCALE_QUEUE)
		return clamp(&f->settings, scale_queue(f, now, due));
	return clamp(&f->settings, f->settings.scale == POLICY_SCALE_TARGET
					   ? scale_target(f, now, due)
					   : scale_forecast(f, now, due));
}

static bool may_start(const struct policy_function *f, uint64_t now)
{
	return now >= f->not_before_ns;
}

/* Nobody waits for what it wants: that is not worth what others have. */
static enum scarce kind_of_start(const struct policy_function *f)
{
	return f->n_waiting > 0 || function_workers(f) < f->settings.min ? SCARCE_START
									 : SCARCE_SPARE;
}

static bool has_turn(const struct policy_function *f, enum scarce what)
{
	const struct policy *p = f->policy;
	const struct policy_tenant *t = f->tenant;

	return !node_is_short(p, SCARCE_START) && !t->scarce[SCARCE_START].first &&
	       (what == SCARCE_START ||
		       (!node_is_short(p, SCARCE_SPARE) && !t->scarce[SCARCE_SPARE].first)) &&
	       node_has(p, what, f) && !tenant_is_full(t, what, f);
}

static void start_up_to(struct policy_function *f, unsigned wanted, uint64_t now, uint64_t *due)
{
	if (function_workers(f) >= wanted)
		return;
	if (!may_start(f, now)) {
		*due = f->not_before_ns < *due ? f->not_before_ns : *due;
		return;
	}
	while (function_workers(f) < wanted) {
		const enum scarce what = kind_of_start(f);

		if (!has_turn(f, what)) {
			node_wait(f, what);
			return;
		}
		if (!start_one(f, now)) {
			*due = now + POLICY_RETRY_NS < *due ? now + POLICY_RETRY_NS : *due;
			return;
		}
	}
}

static void shrink_to(struct policy_function *f, unsigned wanted)
{
	struct policy_worker *w;

	while (function_workers(f) > wanted && (w = worker_to_go(f)))
		worker_dismiss(w);
}

/* Those that nobody is expected to need soon. */
static void retire_unexpected(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const struct policy_settings *s = &f->settings;
	const unsigned wanted =
		f->forecast.demand + forecast_expected(&f->forecast, s->idle_ns, now, due);

	while (f->idle.first && function_workers(f) > (wanted > s->min ? wanted : s->min))
		worker_dismiss(f->idle.first);
}

/* Those that nobody has needed for long; under POLICY_SCALE_TARGET it is the target that says so. */
static void retire_idle(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const struct policy_settings *s = &f->settings;
	struct policy_worker *w;

	if (s->scale == POLICY_SCALE_TARGET && !s->disposable)
		return;
	if (s->scale == POLICY_SCALE_FORECAST && !s->disposable) {
		retire_unexpected(f, now, due);
		return;
	}
	while ((w = f->idle.first) && function_workers(f) > s->min) {
		const uint64_t until = w->idle_since_ns + s->idle_ns;

		if (until > now) {
			*due = until < *due ? until : *due;
			return;
		}
		worker_dismiss(w);
	}
}

/* Nobody serves, nobody starts, and the next try comes too late. */
static void refuse_hopeless(struct policy_function *f, uint64_t now)
{
	if (!may_start(f, now) && function_workers(f) == 0)
		refuse_waiting(f, f->not_before_ns, POLICY_REFUSED_STARTING);
}

static void destroy(struct policy_function *f)
{
	struct policy *p = f->policy;

	node_forget_timer(f);
	for (int i = 0; i < N_SCARCE; i++)
		node_stop_waiting(f, i);
	*f->of_node.prev = f->of_node.next;
	if (f->of_node.next)
		f->of_node.next->of_node.prev = f->of_node.prev;
	p->n_functions--;
	forecast_finish(&f->forecast);
	free(f->heap);
	tenant_put(f->tenant);
	free(f);
}

void function_balance(struct policy_function *f, uint64_t now)
{
	uint64_t due = POLICY_NEVER;
	unsigned wanted;

	if (f->waiting) {
		refuse_waiting(f, now, reason(f, POLICY_REFUSED_LATE));
		shed(f, now, &due);
	}
	send_waiting(f, now);
	wanted = wanted_workers(f, now, &due);
	start_up_to(f, wanted, now, &due);
	if (f->settings.scale == POLICY_SCALE_TARGET || function_workers(f) > f->settings.max ||
		f->removed)
		shrink_to(f, wanted);
	retire_idle(f, now, &due);
	refuse_hopeless(f, now);
	if (f->waiting && f->waiting->deadline_ns < due)
		due = f->waiting->deadline_ns;
	node_timer(f, due);
}

static bool wants_start(struct policy_function *f, uint64_t now, uint64_t *due)
{
	return may_start(f, now) && function_workers(f) < wanted_workers(f, now, due);
}

bool function_wants(struct policy_function *f, enum scarce what, uint64_t now)
{
	uint64_t due = POLICY_NEVER;
	bool wants = what == SCARCE_RUNNING ? can_send(f)
					    : what == kind_of_start(f) && wants_start(f, now, &due);

	if (!wants)
		node_timer(f, due);
	return wants;
}

bool function_take(struct policy_function *f, enum scarce what, uint64_t now)
{
	if (what == SCARCE_RUNNING) {
		send_first(f, now);
		return true;
	}
	if (start_one(f, now))
		return true;
	node_timer(f, now + POLICY_RETRY_NS);
	return false;
}

/* --- adding, changing, removing --- */

/* So that setting a timer cannot fail. */
static bool reserve_timer(struct policy *p)
{
	size_t cap = p->cap_timers ? 2 * p->cap_timers : 16;
	struct policy_function **timers;

	if (p->n_functions < p->cap_timers)
		return true;
	timers = realloc(p->timers, cap * sizeof(*timers));
	if (!timers)
		return false;
	p->timers = timers;
	p->cap_timers = cap;
	return true;
}

struct policy_function *policy_add(struct policy *p, const char *tenant,
	const struct policy_settings *settings, void *data, uint64_t now)
{
	struct policy_function *f = reserve_timer(p) ? calloc(1, sizeof(*f)) : NULL;

	if (!f || !(f->tenant = tenant_get(p, tenant, &settings->tenant, now))) {
		free(f);
		return NULL;
	}
	f->tenant->n_functions++;
	f->of_node = (struct function_link){p->functions, &p->functions};
	if (p->functions)
		p->functions->of_node.prev = &f->of_node.next;
	p->functions = f;
	p->n_functions++;
	f->policy = p;
	f->settings = *settings;
	f->data = data;
	f->waiting_tail = &f->waiting;
	f->by_age.tail = &f->by_age.first;
	f->idle.tail = &f->idle.first;
	bucket_init(&f->tokens, settings->burst, now);
	window_init(&f->window, now);
	forecast_init(&f->forecast);
	function_balance(f, now);
	return f;
}

void policy_change(struct policy_function *f, const struct policy_settings *settings, uint64_t now)
{
	f->settings = *settings;
	if (f->tokens.n > settings->burst)
		f->tokens.n = settings->burst;
	tenant_change(f->tenant, &settings->tenant);
	for (struct policy_request *r = f->waiting; r; r = r->next)
		if (r->deadline_ns > r->arrived_ns + settings->queue_ns)
			r->deadline_ns = r->arrived_ns + settings->queue_ns;
	for (struct policy_worker *w = f->by_age.first; w; w = w->by_age.next)
		worker_placed(w, now);
	function_balance(f, now);
	node_feed(f->policy, now);
}

void policy_remove(struct policy_function *f, uint64_t now)
{
	struct policy *p = f->policy;

	f->removed = true;
	f->settings.min = 0;
	refuse_waiting(f, POLICY_NEVER, POLICY_REFUSED_GONE);
	shrink_to(f, 0);
	if (!f->by_age.first)
		destroy(f);
	node_feed(p, now);
}

void policy_retire(struct policy_function *f, uint64_t now)
{
	struct policy_settings s = f->settings;

	s.min = 0;
	s.idle_ns = 0;
	s.scale = POLICY_SCALE_QUEUE;
	policy_change(f, &s, now);
}

void policy_destroy(struct policy *p)
{
	struct policy_worker *w;

	if (!p)
		return;
	while (p->functions) {
		while ((w = p->functions->by_age.first))
			worker_destroy(w);
		destroy(p->functions);
	}
	while ((w = p->spare)) {
		p->spare = w->by_age.next;
		free(w);
	}
	free(p->timers);
	table_finish(&p->tenants);
	free(p);
}

/* --- events --- */

static void count_requests(struct policy_function *f, uint64_t now)
{
	const struct policy_settings *s = &f->settings;
	const unsigned n = f->n_waiting + f->n_running;

	if (s->scale == POLICY_SCALE_TARGET)
		window_set(&f->window, n, now);
	if (s->scale == POLICY_SCALE_FORECAST)
		forecast_demand(
			&f->forecast, (n + s->concurrency - 1) / s->concurrency, s->idle_ns, now);
}

static bool take_tokens(struct policy_function *f, uint64_t now, enum policy_refusal *ret_why)
{
	const struct policy_settings *s = &f->settings;
	struct policy_tenant *t = f->tenant;
	const struct policy_quota *q = &t->quota;

	if (!bucket_has(&f->tokens, s->rate, s->burst, now)) {
		*ret_why = POLICY_REFUSED_RATE;
		return false;
	}
	if (!bucket_has(&t->tokens, q->rate, q->burst, now)) {
		*ret_why = POLICY_REFUSED_QUOTA;
		return false;
	}
	f->tokens.n -= s->rate > 0;
	t->tokens.n -= q->rate > 0;
	return true;
}

static bool admits(struct policy_function *f, struct policy_request *r, uint64_t now,
	enum policy_refusal *ret_why)
{
	*ret_why = POLICY_REFUSED_CIRCUIT;
	return f->settings.breaker.failures == 0 || breaker_admits(&f->breaker, now, &r->trial);
}

/*
 * Whether this one of the tenant, which waits already, is one too many: it may have as many as there is room
 * for others. So one that floods the node leaves half of the room, two leave a third, and nobody has to be
 * looked for who goes.
 */
static bool is_crowded(const struct policy_tenant *t)
{
	const struct policy *p = t->policy;
	const unsigned others = p->waiting - 1, max = p->limits.waiting;

	return max > 0 && (others >= max || t->waiting - 1 >= max - others);
}

static void arrived(struct policy_function *f, uint64_t now)
{
	count_requests(f, now);
	function_balance(f, now);
	/* Idle workers of others may have to make room. */
	if (node_is_short(f->policy, SCARCE_START))
		node_feed(f->policy, now);
}

void policy_arrive(struct policy_function *f, struct policy_request *r, uint64_t now)
{
	const struct policy_settings *s = &f->settings;
	enum policy_refusal why;

	*r = (struct policy_request){
		.arrived_ns = now, .deadline_ns = now + s->queue_ns, .function = f};
	if (f->removed) {
		refuse(f, r, POLICY_REFUSED_GONE);
		return;
	}
	if (!take_tokens(f, now, &why) || !admits(f, r, now, &why)) {
		refuse(f, r, why);
		return;
	}
	wait_in_queue(f, r, now);
	send_waiting(f, now);
	/* It may be another one that was sent; this is the last one that waits, if any does. */
	if (f->n_waiting > s->queue_max || (f->n_waiting > 0 && is_crowded(f->tenant))) {
		why = f->n_waiting > s->queue_max ? POLICY_REFUSED_QUEUE : POLICY_REFUSED_OVERLOAD;
		leave_queue(f, r);
		refuse(f, r, reason(f, why));
	}
	arrived(f, now);
}

void policy_again(struct policy_function *f, struct policy_request *r, uint64_t now)
{
	enum policy_refusal why;

	*r = (struct policy_request){.arrived_ns = now,
		.deadline_ns = now + f->settings.queue_ns,
		.function = f,
		.avoided = r->avoided};
	if (f->removed) {
		refuse(f, r, POLICY_REFUSED_GONE);
		return;
	}
	if (!admits(f, r, now, &why)) {
		refuse(f, r, why);
		return;
	}
	wait_in_queue(f, r, now);
	arrived(f, now);
}

void policy_leave(struct policy_request *r, uint64_t now)
{
	struct policy_function *f = r->function;

	assert(f && !r->worker);
	leave_queue(f, r);
	if (r->trial)
		breaker_untried(&f->breaker);
	r->function = NULL;
	count_requests(f, now);
	function_balance(f, now);
}

/* What a request that ran says of the function. Those that wait for one that fails need not wait. */
static void tell_breaker(
	struct policy_function *f, struct policy_request *r, enum policy_end how, uint64_t now)
{
	if (how == POLICY_ABANDONED) {
		if (r->trial)
			breaker_untried(&f->breaker);
		return;
	}
	if (breaker_heard(&f->breaker, &f->settings.breaker, r->trial, how == POLICY_FAILED, now))
		refuse_waiting(f, POLICY_NEVER, POLICY_REFUSED_CIRCUIT);
}

static void learn(struct policy_worker *w, uint64_t took_ns, enum policy_end how)
{
	struct policy_function *f = w->function;

	if (how == POLICY_FAILED)
		w->failures++;
	if (how != POLICY_SERVED)
		return;
	w->failures = 0;
	w->proven = true;
	f->failures = 0;
	average(&f->serve_ns, (double)took_ns);
}

void policy_done(struct policy_request *r, enum policy_end how, uint64_t now)
{
	struct policy_worker *w = r->worker;
	struct policy_function *f = w->function;
	const unsigned limit = f->settings.ejected_after;

	end_run(r);
	r->avoided = how == POLICY_FAILED ? w->number : 0;
	learn(w, now - r->sent_ns, how);
	tell_breaker(f, r, how, now);
	if ((w->state == WORKER_SERVING && limit > 0 && w->failures >= limit) ||
		(w->state == WORKER_DRAINING && w->running == 0))
		worker_dismiss(w);
	else
		worker_placed(w, now);
	count_requests(f, now);
	function_balance(f, now);
	node_feed(f->policy, now);
}

void policy_ready(struct policy_worker *w, uint64_t now)
{
	struct policy_function *f = w->function;

	/* One that is not wanted any more hears of that now. */
	if (w->state == WORKER_STARTING) {
		average(&f->start_ns, (double)(now - w->begun_ns));
		worker_set_state(w, WORKER_SERVING);
		worker_placed(w, now);
	}
	function_balance(f, now);
	node_feed(f->policy, now);
}

struct policy_worker *policy_adopt(struct policy_function *f, uint64_t now)
{
	struct policy_worker *w = f->removed ? NULL : worker_create(f, now);

	if (!w)
		return NULL;
	w->proven = true;
	worker_set_state(w, WORKER_SERVING);
	worker_placed(w, now);
	return w;
}

void policy_measure(struct policy_worker *w, uint64_t memory, uint64_t now)
{
	if (w->state == WORKER_STARTING) {
		memory = memory > w->memory ? memory : w->memory;
	} else {
		average(&w->function->memory, (double)memory);
	}
	worker_charge(w, memory);
	node_keep_limits(w->function->policy, now);
}

/* Each failure in a row doubles the pause. */
static void back_off(struct policy_function *f, uint64_t now)
{
	uint64_t pause = BACK_OFF_NS;

	for (unsigned i = 0; i < f->failures && pause < BACK_OFF_MAX_NS; i++)
		pause *= 2;
	f->failures++;
	f->not_before_ns = now + (pause < BACK_OFF_MAX_NS ? pause : BACK_OFF_MAX_NS);
}

void policy_gone(struct policy_worker *w, uint64_t now)
{
	struct policy_function *f = w->function;
	struct policy *p = f->policy;
	struct policy_request *r;

	while ((r = w->requests)) {
		end_run(r);
		/* A disposable one may end with its answer, which nobody can tell from an end without. */
		tell_breaker(f, r,
			w->state == WORKER_STOPPING || f->settings.disposable ? POLICY_ABANDONED
									      : POLICY_FAILED,
			now);
	}
	if (w->state != WORKER_STOPPING && !w->proven)
		back_off(f, now);
	worker_destroy(w);
	count_requests(f, now);
	if (f->removed && !f->by_age.first)
		destroy(f);
	else
		function_balance(f, now);
	node_feed(p, now);
}

/* --- what there is --- */

void *policy_function_data(const struct policy_function *f)
{
	return f->data;
}

void *policy_worker_data(const struct policy_worker *w)
{
	return w->data;
}

void policy_worker_set_data(struct policy_worker *w, void *data)
{
	w->data = data;
}

struct policy_function *policy_worker_function(const struct policy_worker *w)
{
	return w->function;
}

void policy_count(const struct policy_function *f, struct policy_count *ret)
{
	*ret = (struct policy_count){.starting = f->n[WORKER_STARTING],
		.serving = f->n[WORKER_SERVING],
		.idle = f->n_idle,
		.draining = f->n[WORKER_DRAINING],
		.waiting = f->n_waiting,
		.running = f->n_running};
}
