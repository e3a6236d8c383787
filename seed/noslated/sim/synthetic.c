/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads that show one thing each:
 * - poisson: functions with a constant rate, independent of each other
 * - burst: nothing, then many at once, then nothing
 * - diurnal: the rate follows a day, each function's noon is another
 * - greedy: one tenant that floods the node, nine that ask for little
 * Durations are distributed around the median that is given (SHAPE).
 */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/csv.h"
#include "seed/noslated/sim/keys.h"
#include "seed/noslated/sim/random.h"
#include "seed/noslated/sim/workload.h"

#define RATE_MAX   1e6
#define DAY	   1440
#define POLITE	   9
#define BURST_NS   UINT64_C(1000000)
#define LOG_MIN	   (-700.0) /* of a number that is no zero yet */
#define EXACT_MAX  500.0    /* a mean from which on a Poisson count is drawn as a normal one */
#define PI	   3.14159265358979323846
#define BURST_EACH 5 /* minutes */

struct synthetic {
	unsigned functions, minutes, tenants, burst;
	double rate; /* requests a second, of each function, on average; of greedy: of a polite one */
	double flood; /* times of it that the greedy tenant asks for */
	uint64_t duration_ns, memory;
};

const char *const synthetic_kinds[] = {"poisson", "burst", "diurnal", "greedy", NULL};
enum { POISSON, BURST, DIURNAL, GREEDY, KINDS };

static const struct key keys[] = {
	{"functions", KEY_COUNT, offsetof(struct synthetic, functions), 1, WORKLOAD_FUNCTIONS_MAX,
		NULL},
	{"minutes", KEY_COUNT, offsetof(struct synthetic, minutes), 1, WORKLOAD_MINUTES_MAX, NULL},
	{"tenants", KEY_COUNT, offsetof(struct synthetic, tenants), 1, WORKLOAD_FUNCTIONS_MAX,
		NULL},
	{"burst", KEY_COUNT, offsetof(struct synthetic, burst), 1, 1000000, NULL},
	{"rate", KEY_NUMBER, offsetof(struct synthetic, rate), 0, RATE_MAX, NULL},
	{"flood", KEY_NUMBER, offsetof(struct synthetic, flood), 1, RATE_MAX, NULL},
	{"duration", KEY_DURATION, offsetof(struct synthetic, duration_ns), 0, 0, NULL},
	{"memory", KEY_BYTES, offsetof(struct synthetic, memory), 0, 0, NULL},
};

/* Percentiles as parts of the median. */
static const double shape[QUANTILES_N] = {.25, .35, .75, 1, 1.35, 4, 8};

static double normal(uint64_t key)
{
	return sqrt(-2 * log(1 - random_unit(key, 0))) * cos(2 * PI * random_unit(key, 1));
}

static uint32_t poisson(double mean, uint64_t key)
{
	const double limit = exp(fmax(-mean, LOG_MIN));
	double product = 1;
	uint32_t n = 0;

	if (mean > EXACT_MAX)
		return (uint32_t)fmax(0, round(mean + sqrt(mean) * normal(key)));
	while ((product *= random_unit(key, n)) > limit)
		n++;
	return n;
}

/* Requests a second of a function in a minute. */
static double rate_of(
	const struct synthetic *s, int kind, uint32_t function, uint32_t minute, uint64_t seed)
{
	double phase;

	switch (kind) {
	case DIURNAL:
		phase = random_unit(random_key(seed, RANDOM_SHAPE, function, 0), 0);
		return s->rate * (1 + cos(2 * PI * ((double)minute / DAY - phase)));
	case GREEDY: return function ? s->rate : s->rate * s->flood;
	default: return s->rate;
	}
}

static uint32_t count_of(
	const struct synthetic *s, int kind, uint32_t function, uint32_t minute, uint64_t seed)
{
	if (kind == BURST)
		return minute % BURST_EACH == BURST_EACH / 2 ? s->burst : 0;
	return poisson(60 * rate_of(s, kind, function, minute, seed),
		random_key(seed, RANDOM_COUNT, function, minute));
}

static int add_function(struct workload *w, const struct synthetic *s, int kind, uint32_t n,
	const struct workload_options *o, struct err *err)
{
	char name[32];
	struct csv_field tenant = {name, 0};
	struct workload_function f = {
		.memory = s->memory, .window_ns = kind == BURST ? BURST_NS : WORKLOAD_MINUTE_NS};
	uint32_t id = 0;
	int r;

	snprintf(name, sizeof(name), "tenant-%u", n % s->tenants);
	if (kind == GREEDY)
		snprintf(name, sizeof(name), n ? "polite-%u" : "greedy", n);
	tenant.len = strlen(name);
	for (size_t i = 0; i < QUANTILES_N; i++)
		f.duration_ns.value[i] =
			fmax(1, (double)s->duration_ns * o->scale_duration * shape[i]);
	r = workload_add_function(w, &tenant, &f, &id, err);
	for (uint32_t m = 0; r == 0 && m < s->minutes; m++)
		r = workload_add_load(w, id, m, count_of(s, kind, id, m, o->seed), err);
	return r;
}

int synthetic_load(
	struct workload *w, const char *spec, const struct workload_options *o, struct err *err)
{
	struct synthetic s = {.functions = 10,
		.minutes = 60,
		.tenants = 1,
		.burst = 1000,
		.rate = 1,
		.flood = 1000,
		.duration_ns = UINT64_C(20000000),
		.memory = UINT64_C(32) << 20};
	const size_t len = keys_name_len(spec);
	char what[64];
	int kind = 0, r;

	while (synthetic_kinds[kind] && (strlen(synthetic_kinds[kind]) != len ||
						strncmp(synthetic_kinds[kind], spec, len) != 0))
		kind++;
	if (kind == KINDS)
		return err_say(err, EINVAL,
			"--synthetic '%s': expected poisson, burst, diurnal or greedy", spec);
	snprintf(what, sizeof(what), "--synthetic %s", synthetic_kinds[kind]);
	if (kind == DIURNAL)
		s.minutes = DAY;
	r = keys_parse(spec, keys, ARRAY_SIZE(keys), &s, what, err);
	if (kind == GREEDY)
		s.functions = 1 + POLITE;
	for (uint32_t i = 0; r == 0 && i < s.functions; i++)
		r = add_function(w, &s, kind, i, o, err);
	if (r == 0)
		r = workload_settle(w, s.minutes, o->from, o->to, err);
	return r;
}
