/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By the queue: who waits and has nobody coming gets a worker of its own, unless those that serve are
 * expected to come to it before that one would be ready. Nobody is asked to go: idle workers go by age.
 */
#include "seed/noslated/policy/policy_priv.h"

/* Whether `beyond` requests wait for longer than a start takes. */
static bool is_worth(const struct policy_function *f, unsigned beyond, uint64_t now, uint64_t *due)
{
	const double slots = (double)f->n[WORKER_SERVING] * f->settings.concurrency;
	uint64_t until;

	if (slots <= 0 || f->serve_ns <= 0 || f->serve_ns * beyond / slots >= f->start_ns)
		return true;
	/* Expectations can be wrong. */
	until = f->waiting->arrived_ns + (uint64_t)f->start_ns;
	if (now >= until)
		return true;
	*due = until < *due ? until : *due;
	return false;
}

unsigned scale_queue(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const struct policy_settings *s = &f->settings;
	const unsigned have = function_workers(f), coming = f->n[WORKER_STARTING] * s->concurrency;

	if (s->disposable)
		return f->n_waiting + s->min + f->n[WORKER_DRAINING];
	/* With workers that are free it is the node that has too much to do. */
	if (f->n_waiting <= coming || f->n_heap > 0 ||
		!is_worth(f, f->n_waiting - coming, now, due))
		return have;
	return have + (f->n_waiting - coming + s->concurrency - 1) / s->concurrency;
}
