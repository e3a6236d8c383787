/* SPDX-License-Identifier: Apache-2.0 */
/* bench-start: hello, from execve to the first byte of an HTTP answer, without any sandbox. */
#include <math.h>

#include "tests/bench/engines.h"

#define BAR_IMAGE_MS	5.0
#define BAR_IMAGE_RATIO 0.6 /* of bun */
#define BAR_NEW_RATIO	1.0 /* of workerd */

static int report(struct bench_case *cases)
{
	static const size_t baselines[] = {ENGINE_BUN};
	struct bench_report *r = bench_report_open("start");

	bench_run(cases, N_ENGINES, bench_rounds());
	bench_report_cases(r, cases, N_ENGINES, baselines, ARRAY_SIZE(baselines));
	for (size_t i = ENGINE_IMAGE; i <= ENGINE_STATE; i++) {
		bench_report_row(r, &(struct bench_row){
					    .name = cases[i].name,
					    .metric = "wall p50",
					    .unit = "ms",
					    .value = bench_median_ms(&cases[i]),
					    .ratio = NAN,
					    .bar = BAR_IMAGE_MS,
					    .reason = cases[i].missing,
				    });
		bench_report_ratio(r, cases, i, ENGINE_BUN, BAR_IMAGE_RATIO);
	}
	bench_report_ratio(r, cases, ENGINE_NEW, ENGINE_WORKERD, BAR_NEW_RATIO);
	bench_report_note(r, "from execve to the first byte of an answer; no sandbox");
	return bench_report_close(r);
}

int main(void)
{
	struct bench_case cases[N_ENGINES] = {
		[ENGINE_IMAGE] = {.name = "aworker, base image"},
		[ENGINE_STATE] = {.name = "aworker, state image"},
		[ENGINE_SNAPSHOT] = {.name = "aworker, startup snapshot"},
		[ENGINE_NEW] = {.name = "aworker, new engine"},
		[ENGINE_BUN] = {.name = "bun"},
		[ENGINE_WORKERD] = {.name = "workerd"},
		[ENGINE_DENO] = {.name = "deno"},
		[ENGINE_NODE] = {.name = "node"},
	};
	/* Each is its own argument. */
	static enum engine_program which[N_ENGINES];
	static const struct engines_script hello = {
		.code = "", .answer = "'hello\\n'", .warm_up = ""};
	struct err err = ERR_INIT;
	int r = engines_prepare(&hello, &err);
	int rc;

	for (size_t i = 0; i < N_ENGINES; i++) {
		which[i] = (enum engine_program)i;
		cases[i].run = engines_run;
		cases[i].arg = &which[i];
		cases[i].missing = r < 0 ? err.msg : engines_missing(which[i]);
	}
	rc = report(cases);
	engines_clean_up();
	return rc;
}
