/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-density: many workers.
 *   clones per second    whole lives (request, answer, kill, end), by a few clients at a time,
 *                        against the plain C fork server; with the sandbox of cloning.h, and
 *                        in the namespaces of the caller
 *   burst                from nothing to 1,000 workers that have answered
 *   clone request        among 2,000 live workers, against before and after them
 *   private memory       of a worker after its first answer, and after 50 small pages
 *   a shared state       of 50 MB, used by 100 workers: what it costs all of them together
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/cloning.h"
#include "tests/bench/fork_floor.h"

/* Clients at a time: two a processor of the machine that the bars are for. */
#define CLIENTS 4

#define LIVES	       100 /* of a client and round */
#define BURST	       1000
#define MANY	       2000
#define SHARING	       100
#define SMALL_PAGES    50
#define LATENCY_ROUNDS 40

#define BAR_PER_SECOND	     400
#define BAR_INHERITED	     1000
#define BAR_BURST_S	     3
#define BAR_AMONG_MANY	     1.2
#define BAR_HELLO_KIB	     1024
#define BAR_SMALL_PAGES_KIB  4096
#define BAR_SHARED_STATE_MIB 60

static struct setup {
	struct cloning cloning[CLIENTS];
	struct fork_floor floor[CLIENTS];
	struct cloning pages, heavy;
} setup;

/* --- clients: processes of ours that ask at the same time --- */

struct client {
	pid_t pid;
	int go, done; /* a byte starts it, another ends it; it answers with the pids of its workers, or one 0 */
};

struct crew {
	struct client clients[CLIENTS];
	pid_t workers[MANY];
	size_t n;
};

/* One life, or with `keep` its beginning. */
typedef int (*act_fn)(size_t client, struct cloning_worker *keep, struct err *err);

static _Noreturn void child_client(
	size_t which, act_fn act, unsigned count, bool keep, int go, int done)
{
	struct cloning_worker *workers = calloc(count, sizeof(*workers));
	struct err err = ERR_INIT;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!workers || fd_read_all(go, &byte, 1) != 1)
		_exit(1);
	for (unsigned i = 0; i < count; i++) {
		if (act(which, keep ? &workers[i] : NULL, &err) < 0) {
			fprintf(stderr, "bench: %s\n", err.msg);
			while (keep && i-- > 0)
				cloning_end(&workers[i]);
			_exit(1);
		}
		if (keep)
			(void)fd_write_all(
				done, (const void *)&workers[i].pid, sizeof(workers[i].pid));
	}
	if (!keep)
		(void)fd_write_all(done, (const void *)&(pid_t){0}, sizeof(pid_t));
	/* Until the others are through. */
	(void)fd_read_all(go, &byte, 1);
	for (unsigned i = 0; keep && i < count; i++)
		cloning_end(&workers[i]);
	_exit(0);
}

static int start_client(
	struct client *c, size_t which, act_fn act, unsigned count, bool keep, struct err *err)
{
	int go[2], done[2];

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	c->pid = fork();
	if (c->pid < 0)
		return err_set(err, errno, "fork");
	if (c->pid == 0) {
		close(go[1]);
		close(done[0]);
		child_client(which, act, count, keep, go[0], done[1]);
	}
	close(go[0]);
	close(done[1]);
	c->go = go[1];
	c->done = done[0];
	return 0;
}

static int hear(struct crew *crew, struct client *c, unsigned count, bool keep, struct err *err)
{
	for (unsigned i = 0; i < (keep ? count : 1); i++) {
		pid_t pid;

		if (fd_read_all(c->done, &pid, sizeof(pid)) != sizeof(pid))
			return err_say(err, EIO, "a client has ended");
		if (keep)
			crew->workers[crew->n++] = pid;
	}
	return 0;
}

/* Ends the workers that were kept, too. */
static void dismiss(struct crew *crew)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &crew->clients[i];

		if (c->pid <= 0)
			continue;
		(void)fd_write_all(c->go, "x", 1);
		fd_close(&c->go);
		fd_close(&c->done);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* `count` times each client, all at the same time. */
static int let_work(
	struct crew *crew, act_fn act, unsigned count, bool keep, double *ret_us, struct err *err)
{
	double begin;
	int r = 0;

	*crew = (struct crew){0};
	for (size_t i = 0; i < CLIENTS; i++)
		crew->clients[i] = (struct client){.go = -1, .done = -1};
	for (size_t i = 0; i < CLIENTS && r == 0; i++)
		r = start_client(&crew->clients[i], i, act, count, keep, err);
	begin = bench_now_us();
	for (size_t i = 0; i < CLIENTS && r == 0; i++)
		r = fd_write_all(crew->clients[i].go, "x", 1);
	for (size_t i = 0; i < CLIENTS && r == 0; i++)
		r = hear(crew, &crew->clients[i], count, keep, err);
	*ret_us = bench_now_us() - begin;
	return r;
}

/* --- what they do --- */

static int act_as(const struct cloning_way *way, struct cloning_worker *keep, struct err *err)
{
	struct cloning_worker w;
	double wall;

	if (cloning_start(way, &w, &wall, err) < 0)
		return -err->code;
	if (keep)
		*keep = w;
	else
		cloning_end(&w);
	return 0;
}

static int act_sandbox(size_t client, struct cloning_worker *keep, struct err *err)
{
	return act_as(
		&(struct cloning_way){.cloning = &setup.cloning[client], .seed = CLONING_PARKED},
		keep, err);
}

static int act_inherited(size_t client, struct cloning_worker *keep, struct err *err)
{
	return act_as(&(struct cloning_way){.cloning = &setup.cloning[client],
			      .seed = CLONING_FORKED,
			      .sandbox = CLONING_INHERITED},
		keep, err);
}

static int act_floor(size_t client, struct cloning_worker *keep UNUSED, struct err *err)
{
	double wall, cpu;

	return fork_floor_run(&(struct bench_case){.arg = &setup.floor[client]}, &wall, &cpu, err);
}

static int run_lives(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	struct crew crew;
	int r = let_work(&crew, *(const act_fn *)c->arg, LIVES, false, ret_wall_us, err);

	(void)ret_cpu_us;
	dismiss(&crew);
	return r;
}

/* --- memory --- */

/* What is shared of the mappings of files below `dir`, in KiB, as this process's part of it. */
static double shared_kib(pid_t pid, const char *dir)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	char path[64], *line, *save = NULL;
	bool counts = false;
	double sum = 0;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	if (file_read(AT_FDCWD, path, 16u << 20, &text, &len, &err) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *value;

		/* "7f00-7f01 r--p 00000000 00:01 5   /path", then lines of "Name: number kB" */
		if (!strchr(line, ':') || strchr(line, '-'))
			counts = strstr(line, dir) != NULL;
		else if (counts && (value = str_after(line, "Pss:")))
			sum += strtod(value, NULL);
		else if (counts && (value = str_after(line, "Private_Dirty:")))
			sum -= strtod(value, NULL);
	}
	return sum;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_kib(const pid_t *pids, size_t n)
{
	_cleanup_free_ double *v = calloc(n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		v[i] = bench_private_kib(pids[i]);
	if (!v || n == 0)
		return NAN;
	qsort(v, n, sizeof(*v), by_value);
	return v[n / 2];
}

/* --- the parts --- */

/* From nothing to BURST that have answered; what each of them then has of its own. */
static void report_burst(struct bench_report *r)
{
	struct bench_samples seconds = {0};
	struct err err = ERR_INIT;
	double wall, kib = NAN;
	struct crew crew;

	for (unsigned round = 0; round < 3 && !err.code; round++) {
		if (let_work(&crew, act_sandbox, BURST / CLIENTS, true, &wall, &err) == 0) {
			bench_add(&seconds, wall / 1e6);
			kib = median_kib(crew.workers, crew.n);
		}
		dismiss(&crew);
	}
	bench_report_row(r, &(struct bench_row){
				    .name = "burst to 1,000 workers",
				    .metric = "wall p50",
				    .unit = "s",
				    .value = err.code ? NAN : bench_quantile(&seconds, .5),
				    .ratio = NAN,
				    .bar = BAR_BURST_S,
				    .reason = err.code ? err.msg : NULL,
				    .samples = &seconds,
			    });
	bench_report_kib(r, "after one answer", kib, BAR_HELLO_KIB, &err);
}

/* Clone requests and those of the floor, in turn. */
static int sample_latency(struct bench_samples *ours, struct bench_samples *floor, struct err *err)
{
	const struct cloning_way way = {.cloning = &setup.cloning[0], .seed = CLONING_PARKED};
	struct cloning_worker w;
	double wall, cpu;

	for (unsigned i = 0; i < LATENCY_ROUNDS; i++) {
		if (cloning_start(&way, &w, &wall, err) < 0)
			return -err->code;
		cloning_end(&w);
		bench_add(ours, wall);
		if (fork_floor_run(&(struct bench_case){.arg = &setup.floor[0]}, &wall, &cpu, err) <
			0)
			return -err->code;
		bench_add(floor, wall);
	}
	return 0;
}

static void report_latency(struct bench_report *r, const char *name, struct bench_samples *among,
	struct bench_samples *alone, double bar, const struct err *err)
{
	const double value = bench_quantile(among, .5) / 1e3;

	bench_report_row(r, &(struct bench_row){
				    .name = name,
				    .metric = "wall p50",
				    .unit = "ms",
				    .value = err->code ? NAN : value,
				    .baseline = "the same before and after",
				    .ratio = value * 1e3 / bench_quantile(alone, .5),
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = err->code ? err->msg : NULL,
				    .samples = among,
			    });
}

static void report_among_many(struct bench_report *r)
{
	struct bench_samples alone = {0}, among = {0}, floor_alone = {0}, floor_among = {0};
	struct err err = ERR_INIT;
	struct crew crew = {0};
	double wall;
	int failed = sample_latency(&alone, &floor_alone, &err);

	if (failed == 0)
		failed = let_work(&crew, act_sandbox, MANY / CLIENTS, true, &wall, &err);
	if (failed == 0)
		failed = sample_latency(&among, &floor_among, &err);
	dismiss(&crew);
	if (failed == 0)
		failed = sample_latency(&alone, &floor_alone, &err);
	report_latency(r, "clone request among 2,000", &among, &alone, BAR_AMONG_MANY, &err);
	/* What of it is the kernel's. */
	report_latency(r, "plain C fork server among 2,000", &floor_among, &floor_alone, NAN, &err);
}

static void report_small_pages(struct bench_report *r)
{
	const struct cloning_way way = {.cloning = &setup.pages, .seed = CLONING_PARKED};
	struct err err = ERR_INIT;
	const double kib = cloning_private_kib(&way, SMALL_PAGES, &err);

	bench_report_kib(r, "after 50 small pages", kib, BAR_SMALL_PAGES_KIB, &err);
}

static void report_shared_state(struct bench_report *r)
{
	const struct cloning_way way = {
		.cloning = &setup.heavy, .seed = CLONING_PARKED, .from_state = true};
	struct cloning_worker workers[SHARING];
	struct err err = ERR_INIT;
	double wall, kib = 0;
	unsigned n = 0;

	while (n < SHARING && cloning_start(&way, &workers[n], &wall, &err) == 0)
		n++;
	for (unsigned i = 0; i < n; i++)
		kib += shared_kib(workers[i].pid, setup.heavy.states);
	for (unsigned i = 0; i < n; i++)
		cloning_end(&workers[i]);
	bench_report_row(r, &(struct bench_row){
				    .name = "a state of 50 MB, 100 workers",
				    .metric = "all together",
				    .unit = "MiB",
				    .value = err.code ? NAN : kib / 1024,
				    .ratio = NAN,
				    .bar = BAR_SHARED_STATE_MIB,
				    .reason = err.code ? err.msg : NULL,
			    });
}

static void report_per_second(
	struct bench_report *r, struct bench_case *c, struct bench_case *against, double bar)
{
	const double wall = bench_quantile(&c->wall, .5);

	bench_report_row(r, &(struct bench_row){
				    .name = c->name,
				    .metric = "p50",
				    .unit = "/s",
				    .value = LIVES * CLIENTS * 1e6 / wall,
				    .baseline = against->name,
				    .ratio = bench_quantile(&against->wall, .5) / wall,
				    .bar = bar,
				    .bar_kind = BENCH_VALUE_AT_LEAST,
				    .reason = c->missing ?: against->missing,
			    });
}

enum { SANDBOX, INHERITED, FLOOR, N_CASES };

static void report_lives(struct bench_report *r)
{
	static const act_fn acts[] = {act_sandbox, act_inherited, act_floor};
	struct bench_case cases[N_CASES] = {
		[SANDBOX] = {.name = "400 lives, sandbox"},
		[INHERITED] = {.name = "400 lives, inherited namespaces"},
		[FLOOR] = {.name = "400 lives, plain C fork server"},
	};
	static const size_t baselines[] = {FLOOR};

	for (size_t i = 0; i < N_CASES; i++) {
		cases[i].run = run_lives;
		cases[i].arg = &acts[i];
	}
	bench_run(cases, N_CASES, bench_rounds() / 8 + 1);
	bench_report_cases(r, cases, N_CASES, baselines, ARRAY_SIZE(baselines));
	report_per_second(r, &cases[SANDBOX], &cases[FLOOR], BAR_PER_SECOND);
	report_per_second(r, &cases[INHERITED], &cases[FLOOR], BAR_INHERITED);
}

/* --- before and after --- */

static const char hello_js[] = "addEventListener('fetch', (event) => "
			       "event.respondWith(new Response('hello\\n')));\n";

static const char pages_js[] =
	"const items = Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}`, price: id "
	"* 1.5 }));\n"
	"const escape = (s) => s.replace(/[&<>\"]/g, (c) => `&#${c.charCodeAt(0)};`);\n"
	"const row = (i) => `<li id=\"i${i.id}\">${escape(i.name)}: "
	"${i.price.toFixed(2)}</li>`;\n"
	"const page = (title) => `<!doctype html><html><body><h1>${escape(title)}</h1>"
	"<ul>${items.map(row).join('')}</ul></body></html>`;\n"
	"addEventListener('fetch', (event) => event.respondWith(new Response(\n"
	"	page(new URL(event.request.url).pathname), { headers: { 'content-type': "
	"'text/html' } })));\n";

/* Reads all that it has, so that all of it is mapped in every worker. */
static const char heavy_js[] =
	"const list = Array.from({ length: 700000 }, (_, i) => ({ i, next: i + 1 }));\n"
	"addEventListener('fetch', (event) => event.respondWith(new Response(\n"
	"	String(list.reduce((sum, x) => sum + x.next, 0)))));\n";

/* With the seeds and the images of the first. */
static int prepare_more(struct cloning *c, const char *script, struct err *err)
{
	if (cloning_prepare(c, script, err) < 0)
		return -err->code;
	snprintf(c->seeds, sizeof(c->seeds), "%s", setup.cloning[0].seeds);
	snprintf(c->image, sizeof(c->image), "%s", setup.cloning[0].image);
	return 0;
}

static int prepare(struct err *err)
{
	struct cloning *first = &setup.cloning[0];

	if (cloning_prepare(first, hello_js, err) < 0 || cloning_build_image(first, err) < 0 ||
		cloning_start_seed(first, CLONING_PARKED, err) < 0 ||
		cloning_start_seed(first, CLONING_FORKED, err) < 0)
		return -err->code;
	for (size_t i = 1; i < CLIENTS; i++)
		if (prepare_more(&setup.cloning[i], hello_js, err) < 0)
			return -err->code;
	for (size_t i = 0; i < CLIENTS; i++)
		if (fork_floor_start(&setup.floor[i], &setup.cloning[i], err) < 0)
			return -err->code;
	if (prepare_more(&setup.pages, pages_js, err) < 0 ||
		prepare_more(&setup.heavy, heavy_js, err) < 0)
		return -err->code;
	return cloning_build_state(&setup.heavy, err);
}

static void clean_up(void)
{
	for (size_t i = 0; i < CLIENTS; i++)
		fork_floor_stop(&setup.floor[i]);
	cloning_clean_up(&setup.pages);
	cloning_clean_up(&setup.heavy);
	for (size_t i = CLIENTS; i-- > 0;)
		cloning_clean_up(&setup.cloning[i]);
}

/* A worker's cgroups are held open by several descriptors. */
static void raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(void)
{
	static const struct {
		const char *name;
		void (*report)(struct bench_report *r);
	} parts[] = {{"lives", report_lives}, {"burst", report_burst},
		{"among many", report_among_many}, {"small pages", report_small_pages},
		{"shared state", report_shared_state}};
	struct bench_report *r = bench_report_open("density");
	struct err err = ERR_INIT;
	int rc = 1;

	raise_nofile();
	if (prepare(&err) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (bench_is_wanted(parts[i].name))
				parts[i].report(r);
		bench_report_note(r,
			"%d clients ask at the same time; see tests/bench/cloning.h "
			"for the sandbox",
			CLIENTS);
		rc = bench_report_close(r);
	} else {
		fprintf(stderr, "bench: %s\n", err.msg);
	}
	clean_up();
	return rc;
}
