/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/arrivals.h"
#include "seed/noslated/sim/quantiles.h"
#include "seed/noslated/sim/random.h"
#include "seed/noslated/sim/workload.h"
#include "tests/unit/unit.h"

#define N 200000

/* Chi-squared of 64 bins; 99.99 % of uniform draws stay below 118. */
static double chi_squared(uint64_t key)
{
	unsigned bins[64] = {0};
	double sum = 0;

	for (uint64_t i = 0; i < N; i++)
		bins[(unsigned)(random_unit(key, i) * 64)]++;
	for (size_t i = 0; i < 64; i++)
		sum += pow(bins[i] - N / 64.0, 2) / (N / 64.0);
	return sum;
}

START_TEST(numbers_are_uniform_and_the_same_again)
{
	for (uint32_t f = 0; f < 20; f++) {
		const uint64_t key = random_key(1, RANDOM_ARRIVAL, f, f * f);

		ck_assert_double_lt(chi_squared(key), 118);
		ck_assert_uint_eq(random_at(key, 12345), random_at(key, 12345));
	}
}
END_TEST

START_TEST(keys_differ_by_each_part)
{
	const uint64_t key = random_key(1, RANDOM_ARRIVAL, 2, 3);

	ck_assert_uint_ne(key, random_key(2, RANDOM_ARRIVAL, 2, 3));
	ck_assert_uint_ne(key, random_key(1, RANDOM_DURATION, 2, 3));
	ck_assert_uint_ne(key, random_key(1, RANDOM_ARRIVAL, 3, 3));
	ck_assert_uint_ne(key, random_key(1, RANDOM_ARRIVAL, 2, 4));
	ck_assert_uint_ne(key, random_key(1, RANDOM_ARRIVAL, 3, 2));
	/* Neighbours have nothing in common: bits differ as often as not. */
	for (uint32_t i = 0; i < 100; i++) {
		const int bits = __builtin_popcountll(random_key(1, RANDOM_ARRIVAL, 0, i) ^
						      random_key(1, RANDOM_ARRIVAL, 0, i + 1));

		ck_assert_int_gt(bits, 10);
		ck_assert_int_lt(bits, 54);
	}
}
END_TEST

START_TEST(quantiles_are_hit)
{
	struct quantiles q = {.value = {10, 20, 100, 200, 400, 4000, 40000}};
	double last = 0;
	unsigned below = 0;

	quantiles_init(&q);
	for (size_t i = 0; i < QUANTILES_N; i++)
		ck_assert_double_eq_tol(
			quantiles_value(&q, quantiles_at[i]), q.value[i], q.value[i] * 1e-9);
	for (unsigned i = 0; i <= 1000; i++) {
		const double v = quantiles_value(&q, i / 1000.0);

		ck_assert_double_ge(v, last);
		last = v;
	}
	/* Linear below, the logarithm linear above. */
	ck_assert_double_eq_tol(quantiles_value(&q, .375), 150, 1e-9);
	ck_assert_double_eq_tol(quantiles_value(&q, .87), sqrt(400.0 * 4000), 1e-6);
	for (uint64_t i = 0; i < N; i++)
		below += quantiles_value(&q, random_unit(3, i)) < 200;
	ck_assert_double_eq_tol(below, N / 2.0, 4 * sqrt(N) / 2);
}
END_TEST

START_TEST(quantiles_may_be_equal_or_zero)
{
	struct quantiles q = {.value = {0, 0, 0, 0, 0, 5, 5}};

	quantiles_init(&q);
	ck_assert_double_eq(quantiles_value(&q, 0), 0);
	ck_assert_double_eq(quantiles_value(&q, .75), 0);
	ck_assert_double_eq_tol(quantiles_value(&q, .87), 2.5, 1e-9);
	ck_assert_double_eq(quantiles_value(&q, 1), 5);
}
END_TEST

/* Calls back for each arrival of a workload. */
static uint64_t sum_of(const char *spec, const struct workload_options *o, uint64_t *ret_n)
{
	_cleanup_workload_ struct workload w = WORKLOAD_INIT;
	_cleanup_arrivals_ struct arrivals a;
	struct err err = ERR_INIT;
	uint64_t sum = 0;

	ck_assert_msg(synthetic_load(&w, spec, o, &err) == 0, "%s", err.msg);
	arrivals_init(&a, &w, o->seed);
	*ret_n = 0;
	for (uint32_t m = 0; m < w.minutes; m++) {
		uint64_t last = m * WORKLOAD_MINUTE_NS;

		ck_assert_int_eq(arrivals_make(&a, m, &err), 0);
		for (size_t i = 0; i < a.n; i++) {
			const uint64_t t = a.v[i].time_ns;

			ck_assert_uint_ge(t, last);
			ck_assert_uint_lt(t, (m + 1) * WORKLOAD_MINUTE_NS);
			last = t;
			sum += random_mix(t + w.begin * WORKLOAD_MINUTE_NS) *
			       arrivals_duration(&a, &a.v[i]);
		}
		*ret_n += a.n;
	}
	ck_assert_uint_eq(*ret_n, w.total);
	return sum;
}

START_TEST(parts_of_a_workload_have_the_requests_of_the_whole)
{
	static const char spec[] = "diurnal:functions=7,rate=3,minutes=20";
	struct workload_options o = {.seed = 4, .scale_duration = 1};
	uint64_t whole_n, a_n, b_n, whole = sum_of(spec, &o, &whole_n);

	o.from = 1;
	o.to = 8;
	whole -= sum_of(spec, &o, &a_n);
	o.from = 9;
	o.to = 20;
	whole -= sum_of(spec, &o, &b_n);
	ck_assert_uint_eq(whole, 0);
	ck_assert_uint_eq(whole_n, a_n + b_n);
	o.seed = 5;
	ck_assert_uint_ne(sum_of(spec, &o, &b_n), 0);
}
END_TEST

START_TEST(rates_are_kept)
{
	const struct workload_options o = {.seed = 1, .scale_duration = 1};
	uint64_t n;

	sum_of("poisson:functions=50,rate=2,minutes=60", &o, &n);
	ck_assert_double_eq_tol((double)n, 360000, 5 * 600);
	sum_of("poisson:functions=2,rate=100,minutes=60", &o, &n); /* drawn as a normal one */
	ck_assert_double_eq_tol((double)n, 720000, 5 * 849);
	sum_of("diurnal:functions=20,rate=0.5", &o, &n);
	ck_assert_double_eq_tol((double)n, 864000, 5 * 930);
	sum_of("burst:functions=3,burst=100,minutes=10", &o, &n);
	ck_assert_uint_eq(n, 600);
	sum_of("greedy:rate=0.1,flood=100,minutes=60", &o, &n);
	ck_assert_double_eq_tol((double)n, 36000 + 9 * 360, 5 * 198);
}
END_TEST

UNIT_MAIN("sim random", numbers_are_uniform_and_the_same_again, keys_differ_by_each_part,
	quantiles_are_hit, quantiles_may_be_equal_or_zero,
	parts_of_a_workload_have_the_requests_of_the_whole, rates_are_kept)
