/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/quantiles.h"

#include <math.h>
#include <stdbool.h>

const double quantiles_at[QUANTILES_N] = {0, .01, .25, .5, .75, .99, 1};

#define TAIL 4 /* the piece from 75 % on */

/* A logarithm needs something to begin with. */
static bool is_logarithmic(size_t i, double from)
{
	return i >= TAIL && from > 0;
}

void quantiles_init(struct quantiles *q)
{
	for (size_t i = 0; i + 1 < QUANTILES_N; i++) {
		const double width = quantiles_at[i + 1] - quantiles_at[i];

		if (is_logarithmic(i, q->value[i]))
			q->slope[i] = log(q->value[i + 1] / q->value[i]) / width;
		else
			q->slope[i] = (q->value[i + 1] - q->value[i]) / width;
	}
	q->slope[QUANTILES_N - 1] = 0;
}

double quantiles_value(const struct quantiles *q, double p)
{
	size_t i = 0;

	while (i + 2 < QUANTILES_N && p >= quantiles_at[i + 1])
		i++;
	p -= quantiles_at[i];
	if (is_logarithmic(i, q->value[i]))
		return q->slope[i] > 0 ? q->value[i] * exp(p * q->slope[i]) : q->value[i];
	return q->value[i] + p * q->slope[i];
}
