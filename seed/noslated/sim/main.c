/* SPDX-License-Identifier: Apache-2.0 */
/* noslate-sim: what a node's scheduler would have cost under a workload. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/log.h"
#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/node.h"
#include "seed/noslated/sim/options.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/replay.h"
#include "seed/noslated/sim/report.h"

#define CLEAR_LINE "\r\033[K"
#define STEPS	   100 /* of what progress shows */

struct runs {
	struct meter *v; /* owned */
	size_t n;
};

static void runs_finish(struct runs *r)
{
	for (size_t i = 0; i < r->n; i++)
		meter_finish(&r->v[i]);
	free(r->v);
}

static bool is_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && !streq(term, "dumb");
}

static void show_progress(void *data, uint32_t minute, uint32_t minutes)
{
	const struct settings *s = data;
	const uint32_t percent = (uint32_t)((uint64_t)minute * STEPS / minutes);

	if (minute == minutes)
		fputs(CLEAR_LINE, stderr);
	else if (percent != (uint64_t)(minute - 1) * STEPS / minutes)
		fprintf(stderr, CLEAR_LINE "%s: %u %%", s->name, percent);
	fflush(stderr);
}

static int load(struct workload *w, const struct options *o, struct err *err)
{
	switch (o->source) {
	case SOURCE_AZURE_2019: return azure_2019_load(w, o->source_arg, &o->workload, err);
	case SOURCE_AZURE_2021: return azure_2021_load(w, o->source_arg, &o->workload, err);
	default: return synthetic_load(w, o->source_arg, &o->workload, err);
	}
}

static int run_policy(
	struct options *o, const struct workload *w, size_t i, struct runs *runs, struct err *err)
{
	struct err closing = ERR_INIT;
	int r = 0;

	if (meter_init(&runs->v[i], w->minutes) < 0)
		return err_oom(err);
	runs->n++;
	if (is_terminal(STDERR_FILENO)) {
		o->node.progress = show_progress;
		o->node.progress_data = &o->policies[i];
	}
	if (o->record)
		r = record_open(o->record, &o->node.limits, &o->node.record, err);
	if (r == 0)
		r = node_run(w, &o->policies[i], &o->node, &runs->v[i], err);
	if (record_close(take_ptr(&o->node.record), &closing) < 0 && r == 0) {
		*err = closing;
		r = -err->code;
	}
	return r;
}

static int report(
	const struct options *o, const struct workload *w, const struct runs *runs, struct err *err)
{
	const struct report report = {
		.source = o->source_text,
		.workload = w,
		.seed = o->node.seed,
		.concurrency = o->concurrency,
		.start_ms = o->node.start_ms,
		.start_p99_ms = o->node.start_p99_ms,
		.scale_duration = o->workload.scale_duration,
		.limits = o->node.limits,
		.settings = o->policies,
		.meters = runs->v,
		.n = runs->n,
	};
	const char *no_colour = getenv("NO_COLOR");
	int r = 0;

	if (o->html)
		r = report_html(&report, o->html, err);
	if (r == 0 && o->json)
		return report_json(&report, err);
	if (r == 0) {
		report_table(&report, is_terminal(STDOUT_FILENO) && !(no_colour && *no_colour));
		if (fflush(stdout) != 0)
			return err_set(err, errno, "write the report");
	}
	return r;
}

static int simulate(struct options *o, struct err *err)
{
	_cleanup_workload_ struct workload w = WORKLOAD_INIT;
	_cleanup_(runs_finish) struct runs runs = {0};
	int r = load(&w, o, err);

	if (r == 0) {
		runs.v = calloc(o->n_policies, sizeof(*runs.v));
		if (!runs.v)
			return err_oom(err);
	}
	for (size_t i = 0; r == 0 && i < o->n_policies; i++)
		r = run_policy(o, &w, i, &runs, err);
	return r < 0 ? r : report(o, &w, &runs, err);
}

static int replay(const char *path, struct err *err)
{
	struct replay_count count = {0};
	int r = replay_run(path, &count, err);

	if (r == 0)
		printf("%" PRIu64 " events, %" PRIu64 " decisions, all the same\n", count.events,
			count.decisions);
	return r;
}

static int run(char **args, struct err *err)
{
	_cleanup_(options_finish) struct options o = {0};
	int r;

	if (args[0] && streq(args[0], "__complete")) {
		options_complete(args + 1);
		return 0;
	}
	r = options_parse(args, &o, err);
	if (r < 0)
		return r;
	if (o.help)
		options_print_help();
	else if (o.version)
		puts("noslate-sim " TURF_VERSION);
	else if (o.replay)
		return replay(o.replay, err);
	else
		return simulate(&o, err);
	return 0;
}

int main(int argc, char **argv)
{
	struct log_config config = {.level = LOG_LEVEL_WARN, .fd = -1, .program = "noslate-sim"};
	struct err err = ERR_INIT;

	log_setup(&config);
	if (run(argv + (argc > 0), &err) >= 0)
		return EXIT_SUCCESS;
	log_error("%s", err.msg);
	return EXIT_FAILURE;
}
