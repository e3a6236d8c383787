/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/histogram.h"
#include "seed/noslated/sim/random.h"
#include "tests/unit/unit.h"

#define N 50000

static struct histogram h;

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Values of all sizes, as delays are. */
static uint64_t value_of(uint64_t kind, uint64_t i)
{
	const uint64_t v = random_at(kind, i);

	switch (kind) {
	case 0: return v % 100;
	case 1: return v >> (v % 64);
	case 2: return i % 10 ? 0 : v % 1000000000;
	default: return 3000000 + v % 5000000;
	}
}

START_TEST(quantiles_are_those_of_a_sorted_array)
{
	static const double at[] = {0, .01, .5, .9, .99, .999, .99999, 1};
	static uint64_t v[N];

	for (uint64_t kind = 0; kind < 4; kind++) {
		memset(&h, 0, sizeof(h));
		for (uint64_t i = 0; i < N; i++) {
			v[i] = value_of(kind, i);
			histogram_add(&h, v[i]);
		}
		qsort(v, N, sizeof(*v), by_value);
		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			const double rank = at[k] * N;
			const size_t i = rank <= 1 ? 0 : (size_t)(rank + 0.999999) - 1;
			const uint64_t exact = v[i], told = histogram_quantile(&h, at[k]);

			ck_assert_uint_ge(told, exact);
			ck_assert_uint_le(told - exact, exact / 64);
		}
		ck_assert_uint_eq(histogram_quantile(&h, 1), v[N - 1]);
	}
}
END_TEST

START_TEST(every_value_has_a_bucket)
{
	static const uint64_t edges[] = {0, 1, 63, 64, 127, 128, 129, 255, 256, UINT64_MAX / 2,
		UINT64_MAX / 2 + 1, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		const size_t b = histogram_bucket(edges[i]);

		ck_assert_uint_lt(b, HISTOGRAM_BUCKETS);
		ck_assert_uint_ge(histogram_limit(b), edges[i]);
		ck_assert(b == 0 || histogram_limit(b - 1) < edges[i]);
	}
	for (size_t b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		ck_assert_uint_eq(histogram_bucket(histogram_limit(b)), b);
		ck_assert_uint_eq(histogram_bucket(histogram_limit(b) + 1), b + 1);
	}
}
END_TEST

START_TEST(an_empty_one_says_nothing)
{
	memset(&h, 0, sizeof(h));
	ck_assert_uint_eq(histogram_quantile(&h, .5), 0);
	histogram_add(&h, 1000001);
	ck_assert_uint_eq(histogram_quantile(&h, 0), 1000001);
	ck_assert_uint_eq(histogram_quantile(&h, .5), 1000001);
}
END_TEST

UNIT_MAIN("sim histogram", quantiles_are_those_of_a_sorted_array, every_value_has_a_bucket,
	an_empty_one_says_nothing)
