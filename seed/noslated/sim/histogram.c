/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/histogram.h"

#include <math.h>

uint64_t histogram_limit(size_t bucket)
{
	const size_t first = (size_t)2 << HISTOGRAM_BITS;
	unsigned shift;

	if (bucket < first)
		return bucket;
	shift = (unsigned)(bucket >> HISTOGRAM_BITS) - 1;
	return (((uint64_t)(bucket - ((size_t)shift << HISTOGRAM_BITS)) + 1) << shift) - 1;
}

uint64_t histogram_quantile(const struct histogram *h, double p)
{
	const double wanted = ceil(p * (double)h->n);
	const uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
	uint64_t seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS && h->n; i++) {
		seen += h->count[i];
		if (seen >= rank) {
			const uint64_t limit = histogram_limit(i);

			return limit < h->max ? limit : h->max;
		}
	}
	return h->max;
}
