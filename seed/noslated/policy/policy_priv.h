/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy keeps. Three levels: the node has tenants, which have functions, which have workers. What
 * waits for something scarce (enum scarce) does so by function, in the turn of its tenant.
 */
#ifndef SEED_NOSLATED_POLICY_POLICY_PRIV_H
#define SEED_NOSLATED_POLICY_POLICY_PRIV_H

#include "runtime/base/table.h"
#include "seed/noslated/policy/breaker.h"
#include "seed/noslated/policy/forecast.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/policy/window.h"

/* Until something is tried again for which there was no memory. */
#define POLICY_RETRY_NS (100 * POLICY_NS_PER_MS)

/* --- workers --- */

enum worker_state {
	WORKER_STARTING,
	WORKER_SERVING,
	WORKER_DRAINING, /* serves what it has, and gets no more */
	WORKER_STOPPING,
	N_WORKER_STATES,
};

/* A place in a list that has its head elsewhere. */
struct worker_link {
	struct policy_worker *next, **prev; /* prev NULL: in no list */
};

struct worker_list {
	struct policy_worker *first, **tail;
};

struct policy_worker {
	struct policy_function *function;
	void *data;
	uint64_t number; /* of all that there were, from 1 */
	enum worker_state state;
	struct policy_request *requests; /* that run on it */
	unsigned running;
	unsigned failures; /* in a row */
	bool proven;	   /* a request has succeeded */
	size_t slot;	   /* place in the function's heap + 1; 0: not there */
	uint64_t used;	   /* number of the last request that it was sent */
	uint64_t begun_ns, idle_since_ns;
	uint64_t memory;
	struct worker_link by_age; /* of the function, the oldest first */
	struct worker_link idle;   /* of the function, the one that is idle for longest first */
	struct worker_link idle_of_tenant, idle_of_node;
};

/* --- functions --- */

/* What there may be too little of on the node. */
enum scarce {
	SCARCE_RUNNING, /* requests that may run */
	SCARCE_START,	/* starts, and memory for them, for who waits or is reserved */
	SCARCE_SPARE,	/* what is left of that, for who may be wanted later */
	N_SCARCE,
};

/* Of a rate. */
struct bucket {
	double n;
	uint64_t at_ns;
};

struct function_link {
	struct policy_function *next, **prev;
};

struct policy_function {
	struct policy *policy;
	struct policy_tenant *tenant;
	struct function_link of_node;
	struct policy_settings settings;
	void *data;
	bool removed;

	struct worker_list by_age, idle;
	unsigned n[N_WORKER_STATES];
	unsigned n_idle;
	struct policy_worker **heap; /* those that can take a request, the best one first */
	size_t n_heap, cap_heap;

	struct policy_request *waiting, **waiting_tail;
	unsigned n_waiting, n_running;

	uint64_t busy_since_ns; /* since when somebody waits, if so */
	struct bucket tokens;	/* of rate and burst */
	struct breaker breaker;
	unsigned failures;	   /* workers in a row that ended before a request succeeded */
	uint64_t not_before_ns;	   /* no start until then */
	double start_ns, serve_ns; /* how long they take, on a moving average; 0: not known */
	double memory;		   /* of one worker, likewise */

	struct forecast forecast; /* of POLICY_SCALE_FORECAST */
	struct window window;	  /* of POLICY_SCALE_TARGET */
	uint64_t next_look_ns, panic_until_ns, zero_since_ns;
	unsigned target, panic_target;

	uint64_t due_ns;
	size_t timer; /* place in the node's heap + 1; 0: not there */
	struct function_link scarce[N_SCARCE];
};

struct policy_tenant {
	struct table_entry entry; /* the first member */
	struct policy *policy;
	char *name;
	unsigned n_functions;
	struct policy_quota quota;
	struct bucket tokens;
	unsigned waiting, running;	   /* requests */
	unsigned workers, leaving_workers; /* all, and those that were stopped */
	uint64_t memory, leaving_memory;   /* of these */
	struct worker_list idle;
	struct {
		struct policy_function *first, **tail; /* that wait, in their order */
		struct policy_tenant *next, **prev; /* tenants that wait; prev NULL: it does not */
		unsigned steps;			    /* that are left of its turn */
	} scarce[N_SCARCE];
};

struct policy {
	const struct policy_ops *ops;
	void *host;
	struct policy_limits limits;
	struct table tenants;
	struct {
		struct policy_tenant *first, **tail;
	} scarce[N_SCARCE];
	struct worker_list idle;
	struct policy_function **timers;
	size_t n_timers, cap_timers;
	struct policy_function *functions; /* all of them */
	size_t n_functions;
	struct policy_worker *spare; /* linked by by_age.next */
	uint64_t n_sent, n_created;
	uint64_t memory, leaving; /* bytes of all workers, and of those that were stopped */
	unsigned starting, running, waiting;
	bool holds_starts;
};

/* --- workers.c --- */

/* NULL: out of memory. It is starting. */
struct policy_worker *worker_create(struct policy_function *f, uint64_t now);
void worker_destroy(struct policy_worker *w);
void worker_set_state(struct policy_worker *w, enum worker_state state);
/* It counts as taking so much. */
void worker_charge(struct policy_worker *w, uint64_t memory);
/* Its place among those that can take a request, and among the idle ones, after any change. */
void worker_placed(struct policy_worker *w, uint64_t now);
/* The best one for a request, if there is a choice another one than that of this number; the heap has one. */
struct policy_worker *worker_for(const struct policy_function *f, uint64_t avoided);
/* Stops it, now or when it has nothing more to do. */
void worker_dismiss(struct policy_worker *w);
/* Of those that serve or start the one that has to go; NULL: there is none. */
struct policy_worker *worker_to_go(const struct policy_function *f);

/* --- function.c --- */

/* All that is to be done now; sets the timer. */
void function_balance(struct policy_function *f, uint64_t now);
bool function_wants(struct policy_function *f, enum scarce what, uint64_t now);
/* One step with something scarce that it wants. False: no more of it now. */
bool function_take(struct policy_function *f, enum scarce what, uint64_t now);
/* Those that count against `max`: one that drains will not serve any more, unless that is its nature. */
static inline unsigned function_workers(const struct policy_function *f)
{
	return f->n[WORKER_STARTING] + f->n[WORKER_SERVING] +
	       (f->settings.disposable ? f->n[WORKER_DRAINING] : 0);
}

/* --- scale_queue.c, scale_forecast.c, scale_target.c: how many workers there are to be, starting ones included --- */

/* *due is lowered to when that has to be asked again. */
unsigned scale_queue(struct policy_function *f, uint64_t now, uint64_t *due);
unsigned scale_target(struct policy_function *f, uint64_t now, uint64_t *due);
unsigned scale_forecast(struct policy_function *f, uint64_t now, uint64_t *due);

/* --- node.c --- */

/* Not later than that; an earlier one stays. */
void node_timer(struct policy_function *f, uint64_t due_ns);
void node_forget_timer(struct policy_function *f);
/* Whether there is some for everybody who wants it. */
bool node_has(const struct policy *p, enum scarce what, const struct policy_function *f);
/* Whether somebody waits for it. */
bool node_is_short(const struct policy *p, enum scarce what);
/* Idle workers go where there are too many; then node_feed(). */
void node_keep_limits(struct policy *p, uint64_t now);
/* There may be some more now. */
void node_feed(struct policy *p, uint64_t now);
/* What one worker of the function will take, in bytes. */
uint64_t node_memory_of(const struct policy_function *f);

/* --- tenants.c --- */

/* A new one when there is none of this name. NULL: out of memory. */
struct policy_tenant *tenant_get(
	struct policy *p, const char *name, const struct policy_quota *quota, uint64_t now);
/* One function less; without any it is freed. */
void tenant_put(struct policy_tenant *t);
void tenant_change(struct policy_tenant *t, const struct policy_quota *quota);
/* Whether it has all that it may. */
bool tenant_is_full(
	const struct policy_tenant *t, enum scarce what, const struct policy_function *f);
/* It is full, and waits until it is woken; idle workers make room for one of `f`. */
void tenant_park(struct policy_tenant *t, enum scarce what, const struct policy_function *f);
/* It has given something back, or could. node_feed() has to follow. */
void tenant_wake(struct policy_tenant *t, enum scarce what);
void tenant_has_stepped(struct policy_tenant *t, enum scarce what);
void node_wait(struct policy_function *f, enum scarce what);
void node_stop_waiting(struct policy_function *f, enum scarce what);
/* Behind the other functions of its tenant. */
void node_to_the_end(struct policy_function *f, enum scarce what);

static inline void bucket_init(struct bucket *b, double burst, uint64_t now)
{
	*b = (struct bucket){burst, now};
}

/* Whether there is one to take; rate 0: always. */
static inline bool bucket_has(struct bucket *b, double rate, double burst, uint64_t now)
{
	if (rate <= 0)
		return true;
	b->n += (double)(now - b->at_ns) / (double)POLICY_NS_PER_S * rate;
	b->n = b->n > burst ? burst : b->n;
	b->at_ns = now;
	return b->n >= 1;
}

/* Half of the last four or so. */
static inline void average(double *of, double value)
{
	*of = *of > 0 ? *of + (value - *of) / 4 : value;
}

#endif
