/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-ssr: a page of React (ssr/page.jsx), from nothing to the first byte of the answer:
 *   clone request      a sandboxed worker, cloned from a seed, from a state image that has
 *                      rendered the page WARM_UP times
 *   state, base image  aworker by its loader, without a seed and a sandbox: from that
 *                      image, and from source
 *   startup snapshot   a new engine that goes on from a snapshot which has rendered as often, in a
 *                      process of the base image, and without that image
 *   new engine         aworker as it is installed, from source
 *   hot render         a request to a worker of the same state that has answered hundreds
 *   bun, workerd, deno, node    the same code, from execve
 *   private memory     of a clone that has rendered 50 pages
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/cloning.h"
#include "tests/bench/engines.h"

#define BAR_OF_HOT	     3.5 /* a clone, of a hot render */
#define BAR_CLONE_QUICKER    9.0 /* than the best of the others */
#define BAR_COLD_QUICKER     6.0
#define BAR_SNAPSHOT_QUICKER 3.0	/* than the same engine from source */
#define BAR_PRIVATE_KIB	     (10 << 10) /* after PAGES */
#define PAGES		     50

#define PAGE	    "tests/bench/ssr/page.jsx"
#define MODULES	    "bench/npm/node_modules"
#define WARM_UP	    "for (let i = 0; i < 100; i++) ssr.render('/');"
#define HOT_WARM_UP 300
#define SCRIPT_MAX  ((size_t)4 << 20)

enum { CLONE, HOT, STATE, IMAGE, SNAPSHOT, SNAPSHOT_NEW, NEW, BUN, WORKERD, DENO, NODE, N_CASES };

static struct setup {
	struct cloning cloning;
	struct engines_script script;
	char *bundle;
	pid_t hot;
	char hot_socket[128];
} setup = {.hot = -1};

static int run_hot(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	double begin = bench_now_us();
	int r = bench_first_byte(setup.hot_socket, 0, err);

	(void)c;
	(void)ret_cpu_us;
	*ret_wall_us = bench_now_us() - begin;
	return r;
}

/* --- before and after --- */

/* One file, with all that it imports. */
static int make_bundle(struct err *err)
{
	_cleanup_free_ char *esbuild =
		strdup(bench_program(MODULES "/@esbuild/linux-x64/bin/esbuild"));
	const char *const argv[] = {esbuild, PAGE, "--bundle", "--minify", "--format=iife",
		"--global-name=ssr", "--jsx=automatic", "--log-level=error",
		"--define:process.env.NODE_ENV=\"production\"", NULL};

	setup.bundle = malloc(SCRIPT_MAX);
	if (!esbuild || !setup.bundle)
		return err_oom(err);
	if (access(esbuild, X_OK) < 0)
		return err_say(err, ENOENT, "esbuild is not there; hack/bench-deps fetches it");
	setenv("NODE_PATH", bench_program(MODULES), 1);
	return bench_output(argv, setup.bundle, SCRIPT_MAX, err);
}

static int start_hot(struct err *err)
{
	int r = engines_start(ENGINE_STATE, &setup.hot, err);

	for (int i = 0; i < HOT_WARM_UP && r == 0; i++)
		r = bench_first_byte(engines_socket(), setup.hot, err);
	/* The others listen where it began to. */
	snprintf(setup.hot_socket, sizeof(setup.hot_socket), "%s.hot", engines_socket());
	if (r == 0 && rename(engines_socket(), setup.hot_socket) < 0)
		r = err_set(err, errno, "rename '%s'", engines_socket());
	return r;
}

static int prepare(struct err *err)
{
	_cleanup_free_ char *worker = NULL;

	if (make_bundle(err) < 0)
		return -err->code;
	setup.script = (struct engines_script){
		.code = setup.bundle, .answer = "ssr.render('/')", .warm_up = WARM_UP};
	worker = engines_worker(&setup.script);
	if (!worker)
		return err_oom(err);
	if (engines_prepare(&setup.script, err) < 0 || start_hot(err) < 0 ||
		cloning_prepare(&setup.cloning, worker, err) < 0 ||
		cloning_build_image(&setup.cloning, err) < 0 ||
		cloning_build_state(&setup.cloning, err) < 0 ||
		cloning_start_seed(&setup.cloning, CLONING_PARKED, err) < 0)
		return -err->code;
	return 0;
}

static void clean_up(void)
{
	if (setup.hot > 0)
		bench_stop(setup.hot, NULL);
	cloning_clean_up(&setup.cloning);
	engines_clean_up();
	free(setup.bundle);
}

/* --- results --- */

/* The quickest of those that others made; NULL when none is there. */
static struct bench_case *best_of_others(struct bench_case *cases)
{
	struct bench_case *best = NULL;

	for (size_t i = BUN; i <= NODE; i++)
		if (!cases[i].missing &&
			(!best || bench_median_ms(&cases[i]) < bench_median_ms(best)))
			best = &cases[i];
	return best;
}

static void report_quicker(
	struct bench_report *r, struct bench_case *c, struct bench_case *than, double bar)
{
	double times = than ? bench_median_ms(than) / bench_median_ms(c) : NAN;
	char name[64];

	snprintf(name, sizeof(name), "%s, times quicker", c->name);
	bench_report_row(
		r, &(struct bench_row){
			   .name = name,
			   .metric = "wall p50",
			   .unit = "x",
			   .value = times,
			   .baseline = than ? than->name : NULL,
			   .ratio = times,
			   .bar = bar,
			   .bar_kind = BENCH_RATIO_AT_LEAST,
			   .reason = c->missing ? c->missing : "there is nothing to compare with",
		   });
}

int main(void)
{
	static const enum engine_program which[N_CASES] = {
		[STATE] = ENGINE_STATE,
		[IMAGE] = ENGINE_IMAGE,
		[SNAPSHOT] = ENGINE_SNAPSHOT,
		[SNAPSHOT_NEW] = ENGINE_SNAPSHOT_NEW,
		[NEW] = ENGINE_NEW,
		[BUN] = ENGINE_BUN,
		[WORKERD] = ENGINE_WORKERD,
		[DENO] = ENGINE_DENO,
		[NODE] = ENGINE_NODE,
	};
	static const struct cloning_way from_state = {
		&setup.cloning, CLONING_PARKED, true, CLONING_USUAL};
	static const size_t baselines[] = {HOT};
	struct bench_case cases[N_CASES] = {
		[CLONE] = {.name = "clone request, state image",
			.run = cloning_run,
			.arg = &from_state},
		[HOT] = {.name = "hot render", .run = run_hot},
		[STATE] = {.name = "aworker, state image"},
		[IMAGE] = {.name = "aworker, base image"},
		[SNAPSHOT] = {.name = "aworker, startup snapshot"},
		[SNAPSHOT_NEW] = {.name = "aworker, startup snapshot, no image"},
		[NEW] = {.name = "aworker, new engine"},
		[BUN] = {.name = "bun"},
		[WORKERD] = {.name = "workerd"},
		[DENO] = {.name = "deno"},
		[NODE] = {.name = "node"},
	};
	struct bench_report *r = bench_report_open("ssr");
	struct err err = ERR_INIT;
	int rc, failed = prepare(&err);
	double kib = NAN;

	for (size_t i = 0; i < N_CASES; i++) {
		if (i >= STATE) {
			cases[i].run = engines_run;
			cases[i].arg = &which[i];
			cases[i].missing = engines_missing(which[i]);
		}
		if (failed < 0)
			cases[i].missing = err.msg;
	}
	if (failed == 0)
		kib = cloning_private_kib(&from_state, PAGES, &err);
	bench_run(cases, N_CASES, bench_rounds());
	bench_report_cases(r, cases, N_CASES, baselines, ARRAY_SIZE(baselines));
	bench_report_ratio(r, cases, CLONE, HOT, BAR_OF_HOT);
	report_quicker(r, &cases[CLONE], best_of_others(cases), BAR_CLONE_QUICKER);
	report_quicker(r, &cases[STATE], best_of_others(cases), BAR_COLD_QUICKER);
	report_quicker(r, &cases[SNAPSHOT], &cases[NEW], BAR_SNAPSHOT_QUICKER);
	report_quicker(r, &cases[SNAPSHOT_NEW], &cases[NEW], BAR_SNAPSHOT_QUICKER);
	bench_report_kib(r, "after 50 pages", kib, BAR_PRIVATE_KIB, &err);
	bench_report_note(r, "each figure ends with the first byte of a page of 200 items");
	rc = bench_report_close(r);
	clean_up();
	return rc;
}
