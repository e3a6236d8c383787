/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-state: does the time to an answer depend on what a worker has done before? From
 * execve to the first and to the tenth answer, going on from state images: of a worker that
 * says hello, of one whose code takes SLOW_MS to start, and of two that hold 5 and 500 MB of
 * objects. No sandbox.
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
#include "tests/bench/bench.h"

#define BAR_FIRST 1.2
#define BAR_TENTH 1.3

#define SLOW_MS "5000"

enum { HELLO, SLOW, SMALL, LARGE, SMALL_TENTH, LARGE_TENTH, N_CASES };

struct worker {
	const char *file;
	const char *code; /* before it serves */
	unsigned answers;
};

#define OBJECTS(mb)                                                                            \
	"globalThis.kept = Array.from({ length: " mb " * 10400 }, (_, i) => ({ i, s: 'x' + i " \
	"}));\n"

static const struct worker workers[N_CASES] = {
	[HELLO] = {"hello.js", "", 1},
	[SLOW] = {"slow.js", "for (const from = Date.now(); Date.now() - from < " SLOW_MS ";);\n",
		1},
	[SMALL] = {"small.js", OBJECTS("5"), 1},
	[LARGE] = {"large.js", OBJECTS("500"), 1},
	[SMALL_TENTH] = {"small.js", NULL, 10},
	[LARGE_TENTH] = {"large.js", NULL, 10},
};

static const char serve[] =
	"addEventListener('fetch', (e) => e.respondWith(new Response('hello\\n')));\n";

static struct setup {
	char dir[64];
	char socket[96];
	char image[96];
	char *aworker, *loader;
} setup;

static int run(const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct worker *w = c->arg;
	char script[128], state[160], listen[128];
	const char *const argv[] = {
		setup.loader, setup.image, setup.aworker, state, listen, script, NULL};
	double begin;
	pid_t pid;
	int r;

	snprintf(script, sizeof(script), "%s/%s", setup.dir, w->file);
	snprintf(state, sizeof(state), "--state=%s.state", script);
	snprintf(listen, sizeof(listen), "--listen=unix:%s", setup.socket);
	(void)unlink(setup.socket);
	begin = bench_now_us();
	r = bench_start(argv, &pid, err);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < w->answers && r == 0; i++)
		r = bench_first_byte(setup.socket, pid, err);
	*ret_wall_us = bench_now_us() - begin;
	bench_stop(pid, ret_cpu_us);
	return r;
}

/* --- the images --- */

static int make_state(const struct worker *w, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char script[128], option[192];
	const char *const argv[] = {setup.aworker, option, script, NULL};

	if (!w->code)
		return 0;
	snprintf(script, sizeof(script), "%s/%s", setup.dir, w->file);
	snprintf(option, sizeof(option), "--build-state=%s.state", script);
	buf_printf(&text, "%s%s", w->code, serve);
	if (buf_failed(&text))
		return err_oom(err);
	if (file_write_atomic(AT_FDCWD, script, text.data, text.len, 0644, err) < 0)
		return -err->code;
	return bench_exec(argv, NULL, NULL, err);
}

static int prepare(struct err *err)
{
	char option[128];
	const char *const argv[] = {bench_program("aworker"), option, NULL};
	int r = bench_directory("/tmp", setup.dir, err);

	if (r < 0)
		return r;
	snprintf(setup.socket, sizeof(setup.socket), "%s/http.sock", setup.dir);
	snprintf(setup.image, sizeof(setup.image), "%s/base", setup.dir);
	snprintf(option, sizeof(option), "--build-image=%s", setup.image);
	setenv("TURF_BASE_IMAGE", setup.image, 1);
	setenv("TURF_VERIFIED_DIR", setup.dir, 1);
	r = bench_exec(argv, NULL, NULL, err);
	setup.aworker = strdup(bench_program("aworker"));
	setup.loader = strdup(bench_program("aworker-loader"));
	if (!setup.aworker || !setup.loader)
		return err_oom(err);
	for (size_t i = 0; i < N_CASES && r == 0; i++)
		r = make_state(&workers[i], err);
	return r;
}

/* --- results --- */

int main(void)
{
	static const size_t baselines[] = {HELLO};
	struct bench_case cases[N_CASES] = {
		[HELLO] = {.name = "hello"},
		[SLOW] = {.name = "5 s to initialise"},
		[SMALL] = {.name = "5 MB of objects"},
		[LARGE] = {.name = "500 MB of objects"},
		[SMALL_TENTH] = {.name = "5 MB, tenth answer"},
		[LARGE_TENTH] = {.name = "500 MB, tenth answer"},
	};
	struct bench_report *r = bench_report_open("state");
	struct err err = ERR_INIT;
	int rc, failed = prepare(&err);

	for (size_t i = 0; i < N_CASES; i++) {
		cases[i].run = run;
		cases[i].arg = &workers[i];
		cases[i].missing = failed < 0 ? err.msg : NULL;
	}
	bench_run(cases, N_CASES, bench_rounds());
	bench_report_cases(r, cases, N_CASES, baselines, ARRAY_SIZE(baselines));
	bench_report_ratio(r, cases, SLOW, HELLO, BAR_FIRST);
	bench_report_ratio(r, cases, LARGE, SMALL, BAR_FIRST);
	bench_report_ratio(r, cases, LARGE_TENTH, SMALL_TENTH, BAR_TENTH);
	bench_report_note(r, "from execve to an answer, going on from a state image; no sandbox");
	rc = bench_report_close(r);
	bench_directory_remove(setup.dir);
	free(setup.aworker);
	free(setup.loader);
	return rc;
}
