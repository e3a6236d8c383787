/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-sim: how long a simulated event takes with each policy; and what the policies cost on the day of
 * Azure Functions that BENCH_TRACE names (directory or prefix of its files), which is not part of the tree,
 * with requests that take BENCH_SCALE times as long.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/node.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"
#include "tests/bench/bench.h"

#define SYNTHETIC     "poisson:functions=200,rate=20,minutes=10"
#define ROUNDS	      10
#define BAR_EVENTS    1.0 /* millions a second, on one processor */
#define BAR_INSTANCES 1.0 /* of those of another policy, at no more delay */
#define NS_PER_MS     1e6

enum { TURF, KEEP_ALIVE, KPA, LAMBDA, N_POLICIES };
static const char *const names[N_POLICIES] = {"turf", "keep-alive", "kpa", "lambda"};

static struct workload synthetic, trace;

static int run(const struct workload *w, const char *policy, struct meter *m, struct err *err)
{
	const struct node_options o = {.seed = 1, .start_ms = 3, .start_p99_ms = 10};
	struct settings s;
	int r = settings_parse(policy, 1, &s, err);

	if (r == 0 && meter_init(m, w->minutes) < 0)
		r = err_oom(err);
	return r < 0 ? r : node_run(w, &s, &o, m, err);
}

/* "Wall time" is what a million events take. */
static int run_events(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	static struct meter m;
	int r = run(&synthetic, c->arg, &m, err);

	meter_finish(&m);
	*ret_wall_us = m.wall_s * 1e12 / (double)m.events;
	*ret_cpu_us = -1;
	return r;
}

static void report_events(struct bench_report *report)
{
	struct bench_case cases[N_POLICIES] = {0};

	for (size_t i = 0; i < N_POLICIES; i++)
		cases[i] =
			(struct bench_case){.name = names[i], .run = run_events, .arg = names[i]};
	bench_run(cases, N_POLICIES, bench_rounds() < ROUNDS ? bench_rounds() : ROUNDS);
	for (size_t i = 0; i < N_POLICIES; i++)
		bench_report_row(report, &(struct bench_row){
						 .name = names[i],
						 .metric = "events",
						 .unit = "M/s",
						 .value = 1e6 / bench_quantile(&cases[i].wall, .5),
						 .ratio = NAN,
						 .bar = BAR_EVENTS,
						 .bar_kind = BENCH_VALUE_AT_LEAST,
						 .reason = cases[i].missing,
					 });
}

static int load_trace(struct err *err)
{
	const char *path = getenv("BENCH_TRACE"), *scale = getenv("BENCH_SCALE");
	const struct workload_options o = {.seed = 1,
		.scale_duration = scale && strtod(scale, NULL) > 0 ? strtod(scale, NULL) : 1};

	if (!path)
		return err_say(err, ENOENT, "BENCH_TRACE names no trace");
	return azure_2019_load(&trace, path, &o, err);
}

static double delay_ms(const struct meter *m)
{
	return (double)histogram_quantile(&m->delay, .99) / NS_PER_MS;
}

static void report_costs(struct bench_report *report, const struct meter *m)
{
	static const size_t against[] = {KEEP_ALIVE, KPA};

	for (size_t i = 0; i < N_POLICIES; i++) {
		bench_report_row(report, &(struct bench_row){.name = names[i],
						 .metric = "instances",
						 .unit = "s",
						 .value = m[i].worker_s,
						 .ratio = NAN,
						 .bar = NAN});
		bench_report_row(report, &(struct bench_row){.name = names[i],
						 .metric = "delay p99",
						 .unit = "ms",
						 .value = delay_ms(&m[i]),
						 .ratio = NAN,
						 .bar = NAN});
	}
	for (size_t i = 0; i < ARRAY_SIZE(against); i++) {
		const struct meter *of = &m[against[i]];

		bench_report_row(report, &(struct bench_row){.name = "turf",
						 .metric = "instances",
						 .unit = "s",
						 .value = m[TURF].worker_s,
						 .baseline = names[against[i]],
						 .ratio = m[TURF].worker_s / of->worker_s,
						 .bar = BAR_INSTANCES,
						 .bar_kind = BENCH_RATIO_AT_MOST});
		bench_report_row(report, &(struct bench_row){.name = "turf",
						 .metric = "delay p99",
						 .unit = "ms",
						 .value = delay_ms(&m[TURF]),
						 .baseline = names[against[i]],
						 .ratio = NAN,
						 .bar = delay_ms(of),
						 .bar_kind = BENCH_VALUE_AT_MOST});
	}
}

static int report_trace(struct bench_report *report, struct err *err)
{
	static struct meter m[N_POLICIES];
	int r = load_trace(err);

	for (size_t i = 0; r == 0 && i < N_POLICIES; i++)
		r = run(&trace, names[i], &m[i], err);
	if (r == 0)
		report_costs(report, m);
	for (size_t i = 0; i < N_POLICIES; i++)
		meter_finish(&m[i]);
	return r;
}

int main(void)
{
	struct bench_report *report = bench_report_open("sim");
	const struct workload_options o = {.seed = 1, .scale_duration = 1};
	struct err err = ERR_INIT;

	if (synthetic_load(&synthetic, SYNTHETIC, &o, &err) < 0)
		fprintf(stderr, "bench: %s\n", err.msg);
	else
		report_events(report);
	if (report_trace(report, &err) < 0)
		bench_report_row(report, &(struct bench_row){.name = "turf",
						 .metric = "instances",
						 .unit = "s",
						 .value = NAN,
						 .ratio = NAN,
						 .bar = NAN,
						 .reason = err.msg});
	workload_finish(&synthetic);
	workload_finish(&trace);
	return bench_report_close(report);
}
