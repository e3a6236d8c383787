/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-neighbour: what others on the host notice of a worker that goes beyond its limits. One worker is
 * asked every PAUSE_US, in windows in turn: alone, and while another one runs into its limit, ends, and is
 * started again. No sandbox.
 *
 * A ratio is the median over the windows of the 99th percentile beside the other one, to that of the window
 * before, alone. What each of the other ones ended with has to be what is documented.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"

#define BAR_RATIO 2.0

#define WINDOWS	  5
#define WINDOW_US 1000000
#define PAUSE_US  1000

static const struct hog {
	const char *name;
	const char *limit;
	int code; /* that it ends with */
	const char *script;
} hogs[] = {
	{"heap", "--heap-limit=64M", 5,
		"const kept = []; for (;;) kept.push(new Array(100).fill(kept.length));"},
	{"ArrayBuffers", "--heap-limit=64M", 1,
		"const kept = []; for (;;) kept.push(new Uint8Array(1 << 20).fill(1));"},
	{"WebAssembly", "--heap-limit=64M", 5,
		"const kept = []; for (;;) kept.push(new WebAssembly.Memory({ initial: 100 }));"},
	{"promises", "--heap-limit=32M", 5,
		"const kept = []; const f = async () => { await null; kept.push(f(), f()); }; "
		"f();"},
	{"endless loop", "--task-limit=200ms", 6, "for (;;);"},
	{"regular expression", "--task-limit=200ms", 6, "/^(a+)+$/.test('a'.repeat(40) + 'b')"},
	{"deep recursion", "--task-limit=200ms", 6,
		"const f = () => f(); for (;;) try { f(); } catch {}"},
	{"processor time", "--cpu-limit=200ms", 7,
		"setInterval(() => { for (const t = performance.now(); performance.now() - t < "
		"5;); });"},
};

static const char serve[] =
	"addEventListener('fetch', (e) => e.respondWith(new Response('hello\\n')));\n";

static struct setup {
	char dir[64];
	char socket[96];
	pid_t neighbour;
} setup;

/* --- the other one --- */

static int start_hog(const struct hog *hog, pid_t *ret, struct err *err)
{
	/* What it says of its limit is known. */
	const char *const argv[] = {"/bin/sh", "-c", "exec \"$0\" \"$@\" 2>/dev/null",
		bench_program("aworker"), hog->limit, "-e", hog->script, NULL};

	return bench_start(argv, ret, err);
}

/* One that has ended is started again. */
static int keep_up(const struct hog *hog, pid_t *pid, unsigned *ends, struct err *err)
{
	int status;

	if (waitpid(*pid, &status, WNOHANG) <= 0)
		return 0;
	*pid = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != hog->code)
		return err_say(err, EPROTO, "it ended with status %#x", (unsigned)status);
	++*ends;
	return start_hog(hog, pid, err);
}

/* --- windows --- */

/* `hog` NULL: alone. */
static int run_window(const struct hog *hog, unsigned *ends, double *ret_p99_us, struct err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
	const double end = bench_now_us() + WINDOW_US;
	struct bench_samples samples = {0};
	pid_t pid = 0;
	int r = hog ? start_hog(hog, &pid, err) : 0;

	while (r == 0 && bench_now_us() < end) {
		const double begin = bench_now_us();

		r = bench_first_byte(setup.socket, setup.neighbour, err);
		bench_add(&samples, bench_now_us() - begin);
		if (r == 0 && hog)
			r = keep_up(hog, &pid, ends, err);
		nanosleep(&pause, NULL);
	}
	if (pid > 0)
		bench_stop(pid, NULL);
	*ret_p99_us = bench_quantile(&samples, 0.99);
	free(samples.v);
	return r;
}

static void measure(struct bench_report *report, const struct hog *hog)
{
	struct bench_samples ratios = {0}, p99s = {0};
	struct err err = ERR_INIT;
	unsigned ends = 0;
	int r = 0;

	for (int i = 0; i < WINDOWS && r == 0; i++) {
		double alone, beside;

		r = run_window(NULL, NULL, &alone, &err);
		if (r == 0)
			r = run_window(hog, &ends, &beside, &err);
		if (r < 0)
			break;
		bench_add(&ratios, beside / alone);
		bench_add(&p99s, beside / 1e3);
	}
	bench_report_row(report, &(struct bench_row){.name = hog->name,
					 .metric = "p99 of a neighbour",
					 .unit = "ms",
					 .value = r < 0 ? NAN : bench_quantile(&p99s, 0.5),
					 .baseline = "alone",
					 .ratio = r < 0 ? NAN : bench_quantile(&ratios, 0.5),
					 .bar = BAR_RATIO,
					 .bar_kind = BENCH_RATIO_AT_MOST,
					 .reason = r < 0 ? err.msg : NULL});
	bench_report_note(report, "%s: reached its limit %u times", hog->name, ends);
	free(ratios.v);
	free(p99s.v);
}

static int prepare(struct err *err)
{
	char script[96], listen[128];
	const char *const argv[] = {bench_program("aworker"), listen, script, NULL};
	int r = bench_directory("/tmp", setup.dir, err);

	if (r < 0)
		return r;
	snprintf(setup.socket, sizeof(setup.socket), "%s/http.sock", setup.dir);
	snprintf(script, sizeof(script), "%s/hello.js", setup.dir);
	snprintf(listen, sizeof(listen), "--listen=unix:%s", setup.socket);
	r = file_write_atomic(AT_FDCWD, script, serve, sizeof(serve) - 1, 0644, err);
	if (r == 0)
		r = bench_start(argv, &setup.neighbour, err);
	return r < 0 ? r : bench_first_byte(setup.socket, setup.neighbour, err);
}

int main(void)
{
	struct bench_report *r = bench_report_open("neighbour");
	struct err err = ERR_INIT;
	int rc;

	if (prepare(&err) < 0)
		bench_report_note(r, "nothing was measured: %s", err.msg);
	else
		for (size_t i = 0; i < ARRAY_SIZE(hogs); i++)
			if (bench_is_wanted(hogs[i].name))
				measure(r, &hogs[i]);
	bench_report_note(r,
		"a request each millisecond, in %d windows of %.1f s alone and beside it; no "
		"sandbox",
		WINDOWS, WINDOW_US / 1e6);
	rc = bench_report_close(r);
	if (setup.neighbour > 0)
		bench_stop(setup.neighbour, NULL);
	bench_directory_remove(setup.dir);
	return rc;
}
