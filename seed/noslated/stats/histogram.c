/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/stats/histogram.h"

#define US(n) (UINT64_C(1000) * (n))
#define DECADE(n)                                                                               \
	(n), (n) / 100 * 125, (n) / 10 * 16, (n)*2, (n) / 10 * 25, (n) / 10 * 32, (n)*4, (n)*5, \
		(n) / 10 * 63, (n)*8

const uint64_t histogram_bounds[HISTOGRAM_FINE_BOUNDS] = {
	DECADE(US(1)),
	DECADE(US(10)),
	DECADE(US(100)),
	DECADE(US(1000)),
	DECADE(US(10000)),
	DECADE(US(100000)),
	DECADE(US(1000000)),
	DECADE(US(10000000)),
	US(100000000),
};

const uint8_t histogram_first[37] = {
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	1,
	4,
	7,
	10,
	13,
	16,
	19,
	22,
	25,
	28,
	31,
	34,
	37,
	40,
	43,
	46,
	49,
	52,
	55,
	58,
	61,
	64,
	67,
	70,
	73,
	76,
	79,
};

uint64_t histogram_quantile(const uint64_t *words, size_t n, double p)
{
	const size_t step = n == HISTOGRAM_FINE_WORDS ? 1 : 2, n_buckets = n - 1;
	uint64_t all = 0, seen = 0, rank;

	for (size_t i = 0; i < n_buckets; i++)
		all += words[i];
	if (all == 0)
		return 0;
	rank = (uint64_t)(p * (double)all);
	if ((double)rank < p * (double)all || rank == 0)
		rank++;
	for (size_t i = 0; i < n_buckets - 1; i++) {
		seen += words[i];
		if (seen >= rank)
			return histogram_bounds[i * step];
	}
	return UINT64_MAX;
}
