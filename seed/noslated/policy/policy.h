/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which worker gets a request, when one is started, and when one goes. Events go in, decisions come out:
 * no clock, no system call, no thread, and of two runs with the same events the same decisions. noslated
 * and noslate-sim are its hosts.
 *
 * A host tells of requests (policy_arrive(), policy_leave()), of workers (policy_ready(), policy_done(),
 * policy_gone(), policy_measure()) and of time (policy_tick(), not later than policy_due() says); each call
 * has the time in nanoseconds, which never goes back. From within them, and nowhere else, the policy calls
 * struct policy_ops. Ops only take note: none calls back into the policy.
 *
 * A request runs, waits or is refused; a worker starts, serves, drains or stops. Memory for all of it is the
 * policy's, but for struct policy_request, which is the host's and embedded in what it knows of a request.
 *
 * Costs: O(log workers of the function) a request, O(log functions) a timer.
 */
#ifndef SEED_NOSLATED_POLICY_POLICY_H
#define SEED_NOSLATED_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_NS_PER_MS UINT64_C(1000000)
#define POLICY_NS_PER_S	 UINT64_C(1000000000)
#define POLICY_NEVER	 UINT64_MAX

struct policy;
struct policy_function;
struct policy_tenant;
struct policy_worker;

/* --- settings --- */

/* When workers are started and stopped. */
enum policy_scale {
	/* A request that waits starts one, unless one is expected to be free sooner; idle ones go by age. */
	POLICY_SCALE_QUEUE,
	/*
	 * As Knative's autoscaler: so many that each has `target` of its concurrency on average, over a
	 * window, or over a short one while there is much more (panic).
	 */
	POLICY_SCALE_TARGET,
	/*
	 * As POLICY_SCALE_QUEUE, but who is idle stays, or is started ahead, while it is likely enough to be
	 * wanted soon, by what was learnt of the function: each request that has not to wait for a start
	 * is worth idle_ns of a worker's idle time.
	 */
	POLICY_SCALE_FORECAST,
};

/* Who gets a request. */
enum policy_dispatch {
	POLICY_LEAST_REQUESTS, /* of equal ones the one used last, so that the others can go */
	POLICY_ROUND_ROBIN,
};

/* Who goes when there are too many. */
enum policy_shrink {
	POLICY_SHRINK_LCC,  /* with the fewest requests */
	POLICY_SHRINK_FIFO, /* the oldest */
	POLICY_SHRINK_FILO, /* the youngest */
};

struct policy_target {
	double utilisation; /* of the concurrency, 0 to 1 */
	double panic;	    /* times of what there is that begins a panic */
	uint64_t tick_ns, stable_ns, panic_ns, grace_ns;
	double up, down; /* at most so many times in one tick */
};

/* Knative's defaults. */
#define POLICY_TARGET_DEFAULT                       \
	((struct policy_target){.utilisation = 0.7, \
		.panic = 2,                         \
		.tick_ns = 2 * POLICY_NS_PER_S,     \
		.stable_ns = 60 * POLICY_NS_PER_S,  \
		.panic_ns = 6 * POLICY_NS_PER_S,    \
		.grace_ns = 30 * POLICY_NS_PER_S,   \
		.up = 1000,                         \
		.down = 2})

/* When nobody is sent to a function any more, because its workers fail. */
struct policy_breaker {
	unsigned failures,
		percent; /* so many, and so much of all, in the window; failures 0: never */
	uint64_t window_ns;
	uint64_t open_ns; /* until one request tries again */
};

/* What a tenant has at a time; 0: no limit. */
struct policy_quota {
	unsigned running;   /* requests that run */
	unsigned workers;   /* until they have gone */
	uint64_t memory;    /* bytes of these */
	double rate, burst; /* requests a second, and at once */
	unsigned weight;    /* its share of what is scarce; 0 is 1 */
};

/* Of one function. */
struct policy_settings {
	unsigned concurrency; /* requests that a worker has at a time, 1 or more */
	unsigned min, max;  /* workers: that there are always, that there are at most (1 or more) */
	bool disposable;    /* one request a worker; `min` of them wait for theirs */
	unsigned queue_max; /* requests that wait */
	uint64_t queue_ns;  /* how long one waits */
	uint64_t busy_ns;   /* when somebody has been waiting all the time for so long, ... */
	uint64_t shed_ns;   /* ... one waits for so long; 0: for queue_ns whatever happens */
	uint64_t idle_ns;   /* how long a worker without requests stays */
	double rate, burst; /* requests a second, and at once; rate 0: no limit */
	uint64_t memory;    /* bytes that a worker takes until it was measured */
	unsigned ejected_after; /* failures of a worker in a row that end it; 0: never */
	enum policy_scale scale;
	enum policy_dispatch dispatch;
	enum policy_shrink shrink;
	struct policy_target target;
	struct policy_breaker breaker;
	struct policy_quota tenant; /* of all its functions: what was said last counts */
};

/* Of the node. */
struct policy_limits {
	uint64_t memory;   /* bytes of all workers, starting ones included; 0: no limit */
	unsigned starting; /* workers that start at a time; 0: no limit */
	unsigned running;  /* requests that run at a time; 0: no limit */
	unsigned
		waiting; /* requests that wait; a tenant may have as many of them as are left; 0: no limit */
};

/* --- requests --- */

enum policy_refusal {
	POLICY_REFUSED_RATE,  /* rate and burst of the function are used up */
	POLICY_REFUSED_QUEUE, /* as many wait as may */
	POLICY_REFUSED_LATE,  /* it has waited as long as it may */
	POLICY_REFUSED_STARTING, /* workers of the function fail to start, and it could not wait for the next try */
	POLICY_REFUSED_GONE,	 /* the function was removed */
	POLICY_REFUSED_QUOTA,	 /* its tenant has all that it may */
	POLICY_REFUSED_OVERLOAD, /* too many wait, for too long, for it to make sense */
	POLICY_REFUSED_CIRCUIT,	 /* too many requests of the function have failed */
	POLICY_REFUSALS
};

/* How a request has ended. */
enum policy_end {
	POLICY_SERVED,
	POLICY_FAILED,	  /* by the worker's fault */
	POLICY_ABANDONED, /* by nobody's: whoever asked has left, or so */
};

struct policy_request {
	uint64_t arrived_ns;
	/* the policy's own */
	struct policy_function *function;
	struct policy_worker *worker; /* NULL: it waits */
	uint64_t deadline_ns, sent_ns;
	bool trial;	  /* of the breaker */
	uint64_t avoided; /* number of the worker that has failed it; 0: none has */
	struct policy_request *next, **prev;
};

struct policy_ops {
	/*
	 * One more is wanted: policy_ready() or policy_gone() will follow. False: the host has no memory to know
	 * of it; it was none then, and is tried again.
	 */
	bool (*start)(void *host, struct policy_worker *w);
	/* Nothing runs on it, and nothing will; policy_gone() will follow. */
	void (*stop)(void *host, struct policy_worker *w);
	/* policy_done() will follow, or policy_gone() of the worker. */
	void (*send)(void *host, struct policy_request *r, struct policy_worker *w);
	/* The request is the host's again. */
	void (*refuse)(void *host, struct policy_request *r, enum policy_refusal why);
};

/* --- the node --- */

/* NULL: out of memory. `ops` and `host` are borrowed. */
struct policy *policy_create(
	const struct policy_ops *ops, void *host, const struct policy_limits *limits);
/* Without a word to the host. */
void policy_destroy(struct policy *p);

/* Nothing is started until then: a host that has workers already offers them first (policy_adopt()). */
void policy_hold_starts(struct policy *p);
void policy_allow_starts(struct policy *p, uint64_t now);

/* When policy_tick() is wanted; POLICY_NEVER: not before the next event. */
uint64_t policy_due(const struct policy *p);
void policy_tick(struct policy *p, uint64_t now);

/* Nothing that runs is ended; idle workers go where there is too much by now. */
void policy_limit(struct policy *p, const struct policy_limits *limits, uint64_t now);

/*
 * Tenants have shares by their weights of what is scarce: starts, memory and requests that run. NULL: out of
 * memory. One that has no function any more is forgotten; settings->tenant counts for one that had none.
 */
struct policy_function *policy_add(struct policy *p, const char *tenant,
	const struct policy_settings *settings, void *data, uint64_t now);
/* Nothing that runs is ended; what is too much by now goes as it becomes free. */
void policy_change(struct policy_function *f, const struct policy_settings *settings, uint64_t now);
/* No worker is kept any more for who may come: idle ones are stopped. policy_change() ends that. */
void policy_retire(struct policy_function *f, uint64_t now);
/* Refuses what waits, drains its workers; the function is gone with the last of them. */
void policy_remove(struct policy_function *f, uint64_t now);

/* --- events --- */

/* Sent, refused or kept at once. */
void policy_arrive(struct policy_function *f, struct policy_request *r, uint64_t now);
/*
 * The same request once more, after policy_done() or policy_gone(), or for another function: it is admitted
 * already, and the worker that has failed it gets it only when there is no other one.
 */
void policy_again(struct policy_function *f, struct policy_request *r, uint64_t now);
/* Whoever asked has left, and the request has waited until now. */
void policy_leave(struct policy_request *r, uint64_t now);
void policy_done(struct policy_request *r, enum policy_end how, uint64_t now);

/*
 * One that serves already, and that nobody asked for: NULL when there is no memory, or the function was removed.
 */
struct policy_worker *policy_adopt(struct policy_function *f, uint64_t now);
/* It serves from now on. */
void policy_ready(struct policy_worker *w, uint64_t now);
/*
 * What it takes, in bytes. One that starts is going to take more: it counts as what was expected of it, unless
 * it takes more already. What is too much by now makes idle workers go.
 */
void policy_measure(struct policy_worker *w, uint64_t memory, uint64_t now);
/*
 * It has ended, stopped or not, or could not be started. Requests that it had are the host's, as if
 * policy_done() had been called of each.
 */
void policy_gone(struct policy_worker *w, uint64_t now);

/* --- what there is --- */

/* The host's: of functions as policy_add() got it, of workers NULL at first. */
void *policy_function_data(const struct policy_function *f);
void *policy_worker_data(const struct policy_worker *w);
void policy_worker_set_data(struct policy_worker *w, void *data);
struct policy_function *policy_worker_function(const struct policy_worker *w);

struct policy_count {
	unsigned starting, serving, idle, draining; /* workers; the idle ones serve, too */
	unsigned waiting, running;		    /* requests */
};
void policy_count(const struct policy_function *f, struct policy_count *ret);
uint64_t policy_memory(const struct policy *p); /* bytes of all workers */

#endif
