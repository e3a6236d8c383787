/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of JavaScript: a table of id -> loop timer. Which callback an id
 * stands for, clamping and nesting are JavaScript's; see aworker/http/http.h.
 *
 * The table is a hash of chains whose size follows the number of timers; entries
 * are allocated one by one, because the loop's heap points at them.
 */
#include <errno.h>
#include <math.h>

#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

#define NS_PER_MS 1e6

/* First number of chains; doubles when there are as many timers. */
#define CHAINS_MIN 64

struct timer {
	struct timer *next; /* in its chain */
	struct loop_timer timer;
	struct worker *worker;
	int64_t id;
	uint64_t left_ns; /* while the table is suspended */
};

struct timer_table {
	struct timer **chains;
	size_t n_chains; /* a power of two */
	size_t n_timers;
	struct engine_value *fired_fn; /* internals.timerFired */
};

/* How a debugger knows it. */
static uintptr_t task_of(int64_t id)
{
	return (uintptr_t)id << 1 | 1;
}

static struct timer **chain_of(struct timer_table *t, int64_t id)
{
	/* Fibonacci hashing: ids count up. */
	return &t->chains[((uint64_t)id * 0x9e3779b97f4a7c15u >> 32) & (t->n_chains - 1)];
}

static struct timer **find(struct timer_table *t, int64_t id)
{
	struct timer **p;

	if (!t->chains)
		return NULL;
	for (p = chain_of(t, id); *p; p = &(*p)->next) {
		if ((*p)->id == id)
			return p;
	}
	return NULL;
}

static int grow(struct timer_table *t)
{
	struct timer_table bigger = {.n_chains = t->n_chains ? t->n_chains * 2 : CHAINS_MIN};

	if (t->n_timers < t->n_chains)
		return 0;
	bigger.chains = calloc(bigger.n_chains, sizeof(struct timer *));
	if (!bigger.chains)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_chains; i++) {
		while (t->chains[i]) {
			struct timer *e = t->chains[i];
			struct timer **to = chain_of(&bigger, e->id);

			t->chains[i] = e->next;
			e->next = *to;
			*to = e;
		}
	}
	free(t->chains);
	t->chains = bigger.chains;
	t->n_chains = bigger.n_chains;
	return 0;
}

static void drop(struct timer_table *t, struct timer **p)
{
	struct timer *e = *p;

	loop_timer_stop(&e->worker->loop, &e->timer);
	engine_async_canceled(e->worker->engine, task_of(e->id));
	*p = e->next;
	t->n_timers--;
	free(e);
}

static void on_timer(void *data)
{
	struct timer *e = data;
	struct worker *w = e->worker;
	int64_t id = e->id;

	engine_async_started(w->engine, task_of(id));
	drop(w->timers, find(w->timers, id));
	worker_call_number(w, w->timers->fired_fn, (double)id);
	engine_async_finished(w->engine, task_of(id));
}

static struct timer *add(struct worker *w, int64_t id)
{
	struct timer_table *t = w->timers;
	struct timer *e = grow(t) < 0 ? NULL : calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->timer = (struct loop_timer){.fn = on_timer, .data = e};
	e->worker = w;
	e->id = id;
	e->next = *chain_of(t, id);
	*chain_of(t, id) = e;
	t->n_timers++;
	return e;
}

int timer_table_create(struct worker *w, struct err *err)
{
	w->timers = calloc(1, sizeof(*w->timers));
	if (!w->timers)
		return err_oom(err);
	w->timers->fired_fn = engine_internal_function(w->engine, "timerFired");
	return 0;
}

void timer_table_destroy(struct worker *w)
{
	struct timer_table *t = w->timers;

	if (!t)
		return;
	for (size_t i = 0; i < t->n_chains; i++) {
		while (t->chains[i])
			drop(t, &t->chains[i]);
	}
	if (t->fired_fn)
		engine_release(w->engine, t->fired_fn);
	free(t->chains);
	free(t);
	w->timers = NULL;
}

void timer_table_suspend(struct worker *w)
{
	struct timer_table *t = w->timers;
	const uint64_t now = loop_clock_ns();

	for (size_t i = 0; i < t->n_chains; i++) {
		for (struct timer *e = t->chains[i]; e; e = e->next) {
			e->left_ns = e->timer.due_ns > now ? e->timer.due_ns - now : 0;
			loop_timer_stop(&w->loop, &e->timer);
		}
	}
}

int timer_table_resume(struct worker *w, struct err *err)
{
	struct timer_table *t = w->timers;

	for (size_t i = 0; i < t->n_chains; i++) {
		for (struct timer *e = t->chains[i]; e; e = e->next)
			if (loop_timer_start(&w->loop, &e->timer, e->left_ns) < 0)
				return err_oom(err);
	}
	return 0;
}

static int op_timer_start(struct op_call *call)
{
	struct worker *w = op_data(call);
	bool background = false;
	struct timer **p, *e;
	double ms;
	int64_t id;

	if (op_arg_i64(call, 0, &id) < 0 || op_arg_f64(call, 1, &ms) < 0)
		return -1;
	if (op_argc(call) > 2 && op_arg_bool(call, 2, &background) < 0)
		return -1;
	if (!w || !w->timers)
		return op_throw(call, "Error", "timers cannot be started before the worker runs");
	p = find(w->timers, id);
	e = p ? *p : add(w, id);
	if (!e)
		return op_throw(call, "RangeError", "out of memory for timers");
	loop_timer_stop(&w->loop, &e->timer);
	e->timer.background = background;
	/* NaN and what is negative are 0; what overflows is as good as never. */
	ms = ms > 0 ? fmin(ms, 1e12) : 0;
	if (loop_timer_start(&w->loop, &e->timer, (uint64_t)(ms * NS_PER_MS)) < 0) {
		drop(w->timers, find(w->timers, id));
		return op_throw(call, "RangeError", "out of memory for timers");
	}
	engine_async_scheduled(w->engine, "timer", task_of(id));
	return 0;
}

/* timerLeft(id): ms until it is due; 0 where there is none */
static int op_timer_left(struct op_call *call)
{
	struct worker *w = op_data(call);
	const uint64_t now = loop_clock_ns();
	struct timer **p;
	uint64_t due;
	int64_t id;

	if (op_arg_i64(call, 0, &id) < 0)
		return -1;
	p = w && w->timers ? find(w->timers, id) : NULL;
	due = p ? (*p)->timer.due_ns : 0;
	op_ret_f64(call, due > now ? (double)(due - now) / NS_PER_MS : 0);
	return 0;
}

static int op_timer_stop(struct op_call *call)
{
	struct worker *w = op_data(call);
	struct timer **p;
	int64_t id;

	if (op_arg_i64(call, 0, &id) < 0)
		return -1;
	p = w && w->timers ? find(w->timers, id) : NULL;
	if (p)
		drop(w->timers, p);
	return 0;
}

const struct engine_op ops_timer[] = {
	{"timerStart", op_timer_start},
	{"timerStop", op_timer_stop},
	{"timerLeft", op_timer_left},
	{NULL, NULL},
};
