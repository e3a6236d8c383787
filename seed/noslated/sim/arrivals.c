/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/arrivals.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/random.h"
#include "seed/noslated/sim/workload.h"

/* A minute has less than 2^36 nanoseconds: three passes of 12 bits. */
#define DIGIT_BITS 12
#define DIGITS	   (1u << DIGIT_BITS)
#define PASSES	   3

void arrivals_init(struct arrivals *a, const struct workload *w, uint64_t seed)
{
	*a = (struct arrivals){.workload = w, .seed = seed};
}

void arrivals_finish(struct arrivals *a)
{
	free_clear(&a->v);
	free_clear(&a->spare);
	a->n = a->cap = 0;
}

static int reserve(struct arrivals *a, size_t n, struct err *err)
{
	if (n <= a->cap)
		return 0;
	arrivals_finish(a);
	a->v = malloc(n * sizeof(*a->v));
	a->spare = malloc(n * sizeof(*a->spare));
	if (!a->v || !a->spare)
		return err_oom(err);
	a->cap = n;
	return 0;
}

/* `n` times that are anywhere in the first `window` of the minute. */
static void draw(struct arrivals *a, const struct workload_load *load, uint64_t window)
{
	const uint32_t minute = a->workload->begin + a->minute;
	const uint64_t key = random_key(a->seed, RANDOM_ARRIVAL, load->function, minute);

	for (uint32_t i = 0; i < load->count; i++) {
		const unsigned __int128 wide = (unsigned __int128)random_at(key, i) * window;

		a->v[a->n++] = (struct arrival){(uint64_t)(wide >> 64), load->function, i};
	}
}

/* By time; of equal times, which no digit tells apart, the order is kept. */
static void sort(struct arrivals *a)
{
	uint32_t first[DIGITS];

	for (unsigned pass = 0; pass < PASSES; pass++) {
		const unsigned shift = pass * DIGIT_BITS;
		struct arrival *from = a->v;
		uint32_t sum = 0;

		memset(first, 0, sizeof(first));
		for (size_t i = 0; i < a->n; i++)
			first[from[i].time_ns >> shift & (DIGITS - 1)]++;
		for (unsigned d = 0; d < DIGITS; d++) {
			const uint32_t n = first[d];

			first[d] = sum;
			sum += n;
		}
		for (size_t i = 0; i < a->n; i++)
			a->spare[first[from[i].time_ns >> shift & (DIGITS - 1)]++] = from[i];
		a->v = a->spare;
		a->spare = from;
	}
}

static void list(struct arrivals *a, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct workload_request *r = &a->workload->requests[i];

		a->v[a->n++] = (struct arrival){r->time_ns, r->function, i};
	}
}

int arrivals_make(struct arrivals *a, uint32_t minute, struct err *err)
{
	const struct workload *w = a->workload;
	const uint32_t from = w->first[minute], to = w->first[minute + 1];
	const uint64_t begin = minute * WORKLOAD_MINUTE_NS;
	size_t n = 0;
	int r;

	for (uint32_t i = from; i < to; i++)
		n += w->loads ? w->loads[i].count : 1;
	r = reserve(a, n, err);
	if (r < 0)
		return r;
	a->minute = minute;
	a->n = 0;
	if (w->requests) {
		list(a, from, to);
		return 0;
	}
	for (uint32_t i = from; i < to; i++)
		draw(a, &w->loads[i], w->functions[w->loads[i].function].window_ns);
	sort(a);
	for (size_t i = 0; i < a->n; i++)
		a->v[i].time_ns += begin;
	return 0;
}

uint64_t arrivals_duration(const struct arrivals *a, const struct arrival *r)
{
	const struct workload *w = a->workload;
	uint64_t key;
	double ns;

	if (w->requests)
		return w->requests[r->index].duration_ns;
	key = random_key(a->seed, RANDOM_DURATION, r->function, w->begin + a->minute);
	ns = quantiles_value(&w->functions[r->function].duration_ns, random_unit(key, r->index));
	return ns < 1 ? 1 : (uint64_t)ns;
}
