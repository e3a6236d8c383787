/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By a target, as Knative's autoscaler has it: every tick, the average number of requests over a stable
 * window, and over a short one that begins a panic, in which nothing is taken away.
 */
#include <math.h>

#include "seed/noslated/policy/policy_priv.h"

static double bounded(double n, double low, double high)
{
	return n < low ? low : n > high ? high : n;
}

static unsigned workers_for(struct policy_function *f, uint64_t window_ns, uint64_t now)
{
	const struct policy_target *t = &f->settings.target;
	const double ready = f->n[WORKER_SERVING] > 0 ? f->n[WORKER_SERVING] : 1;
	const double n = window_average(&f->window, window_ns, now) /
			 (f->settings.concurrency * t->utilisation);

	return (unsigned)bounded(
		ceil(n), floor(f->n[WORKER_SERVING] / t->down), ceil(t->up * ready));
}

/* The last worker stays for a while. */
static unsigned at_zero(struct policy_function *f, uint64_t now)
{
	if (f->n_waiting + f->n_running > 0 || f->zero_since_ns == 0)
		f->zero_since_ns = now;
	return now - f->zero_since_ns < f->settings.target.grace_ns;
}

static void look(struct policy_function *f, uint64_t now)
{
	const struct policy_target *t = &f->settings.target;
	const unsigned stable = workers_for(f, t->stable_ns, now);
	const unsigned panic = workers_for(f, t->panic_ns, now);
	const unsigned ready = f->n[WORKER_SERVING] > 0 ? f->n[WORKER_SERVING] : 1;

	if (panic >= t->panic * ready)
		f->panic_until_ns = now + t->stable_ns;
	if (now < f->panic_until_ns) {
		f->panic_target = panic > f->panic_target ? panic : f->panic_target;
		f->target = f->panic_target > stable ? f->panic_target : stable;
	} else {
		f->panic_target = 0;
		f->target = stable;
	}
	if (f->target == 0)
		f->target = at_zero(f, now);
	else
		f->zero_since_ns = 0;
	f->next_look_ns = now + t->tick_ns;
}

unsigned scale_target(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const unsigned have = function_workers(f);

	/* The first request of all does not wait for the tick. */
	if (now >= f->next_look_ns || (have == 0 && f->n_waiting > 0 && f->target == 0))
		look(f, now);
	if ((have > 0 || f->n_waiting > 0 || f->target > 0) && f->next_look_ns < *due)
		*due = f->next_look_ns;
	return f->target;
}
