/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms of times from 1 us to 100 s. Bounds are decimal, so that they are whole numbers of nanoseconds
 * and read well: ten a decade (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 8), or every second of them. A fine
 * histogram tells a time 15 % wrong at most when it gives the middle of a bucket, a coarse one 30 %.
 *
 * Its memory is somebody else's: words[i] counts the values that are at most bound i and above bound i - 1,
 * the one behind the last bound the longer ones, and the last word of all is their sum in nanoseconds.
 */
#ifndef SEED_NOSLATED_STATS_HISTOGRAM_H
#define SEED_NOSLATED_STATS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "seed/noslated/stats/word.h"

#define HISTOGRAM_FINE_BOUNDS	81
#define HISTOGRAM_COARSE_BOUNDS 41
#define HISTOGRAM_FINE_WORDS	(HISTOGRAM_FINE_BOUNDS + 2)
#define HISTOGRAM_COARSE_WORDS	(HISTOGRAM_COARSE_BOUNDS + 2)

/* In nanoseconds, of a fine one; those of a coarse one are 0, 2, 4 and so on of it. */
extern const uint64_t histogram_bounds[HISTOGRAM_FINE_BOUNDS];
/* Of 2^k nanoseconds and more the first bound that can be it. */
extern const uint8_t histogram_first[37];

/* Of a fine one; that of a coarse one is (this + 1) / 2. */
static inline size_t histogram_bucket(uint64_t ns)
{
	const unsigned k = 63 - (unsigned)__builtin_clzll(ns | 1);
	size_t i;

	if (k >= sizeof(histogram_first))
		return HISTOGRAM_FINE_BOUNDS;
	for (i = histogram_first[k]; i < HISTOGRAM_FINE_BOUNDS && ns > histogram_bounds[i];)
		i++;
	return i;
}

static inline void histogram_add_fine(uint64_t words[HISTOGRAM_FINE_WORDS], uint64_t ns)
{
	stats_add(&words[histogram_bucket(ns)], 1);
	stats_add(&words[HISTOGRAM_FINE_WORDS - 1], ns);
}

static inline void histogram_add_coarse(uint64_t words[HISTOGRAM_COARSE_WORDS], uint64_t ns)
{
	stats_add(&words[(histogram_bucket(ns) + 1) / 2], 1);
	stats_add(&words[HISTOGRAM_COARSE_WORDS - 1], ns);
}

/*
 * What a share `p` (0 to 1) of the values does not exceed, as the bound of the bucket in which it is; 0 when
 * there is none, UINT64_MAX beyond the last bound. `n` words: one of the two sizes above.
 */
uint64_t histogram_quantile(const uint64_t *words, size_t n, double p);

#endif
