/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-many: what the next container costs when thousands are alive. Creates and
 * starts BENCH_MANY (2000) of them, whose processes sleep, compares the first with
 * the last, lists them, and takes them all away.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "tests/bench/bench.h"
#include "tests/bench/runtime_bundle.h"

#define MANY_DEFAULT 2000
/* How many at each end are compared. */
#define ENDS	    50
#define LIST_ROUNDS 20

#define BAR_CPU	    1.5
#define BAR_WALL    2.0
#define BAR_LIST_MS 100

static struct runtime_bundle bundle;
static const char *turf;
static char root[96];

static unsigned how_many(void)
{
	const char *s = getenv("BENCH_MANY");
	unsigned long n = s ? strtoul(s, NULL, 10) : 0;

	return n >= 2UL * ENDS && n < 100000 ? (unsigned)n : MANY_DEFAULT;
}

static const char *id_of(unsigned i)
{
	static char id[48];

	snprintf(id, sizeof(id), "many-%d-%u", (int)getpid(), i);
	return id;
}

static int create(unsigned i, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const char *id = id_of(i);
	const char *const make[] = {
		turf, "--root", root, "create", "--bundle", bundle.sleeper_dir, id, NULL};
	const char *const start[] = {turf, "--root", root, "start", id, NULL};
	int r = bench_exec(make, ret_wall_us, ret_cpu_us, err);

	return r < 0 ? r : bench_exec(start, NULL, NULL, err);
}

static void remove_all(unsigned n)
{
	struct err err = ERR_INIT;

	for (unsigned i = 0; i < n; i++) {
		const char *const argv[] = {
			turf, "--root", root, "delete", "--force", id_of(i), NULL};

		if (bench_exec(argv, NULL, NULL, &err) < 0)
			fprintf(stderr, "bench-many: %s\n", err.msg);
	}
}

struct ends {
	struct bench_samples wall;
	struct bench_samples cpu;
};

static int create_all(
	unsigned n, unsigned *ret_made, struct ends *first, struct ends *last, struct err *err)
{
	bool shown = isatty(STDERR_FILENO);

	for (*ret_made = 0; *ret_made < n; ++*ret_made) {
		unsigned i = *ret_made;
		double wall;
		double cpu;
		struct ends *end = i < ENDS ? first : i >= n - ENDS ? last : NULL;

		if (create(i, &wall, &cpu, err) < 0)
			return -err->code;
		if (end) {
			bench_add(&end->wall, wall);
			bench_add(&end->cpu, cpu);
		}
		if (shown && i % 50 == 0)
			fprintf(stderr, "\r\033[K%u of %u", i, n);
	}
	if (shown)
		fprintf(stderr, "\r\033[K");
	return 0;
}

static int list(struct bench_samples *ret, struct err *err)
{
	const char *const argv[] = {turf, "--root", root, "list", NULL};

	for (int i = 0; i < LIST_ROUNDS; i++) {
		double wall;

		if (bench_exec(argv, &wall, NULL, err) < 0)
			return -err->code;
		bench_add(ret, wall);
	}
	return 0;
}

static void report_ends(struct bench_report *r, const char *metric, struct bench_samples *first,
	struct bench_samples *last, double bar, const char *reason)
{
	double before = bench_quantile(first, .5) / 1e3;
	double after = bench_quantile(last, .5) / 1e3;

	bench_report_row(r, &(struct bench_row){
				    .name = "create, the first ones",
				    .metric = metric,
				    .unit = "ms",
				    .value = before,
				    .ratio = NAN,
				    .bar = NAN,
				    .reason = reason,
				    .samples = first,
			    });
	bench_report_row(r, &(struct bench_row){
				    .name = "create, the last ones",
				    .metric = metric,
				    .unit = "ms",
				    .value = after,
				    .baseline = "the first ones",
				    .ratio = after / before,
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = reason,
				    .samples = last,
			    });
}

int main(void)
{
	struct bench_report *report = bench_report_open("many");
	struct ends first = {.wall = {.n = 0}};
	struct ends last = {.wall = {.n = 0}};
	struct bench_samples lists = {.n = 0};
	struct err err = ERR_INIT;
	unsigned n = how_many();
	unsigned made = 0;

	turf = strdup(bench_program("turf"));
	if (runtime_bundle_make(&bundle, &err) == 0) {
		snprintf(root, sizeof(root), "%s/turf", bundle.run);
		if (create_all(n, &made, &first, &last, &err) == 0)
			(void)list(&lists, &err);
	}
	if (err.code)
		fprintf(stderr, "bench-many: %s\n", err.msg);
	report_ends(report, "CPU p50", &first.cpu, &last.cpu, BAR_CPU, err.msg);
	report_ends(report, "wall p50", &first.wall, &last.wall, BAR_WALL, err.msg);
	bench_report_row(report, &(struct bench_row){
					 .name = "list",
					 .metric = "wall p50",
					 .unit = "ms",
					 .value = bench_quantile(&lists, .5) / 1e3,
					 .ratio = NAN,
					 .bar = BAR_LIST_MS,
					 .reason = err.msg,
					 .samples = &lists,
				 });
	bench_report_note(report, "%u containers were alive; first and last: %d each", made, ENDS);
	remove_all(made);
	runtime_bundle_remove(&bundle);
	return bench_report_close(report);
}
