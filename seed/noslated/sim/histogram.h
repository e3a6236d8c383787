/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A histogram of fixed size for any 64-bit value: 64 buckets for each power of two, so that what it tells
 * is at most 1/64 too much.
 */
#ifndef SEED_NOSLATED_SIM_HISTOGRAM_H
#define SEED_NOSLATED_SIM_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BITS	  6
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

struct histogram {
	uint64_t n, max;
	uint64_t count[HISTOGRAM_BUCKETS];
};

static inline size_t histogram_bucket(uint64_t value)
{
	const unsigned high = 63 - (unsigned)__builtin_clzll(value | 1);
	const unsigned shift = high > HISTOGRAM_BITS ? high - HISTOGRAM_BITS : 0;

	return ((size_t)shift << HISTOGRAM_BITS) + (size_t)(value >> shift);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->n++;
	h->count[histogram_bucket(value)]++;
	if (value > h->max)
		h->max = value;
}

/* The largest value of a bucket. */
uint64_t histogram_limit(size_t bucket);
/* What a share `p` (0 to 1) of the values does not exceed; 0 when there is none. */
uint64_t histogram_quantile(const struct histogram *h, double p);

#endif
