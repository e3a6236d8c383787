/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-runtime: turf against crun, runc and the bare system calls (runtime_floor.c).
 *   run         of a bundle whose process is /bin/true: create, start, wait, delete
 *   life cycle  create, start and delete as commands of their own, as an engine does it
 *   exec        of /bin/true in a running container
 * All get the same config.json: that of `turf spec` with a seccomp profile like those
 * of container engines. At the end what does not depend on the hour: system calls,
 * page faults and the largest resident size of a run.
 *
 * On a host where both cgroup v1 and v2 hold controllers crun refuses to run. So
 * that there is a comparison at all, everybody then runs in a mount namespace of
 * ours without the v2 mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/bench/bench.h"
#include "tests/bench/runtime_bundle.h"

#define BAR_FLOOR    1.4
#define BAR_CRUN     0.65
#define BAR_RUNC     0.2
#define BAR_SYSCALLS 450

/* The last one can run and nothing else. */
enum { TURF, CRUN, RUNC, FLOOR, N_TOOLS };

struct tool {
	const char *name;
	char *program; /* NULL: not installed */
	char root[96];
	char sleeper[48]; /* the container that `exec` enters */
};

static struct runtime_bundle bundle;
static struct tool tools[N_TOOLS] = {
	[TURF] = {.name = "turf"},
	[CRUN] = {.name = "crun"},
	[RUNC] = {.name = "runc"},
	[FLOOR] = {.name = "bare system calls"},
};

static const char *new_id(void)
{
	static char id[32];
	static unsigned n;

	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), n++);
	return id;
}

/* The command that runs the bundle once with this tool. */
static const char *const *run_command(const struct tool *t)
{
	static const char *argv[RUNTIME_FLOOR_ARGS_MAX];

	if (t == &tools[FLOOR])
		return bundle.floor_argv;
	argv[0] = t->program;
	argv[1] = "--root";
	argv[2] = t->root;
	argv[3] = "run";
	argv[4] = "--bundle";
	argv[5] = bundle.dir;
	argv[6] = new_id();
	argv[7] = NULL;
	return argv;
}

/* --- cases --- */

static int run_once(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	return bench_exec(run_command(c->arg), ret_wall_us, ret_cpu_us, err);
}

static int step(const char *const *argv, double *wall_us, double *cpu_us, struct err *err)
{
	double wall;
	double cpu;
	int r = bench_exec(argv, &wall, &cpu, err);

	if (r < 0)
		return r;
	*wall_us += wall;
	*cpu_us += cpu;
	return 0;
}

static int life_cycle(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct tool *t = c->arg;
	const char *id = new_id();
	const char *const create[] = {
		t->program, "--root", t->root, "create", "--bundle", bundle.dir, id, NULL};
	const char *const start[] = {t->program, "--root", t->root, "start", id, NULL};
	const char *const del[] = {t->program, "--root", t->root, "delete", "--force", id, NULL};
	int r;

	*ret_wall_us = *ret_cpu_us = 0;
	r = step(create, ret_wall_us, ret_cpu_us, err);
	if (r == 0)
		r = step(start, ret_wall_us, ret_cpu_us, err);
	return r < 0 ? r : step(del, ret_wall_us, ret_cpu_us, err);
}

static int exec_once(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct tool *t = c->arg;
	const char *const argv[] = {
		t->program, "--root", t->root, "exec", t->sleeper, "/bin/true", NULL};

	return bench_exec(argv, ret_wall_us, ret_cpu_us, err);
}

/* --- the container that is entered --- */

static int start_sleeper(struct tool *t, struct err *err)
{
	const char *const create[] = {t->program, "--root", t->root, "create", "--bundle",
		bundle.sleeper_dir, t->sleeper, NULL};
	const char *const start[] = {t->program, "--root", t->root, "start", t->sleeper, NULL};
	int r;

	snprintf(t->sleeper, sizeof(t->sleeper), "%s-sleeper", new_id());
	r = bench_exec(create, NULL, NULL, err);
	return r < 0 ? r : bench_exec(start, NULL, NULL, err);
}

static void end_sleeper(const struct tool *t)
{
	const char *const argv[] = {
		t->program, "--root", t->root, "delete", "--force", t->sleeper, NULL};
	struct err err = ERR_INIT;

	if (*t->sleeper && bench_exec(argv, NULL, NULL, &err) < 0)
		fprintf(stderr, "bench-runtime: %s\n", err.msg);
}

/* --- counters --- */

static double count_syscalls(const struct tool *t, struct err *err)
{
	_cleanup_free_ char *strace = bench_find("strace");
	const char *argv[RUNTIME_FLOOR_ARGS_MAX + 8] = {strace, "-f", "-c", "-o", "/dev/stdout"};
	const char *const *command = run_command(t);
	static char table[16384];
	double calls = NAN;
	char *line;

	if (!strace)
		return err_say(err, ENOENT, "strace is not installed"), NAN;
	for (size_t i = 0; i < RUNTIME_FLOOR_ARGS_MAX && command[i]; i++)
		argv[5 + i] = command[i];
	if (bench_output(argv, table, sizeof(table), err) < 0)
		return NAN;
	/* "100.00 0.012345 19 650 17 total": per cent, seconds, each, calls, errors */
	line = strstr(table, " total\n");
	while (line && line > table && line[-1] != '\n')
		line--;
	if (!line || sscanf(line, "%*f %*f %*f %lf", &calls) != 1)
		err_say(err, EPROTO, "strace gave no sum");
	return calls;
}

static int measure_peak(const struct tool *t, double *ret_kib, double *ret_faults, struct err *err)
{
	_cleanup_free_ char *peak = strdup(bench_program("bench/peak"));
	const char *argv[RUNTIME_FLOOR_ARGS_MAX + 2] = {peak};
	const char *const *command = run_command(t);
	char text[64];
	int r;

	for (size_t i = 0; i < RUNTIME_FLOOR_ARGS_MAX && command[i]; i++)
		argv[1 + i] = command[i];
	r = bench_output(argv, text, sizeof(text), err);
	if (r == 0 && sscanf(text, "%lf %lf", ret_kib, ret_faults) != 2)
		return err_say(err, EPROTO, "peak gave no figures");
	return r;
}

struct counts {
	double syscalls;
	double kib;
	double faults;
	struct err err;
};

static void count(const struct bench_case *c, struct counts *ret)
{
	*ret = (struct counts){.syscalls = NAN, .kib = NAN, .faults = NAN, .err = ERR_INIT};
	if (c->missing) {
		err_say(&ret->err, ENOENT, "%s", c->missing);
		return;
	}
	if (measure_peak(c->arg, &ret->kib, &ret->faults, &ret->err) == 0)
		ret->syscalls = count_syscalls(c->arg, &ret->err);
}

static void report_count(struct bench_report *r, const struct bench_case *c, const char *metric,
	const char *unit, double value, const struct counts *counts)
{
	bench_report_row(r, &(struct bench_row){
				    .name = c->name,
				    .metric = metric,
				    .unit = unit,
				    .value = value,
				    .ratio = NAN,
				    .bar = NAN,
				    .reason = isnan(value) ? counts->err.msg : NULL,
			    });
}

static void report_counts(struct bench_report *r, struct bench_case *runs)
{
	static struct counts counts[N_TOOLS];

	for (size_t i = 0; i < N_TOOLS; i++) {
		count(&runs[i], &counts[i]);
		report_count(r, &runs[i], "sys calls", "", counts[i].syscalls, &counts[i]);
		report_count(r, &runs[i], "faults", "", counts[i].faults, &counts[i]);
		report_count(r, &runs[i], "peak RSS", "KiB", counts[i].kib, &counts[i]);
	}
	bench_report_row(r, &(struct bench_row){
				    .name = runs[TURF].name,
				    .metric = "sys calls",
				    .unit = "",
				    .value = counts[TURF].syscalls,
				    .ratio = NAN,
				    .bar = BAR_SYSCALLS,
				    .reason = counts[TURF].err.msg,
			    });
	bench_report_row(r, &(struct bench_row){
				    .name = runs[TURF].name,
				    .metric = "peak RSS",
				    .unit = "KiB",
				    .value = counts[TURF].kib,
				    .baseline = runs[CRUN].name,
				    .ratio = counts[TURF].kib / counts[CRUN].kib,
				    .bar = 1,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = counts[CRUN].err.msg,
			    });
}

/* --- results --- */

/* Medians of the first case against those of another, with what the ratio must not exceed. */
static void report_bar(
	struct bench_report *r, struct bench_case *ours, struct bench_case *theirs, double bar)
{
	for (int cpu = 0; cpu < 2; cpu++) {
		double value = bench_quantile(cpu ? &ours->cpu : &ours->wall, .5) / 1e3;
		double base = bench_quantile(cpu ? &theirs->cpu : &theirs->wall, .5) / 1e3;

		bench_report_row(
			r, &(struct bench_row){
				   .name = ours->name,
				   .metric = cpu ? "CPU p50" : "wall p50",
				   .unit = "ms",
				   .value = isnan(base) ? NAN : value,
				   .baseline = theirs->name,
				   .ratio = value / base,
				   .bar = bar,
				   .bar_kind = BENCH_RATIO_AT_MOST,
				   .reason = theirs->missing ? theirs->missing : ours->missing,
			   });
	}
}
static int set_up(bool *ret_hidden, struct err *err)
{
	int r = runtime_bundle_make(&bundle, err);

	tools[TURF].program = strdup(bench_program("turf"));
	tools[CRUN].program = bench_find("crun");
	tools[RUNC].program = bench_find("runc");
	for (size_t i = 0; i < N_TOOLS; i++)
		snprintf(tools[i].root, sizeof(tools[i].root), "%s/%s", bundle.run, tools[i].name);
	if (r == 0)
		r = bench_hide_hybrid(ret_hidden, err);
	if (r == 0)
		r = runtime_bundle_floor(&bundle, tools[TURF].program, tools[TURF].root, err);
	return r;
}

static void fill_cases(struct bench_case *cases, size_t n_cases, const char *what,
	const struct err *err,
	int (*run)(const struct bench_case *, double *, double *, struct err *))
{
	static char names[3 * N_TOOLS][48];
	static size_t n;

	for (size_t i = 0; i < n_cases; i++) {
		snprintf(names[n], sizeof(names[n]), "%s %s", tools[i].name, what);
		cases[i] = (struct bench_case){
			.name = names[n++],
			.run = run,
			.arg = &tools[i],
			.missing = err->code ? err->msg : NULL,
		};
		if (i != FLOOR && !tools[i].program)
			cases[i].missing = "not installed";
	}
}

static void measure(struct bench_report *report, struct bench_case *cases, size_t n)
{
	static const size_t baselines[] = {CRUN, RUNC, FLOOR};

	bench_run(cases, n, bench_rounds());
	bench_report_cases(report, cases, n, baselines, n - 1);
}

static void measure_exec(struct bench_report *report, struct bench_case *cases)
{
	static struct err errs[FLOOR];

	for (size_t i = 0; i < FLOOR; i++)
		if (!cases[i].missing && start_sleeper(&tools[i], &errs[i]) < 0)
			cases[i].missing = errs[i].msg;
	measure(report, cases, FLOOR);
	for (size_t i = 0; i < FLOOR; i++)
		end_sleeper(&tools[i]);
}

int main(void)
{
	struct bench_report *report = bench_report_open("runtime");
	struct bench_case runs[N_TOOLS];
	struct bench_case lives[FLOOR];
	struct bench_case execs[FLOOR];
	struct err err = ERR_INIT;
	bool hidden = false;

	if (set_up(&hidden, &err) < 0)
		fprintf(stderr, "bench-runtime: %s\n", err.msg);
	fill_cases(runs, N_TOOLS, "run /bin/true", &err, run_once);
	fill_cases(lives, FLOOR, "create, start, delete", &err, life_cycle);
	fill_cases(execs, FLOOR, "exec /bin/true", &err, exec_once);
	measure(report, runs, N_TOOLS);
	measure(report, lives, FLOOR);
	measure_exec(report, execs);
	report_counts(report, runs);
	report_bar(report, &runs[TURF], &runs[FLOOR], BAR_FLOOR);
	report_bar(report, &runs[TURF], &runs[CRUN], BAR_CRUN);
	report_bar(report, &runs[TURF], &runs[RUNC], BAR_RUNC);
	report_bar(report, &execs[TURF], &execs[CRUN], BAR_CRUN);
	if (hidden)
		bench_report_note(
			report, "all without the cgroup v2 mount: crun refuses this host with it");
	runtime_bundle_remove(&bundle);
	for (size_t i = 0; i < N_TOOLS; i++)
		free(tools[i].program);
	return bench_report_close(report);
}
