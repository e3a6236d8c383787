/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-noslated: what the scheduler costs. wrk asks over loopback; the proxy and its worker share a
 * processor, wrk has the other one.
 *   latency, X     one connection, a warm worker that answers five bytes: through the data plane, through
 *                  nginx to the same worker's socket, and a worker that is asked without any of them
 *   CPU, X         32 connections; the processor time of the proxy alone, per request
 *   disposable     four connections to a function whose workers have one request each, in full sandboxes,
 *                  on both processors
 *   first answer   of a function that nobody has asked for a while, one request at a time
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"
#include "tests/bench/cloning.h"
#include "tests/bench/load.h"

#define BAR_ADDED_OF_NGINX 1.2
#define BAR_CPU_OF_NGINX   1.0
#define BAR_DISPOSABLE	   400.0 /* a second */
#define BAR_FIRST_MS	   3.0

#define RUN_TIME       "1s"
#define WARM_TIME      "2s"
#define ROUNDS_DIVISOR 4

/* Of noslated but the first one. */
#define PROCESSES_MAX 32

static const char hello[] =
	"const body = 'hello';\n"
	"addEventListener('fetch', (e) => e.respondWith(new Response(body)));\n";

enum server { NOSLATED, NGINX, DIRECT, N_SERVERS };

static const char *const names[] = {"noslated", "nginx", "no proxy"};

static struct setup {
	struct cloning cloning;
	char *wrk, *noslatectl;
	char run[96], worker[128], script[128];
	pid_t noslated, plane, nginx, direct;
	pid_t processes[PROCESSES_MAX];
	size_t n_processes;
	unsigned ports[N_SERVERS];
	const char *missing[N_SERVERS];
	const char *connections; /* of the runs that come */
	const char *function;
} setup;

/* --- processes --- */

static int write_text(const char *path, const char *text, struct err *err)
{
	return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, err);
}

static int start_noslated(struct err *err)
{
	_cleanup_free_ char *program = strdup(bench_program("noslated"));
	char listen[32], state[128], log[128];
	const char *const argv[] = {program, "--listen", listen, "--run", setup.run, "--state",
		state, "--log", log, "--root", setup.cloning.root, NULL};

	setup.ports[NOSLATED] = load_free_port();
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", setup.ports[NOSLATED]);
	snprintf(state, sizeof(state), "%s/state", setup.run);
	snprintf(log, sizeof(log), "%s/log", setup.run);
	return bench_start(argv, &setup.noslated, err) < 0 ? -err->code
							   : load_await(setup.ports[NOSLATED], err);
}

static int apply(struct err *err)
{
	char path[128], text[2048];
	const char *const argv[] = {setup.noslatectl, "--run", setup.run, "apply", path, NULL};

	snprintf(path, sizeof(path), "%s/set.json", setup.cloning.run);
	snprintf(text, sizeof(text),
		"{\"version\": 1, \"functions\": ["
		"{\"name\": \"hello\", \"code\": {\"path\": \"%s\"}, \"concurrency\": 1000, "
		"\"replicas\": {\"min\": 1, \"max\": 1}},"
		"{\"name\": \"first\", \"code\": {\"path\": \"%s\"}, \"scale\": {\"idle\": "
		"\"0s\"}},"
		"{\"name\": \"once\", \"code\": {\"path\": \"%s\"}, \"disposable\": true, "
		"\"replicas\": {\"max\": 50}}]}",
		setup.script, setup.script, setup.script);
	return write_text(path, text, err) < 0 ? -err->code : bench_exec(argv, NULL, NULL, err);
}

static size_t list_children(pid_t of, pid_t *ret, size_t max)
{
	char path[64], *text, *at, *end;
	struct err err;
	size_t len, n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)of, (int)of);
	if (file_read(AT_FDCWD, path, 4096, &text, &len, &err) < 0)
		return 0;
	for (at = text; n < max; at = end, n++) {
		ret[n] = (pid_t)strtol(at, &end, 10);
		if (end == at)
			break;
	}
	free(text);
	return n;
}

static bool is_data_plane(pid_t pid)
{
	char path[64], *text;
	struct err err;
	bool is = false;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (file_read(AT_FDCWD, path, 4096, &text, &len, &err) < 0)
		return false;
	is = len > 0 && str_after(text + strlen(text) + 1, "--data-plane=");
	free(text);
	return is;
}

/* The supervisor's child is the control plane, whose children are makers and the data plane. */
static int find_processes(struct err *err)
{
	setup.n_processes = list_children(setup.noslated, setup.processes, 1);
	if (setup.n_processes == 1)
		setup.n_processes +=
			list_children(setup.processes[0], setup.processes + 1, PROCESSES_MAX - 1);
	for (size_t i = 0; i < setup.n_processes; i++)
		if (is_data_plane(setup.processes[i]))
			setup.plane = setup.processes[i];
	return setup.plane > 0 ? 0 : err_say(err, ENOENT, "there is no data plane");
}

/* The socket of the one worker that there always is. */
static int find_worker(struct err *err)
{
	const char *const argv[] = {
		setup.noslatectl, "--run", setup.run, "--json", "workers", NULL};
	char text[4096];
	const char *at;

	for (int i = 0; i < 100 && !*setup.worker; i++) {
		memset(text, 0, sizeof(text));
		if (bench_output(argv, text, sizeof(text) - 1, err) < 0)
			return -err->code;
		at = strstr(text, "\"socket\": \"");
		if (!at || sscanf(at, "\"socket\": \"%127[^\"]", setup.worker) != 1)
			usleep(50000);
	}
	if (find_processes(err) < 0)
		return -err->code;
	return *setup.worker ? 0 : err_say(err, ENOENT, "there is no worker");
}

/* Both processors, for what comes. */
static void unpin(void)
{
	load_move(setup.noslated, LOAD_ANY_CPU);
	for (size_t i = 0; i < setup.n_processes; i++)
		load_move(setup.processes[i], LOAD_ANY_CPU);
}

static int start_nginx(struct err *err)
{
	_cleanup_free_ char *program = strdup(bench_program("bench/nginx/usr/sbin/nginx"));
	char config[128], text[1024];
	const char *const argv[] = {
		program, "-p", setup.cloning.run, "-e", "stderr", "-c", config, NULL};

	if (access(program, X_OK) < 0)
		return err_say(err, ENOENT, "not there; hack/bench-deps fetches it");
	setup.ports[NGINX] = load_free_port();
	snprintf(config, sizeof(config), "%s/nginx.conf", setup.cloning.run);
	snprintf(text, sizeof(text),
		"daemon off;\nmaster_process off;\npid nginx.pid;\nevents { }\n"
		"http { access_log off; tcp_nopush on; keepalive_requests 1000000000;\n"
		"  client_body_temp_path nginx; proxy_temp_path nginx; fastcgi_temp_path nginx;\n"
		"  uwsgi_temp_path nginx; scgi_temp_path nginx;\n"
		"  upstream worker { server unix:%s; keepalive 64; keepalive_requests 1000000000; "
		"}\n"
		"  server { listen 127.0.0.1:%u; location / { proxy_pass http://worker;\n"
		"    proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
		"    proxy_set_header Host $host; } } }\n",
		setup.worker, setup.ports[NGINX]);
	if (write_text(config, text, err) < 0 || bench_start(argv, &setup.nginx, err) < 0)
		return -err->code;
	return load_await(setup.ports[NGINX], err);
}

static int start_direct(struct err *err)
{
	_cleanup_free_ char *program = strdup(bench_program("aworker"));
	char listen[32];
	const char *const argv[] = {program, "--listen", listen, setup.script, NULL};

	setup.ports[DIRECT] = load_free_port();
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", setup.ports[DIRECT]);
	return bench_start(argv, &setup.direct, err) < 0 ? -err->code
							 : load_await(setup.ports[DIRECT], err);
}

static int prepare(struct err *err)
{
	setup.noslatectl = strdup(bench_program("noslatectl"));
	if (!setup.wrk || !setup.noslatectl)
		return err_say(err, ENOENT, "wrk is not there; Debian has it");
	if (cloning_prepare(&setup.cloning, hello, err) < 0 ||
		cloning_build_image(&setup.cloning, err) < 0 ||
		cloning_start_seed(&setup.cloning, CLONING_PARKED, err) < 0)
		return -err->code;
	snprintf(setup.run, sizeof(setup.run), "%s/noslated", setup.cloning.run);
	snprintf(setup.script, sizeof(setup.script), "%s/rootfs/worker.js", setup.cloning.dir);
	load_use_cpu(LOAD_SERVER_CPU);
	if (start_noslated(err) < 0 || apply(err) < 0 || find_worker(err) < 0 ||
		start_direct(err) < 0)
		return -err->code;
	return 0;
}

static void clean_up(void)
{
	const pid_t pids[] = {setup.nginx, setup.direct};
	struct err err;
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		if (pids[i] > 0)
			bench_stop(pids[i], NULL);
	if (setup.noslated > 0) {
		kill(setup.noslated, SIGTERM);
		(void)bench_wait(setup.noslated, &status, NULL, &err);
	}
	cloning_clean_up(&setup.cloning);
	free(setup.wrk);
	free(setup.noslatectl);
}

/* --- rounds --- */

static pid_t proxy(enum server which)
{
	return which == NOSLATED ? setup.plane : which == NGINX ? setup.nginx : setup.direct;
}

/* The wall time is the latency's median; the processor's, that of the proxy. */
static int run(const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	static bool warm[N_SERVERS];
	const enum server which = *(const enum server *)c->arg;
	const double before = load_cpu_us(proxy(which));
	char url[64], header[64];
	const struct load load = {.wrk = setup.wrk,
		.url = url,
		.seconds = warm[which] ? RUN_TIME : WARM_TIME,
		.connections = setup.connections,
		.header = header};
	struct load_result result;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", setup.ports[which]);
	snprintf(header, sizeof(header), "x-noslate-function: %s", setup.function);
	if (load_run(&load, &result, err) < 0)
		return -err->code;
	warm[which] = true;
	*ret_wall_us = result.p50_us;
	*ret_cpu_us = (load_cpu_us(proxy(which)) - before) / result.n;
	return 0;
}

static int ask_function(
	const char *header, const char *connections, struct load_result *ret, struct err *err)
{
	char url[64];
	const struct load load = {.wrk = setup.wrk,
		.url = url,
		.seconds = RUN_TIME,
		.connections = connections,
		.header = header,
		.anywhere = true};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", setup.ports[NOSLATED]);
	return load_run(&load, ret, err);
}

static int run_rate(const struct bench_case *c UNUSED, double *ret_wall_us,
	double *ret_cpu_us UNUSED, struct err *err)
{
	struct load_result result;

	if (ask_function("x-noslate-function: once", "4", &result, err) < 0)
		return -err->code;
	*ret_wall_us = 1e6 / result.rate;
	return 0;
}

static int run_first(const struct bench_case *c UNUSED, double *ret_wall_us,
	double *ret_cpu_us UNUSED, struct err *err)
{
	struct load_result result;

	if (ask_function("x-noslate-function: first", "1", &result, err) < 0)
		return -err->code;
	*ret_wall_us = result.p50_us;
	return 0;
}

/* --- results --- */

static void report(struct bench_report *r, const char *name, const char *metric, const char *unit,
	double value, double than, double bar)
{
	bench_report_row(r, &(struct bench_row){.name = name,
				    .metric = metric,
				    .unit = unit,
				    .value = value,
				    .baseline = names[NGINX],
				    .ratio = value / than,
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = "there is nothing to compare with"});
}

static void measure(struct bench_report *r, const char *what, const char *connections)
{
	static const enum server which[] = {NOSLATED, NGINX, DIRECT};
	static const size_t baselines[] = {NGINX};
	struct bench_case cases[N_SERVERS];
	char labels[N_SERVERS][64];
	double wall[N_SERVERS], cpu[N_SERVERS];

	setup.connections = connections;
	setup.function = "hello";
	for (size_t i = 0; i < N_SERVERS; i++) {
		snprintf(labels[i], sizeof(labels[i]), "%s, %s", what, names[i]);
		cases[i] = (struct bench_case){.name = labels[i],
			.run = run,
			.arg = &which[i],
			.missing = setup.missing[i]};
	}
	bench_run(cases, N_SERVERS, bench_rounds() / ROUNDS_DIVISOR + 1);
	bench_report_cases(r, cases, N_SERVERS, baselines, ARRAY_SIZE(baselines));
	for (size_t i = 0; i < N_SERVERS; i++) {
		wall[i] = bench_quantile(&cases[i].wall, 0.5);
		cpu[i] = bench_quantile(&cases[i].cpu, 0.5);
	}
	if (streq(what, "latency"))
		report(r, "latency, added", "p50", "us", wall[NOSLATED] - wall[DIRECT],
			wall[NGINX] - wall[DIRECT], BAR_ADDED_OF_NGINX);
	else
		report(r, "proxy alone", "CPU p50", "us", cpu[NOSLATED], cpu[NGINX],
			BAR_CPU_OF_NGINX);
}

static void measure_starts(struct bench_report *r)
{
	struct bench_case cases[] = {
		{.name = "disposable", .run = run_rate, .missing = setup.missing[NOSLATED]},
		{.name = "first answer", .run = run_first, .missing = setup.missing[NOSLATED]},
	};

	unpin();
	bench_run(cases, ARRAY_SIZE(cases), bench_rounds() / ROUNDS_DIVISOR + 1);
	bench_report_cases(r, cases, ARRAY_SIZE(cases), NULL, 0);
	bench_report_row(r, &(struct bench_row){.name = "disposable",
				    .metric = "requests",
				    .unit = "/s",
				    .value = 1e6 / bench_quantile(&cases[0].wall, 0.5),
				    .ratio = NAN,
				    .bar = BAR_DISPOSABLE,
				    .bar_kind = BENCH_VALUE_AT_LEAST,
				    .reason = cases[0].missing});
	bench_report_row(r, &(struct bench_row){.name = "first answer",
				    .metric = "wall p50",
				    .unit = "ms",
				    .value = bench_median_ms(&cases[1]),
				    .ratio = NAN,
				    .bar = BAR_FIRST_MS,
				    .bar_kind = BENCH_VALUE_AT_MOST,
				    .reason = cases[1].missing});
}

int main(void)
{
	struct bench_report *r = bench_report_open("noslated");
	struct err err = ERR_INIT, no_nginx = ERR_INIT;

	setup.wrk = bench_find("wrk");
	if (prepare(&err) < 0) {
		fprintf(stderr, "bench: %s\n", err.msg);
		for (size_t i = 0; i < N_SERVERS; i++)
			setup.missing[i] = err.msg;
	} else if (start_nginx(&no_nginx) < 0) {
		setup.missing[NGINX] = no_nginx.msg;
	}
	measure(r, "latency", "1");
	measure(r, "CPU", "32");
	measure_starts(r);
	bench_report_note(r,
		"workers are clones in their own namespaces, cgroup and seccomp; no state image");
	clean_up();
	return bench_report_close(r);
}
