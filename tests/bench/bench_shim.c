/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-shim: our shim beside containerd's own, under the same containerd: what one costs
 * in memory with a pod of one and of ten containers, and how long `ctr run --rm` takes
 * with each and its runtime. Runs itself again inside of shim_rig.sh.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/bench/bench.h"

#define RIG "tests/bench/shim_rig.sh"

#define POD_SMALL 1
#define POD_LARGE 10

/* What the issue asks for. */
#define BAR_RSS_KIB    2048
#define BAR_RSS_RATIO  (1 / 6.)
#define BAR_ANON_KIB   300
#define BAR_ANON_RATIO (1 / 8.)
#define BAR_RUN	       0.5

struct shim {
	const char *type; /* for ctr */
	const char *program;
	const char *name;
};

enum { OURS, THEIRS, N_SHIMS };

static const struct shim shims[N_SHIMS] = {
	[OURS] = {"io.containerd.turf.v2", "containerd-shim-turf-v2", "turf's shim, turf"},
	[THEIRS] = {"io.containerd.runc.v2", "containerd-shim-runc-v2", "containerd's shim, runc"},
};

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v ? v : "";
}

/* --- ctr run --rm --- */

/* Nanoseconds of v1, or of v2's "usage_usec N". In microseconds; negative when unknown. */
static double cpu_us(void)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	const char *usec;
	size_t len;

	if (file_read(AT_FDCWD, env("BENCH_CPU"), 4096, &text, &len, &err) < 0)
		return -1;
	usec = str_after(text, "usage_usec ");
	return usec ? strtod(usec, NULL) : strtod(text, NULL) / 1e3;
}

static const char *new_id(void)
{
	static char id[80];
	static unsigned n;

	snprintf(id, sizeof(id), "%s-r%u", env("BENCH_ID"), n++);
	return id;
}

static const char *cgroup_of_id(const char *id)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", env("BENCH_CGROUP"), id);
	return path;
}

static int run_once(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct shim *s = c->arg;
	const char *id = new_id();
	const char *const argv[] = {env("BENCH_CTR"), "--address", env("BENCH_SOCKET"),
		"--namespace", "k8s.io", "run", "--rm", "--runtime", s->type, "--cgroup",
		cgroup_of_id(id), env("BENCH_IMAGE"), id, "true", NULL};
	double before = cpu_us();
	int r = bench_exec(argv, ret_wall_us, NULL, err);

	*ret_cpu_us = before < 0 ? -1 : cpu_us() - before;
	return r;
}

/* --- memory --- */

/* A value of /proc/PID/status, in KiB or as it is; NAN without one. */
static double status_value(pid_t pid, const char *name)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	char path[64];
	const char *at;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(AT_FDCWD, path, 16384, &text, &len, &err) < 0)
		return NAN;
	at = strstr(text, name);
	return at ? strtod(at + strlen(name), NULL) : NAN;
}

/* The shim that was started for this container: its command line names both. 0: none. */
static pid_t find_shim(const struct shim *s, const char *id)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (dir && !found && (entry = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		struct err err = ERR_INIT;
		char path[300];
		size_t len;

		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
		if (file_read(AT_FDCWD, path, 65536, &text, &len, &err) < 0)
			continue;
		if (memmem(text, len, s->program, strlen(s->program)) &&
			memmem(text, len, id, strlen(id) + 1))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int ctr(struct err *err, const char *a, const char *b, const char *c, const char *d)
{
	const char *const argv[] = {env("BENCH_CTR"), "--address", env("BENCH_SOCKET"),
		"--namespace", "k8s.io", a, b, c, d, NULL};

	return bench_exec(argv, NULL, NULL, err);
}

static const char *member(char id[96], const struct shim *s, int pod, int i)
{
	snprintf(id, 96, "%s-%s-p%d-%d", env("BENCH_ID"), s == &shims[OURS] ? "t" : "r", pod, i);
	return id;
}

static int start_member(const struct shim *s, int pod, int i, struct err *err)
{
	char id[96], group[160];
	const char *const argv[] = {env("BENCH_CTR"), "--address", env("BENCH_SOCKET"),
		"--namespace", "k8s.io", "run", "--detach", "--null-io", "--runtime", s->type,
		"--annotation", group, "--cgroup", cgroup_of_id(member(id, s, pod, i)),
		env("BENCH_IMAGE"), id, "sleep", "1000", NULL};

	snprintf(group, sizeof(group), "io.containerd.runc.v2.group=%s-%s-p%d", env("BENCH_ID"),
		s == &shims[OURS] ? "t" : "r", pod);
	return bench_exec(argv, NULL, NULL, err);
}

static void remove_member(const struct shim *s, int pod, int i)
{
	struct err err = ERR_INIT;
	char id[96];

	if (ctr(&err, "task", "delete", "--force", member(id, s, pod, i)) < 0 ||
		ctr(&err, "containers", "delete", id, NULL) < 0)
		fprintf(stderr, "bench-shim: %s\n", err.msg);
}

struct memory {
	double rss_kib, anon_kib, threads;
	struct err err;
};

static void measure_pod(const struct shim *s, int pod, struct memory *ret)
{
	char first[96];
	int made = 0;
	pid_t pid;

	*ret = (struct memory){NAN, NAN, NAN, ERR_INIT};
	while (made < pod && start_member(s, pod, made, &ret->err) == 0)
		made++;
	member(first, s, pod, 0);
	pid = find_shim(s, first);
	if (made == pod && pid) {
		ret->rss_kib = status_value(pid, "VmRSS:");
		ret->anon_kib = status_value(pid, "RssAnon:");
		ret->threads = status_value(pid, "Threads:");
	} else if (ret->err.code == 0) {
		err_say(&ret->err, ESRCH, "no shim '%s' for '%s'", s->program, first);
	}
	for (int i = 0; i < made; i++)
		remove_member(s, pod, i);
}

static void report_value(struct bench_report *r, int pod, const char *metric, double ours,
	double theirs, double bar, double bar_ratio, const struct memory *m)
{
	char name[64];
	struct bench_row row = {
		.name = name,
		.metric = metric,
		.unit = "KiB",
		.value = ours,
		.ratio = NAN,
		.bar = bar,
		.bar_kind = BENCH_VALUE_AT_MOST,
		.reason = m->err.code ? m->err.msg : NULL,
	};

	snprintf(name, sizeof(name), "a shim, %d container%s", pod, pod == 1 ? "" : "s");
	bench_report_row(r, &row);
	row.baseline = shims[THEIRS].name;
	row.ratio = ours / theirs;
	row.bar = bar_ratio;
	row.bar_kind = BENCH_RATIO_AT_MOST;
	bench_report_row(r, &row);
}

static void report_pod(struct bench_report *r, int pod)
{
	struct memory m[N_SHIMS];

	for (int i = 0; i < N_SHIMS; i++)
		measure_pod(&shims[i], pod, &m[i]);
	report_value(r, pod, "RSS", m[OURS].rss_kib, m[THEIRS].rss_kib, BAR_RSS_KIB, BAR_RSS_RATIO,
		&m[OURS]);
	report_value(r, pod, "anonymous memory", m[OURS].anon_kib, m[THEIRS].anon_kib, BAR_ANON_KIB,
		BAR_ANON_RATIO, &m[OURS]);
	bench_report_row(r, &(struct bench_row){
				    .name = "a shim",
				    .metric = "threads",
				    .unit = "",
				    .value = m[OURS].threads,
				    .baseline = shims[THEIRS].name,
				    .ratio = m[OURS].threads / m[THEIRS].threads,
				    .bar = 1,
				    .bar_kind = BENCH_VALUE_AT_MOST,
			    });
}

static void report_run(struct bench_report *r, struct bench_case *cases)
{
	static const size_t baselines[] = {THEIRS};

	bench_report_cases(r, cases, N_SHIMS, baselines, ARRAY_SIZE(baselines));
	bench_report_ratio(r, cases, OURS, THEIRS, BAR_RUN);
	bench_report_row(r, &(struct bench_row){
				    .name = cases[OURS].name,
				    .metric = "CPU p50",
				    .unit = "ms",
				    .value = bench_quantile(&cases[OURS].cpu, .5) / 1e3,
				    .baseline = cases[THEIRS].name,
				    .ratio = bench_quantile(&cases[OURS].cpu, .5) /
					     bench_quantile(&cases[THEIRS].cpu, .5),
				    .bar = BAR_RUN,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = cases[OURS].missing,
			    });
}

int main(int argc, char **argv)
{
	struct bench_case cases[N_SHIMS];
	struct bench_report *report;

	if (!getenv("BENCH_SOCKET")) {
		execlp("bash", "bash", RIG, argv[0], (char *)NULL);
		perror("bench-shim: bash");
		return EXIT_FAILURE;
	}
	report = bench_report_open("shim");
	for (int i = 0; i < N_SHIMS; i++)
		cases[i] = (struct bench_case){
			.name = shims[i].name, .run = run_once, .arg = &shims[i]};
	bench_run(cases, N_SHIMS, bench_rounds());
	report_run(report, cases);
	report_pod(report, POD_SMALL);
	report_pod(report, POD_LARGE);
	bench_report_note(report,
		"`ctr run --rm` of busybox's true under containerd %s; CPU is of "
		"containerd, ctr, shims, runtimes and containers",
		env("BENCH_CONTAINERD"));
	return bench_report_close(report);
}
