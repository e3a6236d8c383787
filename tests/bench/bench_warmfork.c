/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-warmfork, everything until the first byte of an HTTP answer:
 *   clone request                  from the connection to the seed on: what is asked for
 *                                  when a plan is ready, as a shim or scheduler would
 *     parked, forked               by a clone that waits; by a copy made for it
 *     state image                  parked, and the worker's code has run before
 *     network namespace            parked, and that namespace is made, too
 *   plain C fork server            the same sandbox and socket work without an engine
 *                                  (forkserver_floor.c): what the kernel alone takes
 *   bun, workerd, deno, node       by exec and without a sandbox; crun + node: in the same
 *   turf run warm, image, cold     the whole command, by exec: warm from a seed, from the
 *                                  base image, with a new engine
 *
 * bench_warmfork --brief ROUNDS prints one sentence about turf run warm and cold instead; it
 * is the end of hack/demo.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/cloning.h"
#include "tests/bench/engines.h"
#include "tests/bench/fork_floor.h"

#define BAR_PARKED_MS  1.5
#define BAR_FORKED_MS  2.5
#define BAR_BUN_RATIO  7.0
#define BAR_FLOOR_P99  3.0
#define BAR_WARM_RATIO 8.0

static struct setup {
	struct cloning cloning;
	struct fork_floor floor;
	char node_dir[96]; /* a bundle */
	char *crun;
	int mounts, crun_mounts; /* namespaces: ours, and one of which crun knows the cgroups */
} setup = {.mounts = -1, .crun_mounts = -1};

/* --- a runtime's run --- */

/* From the command to the first byte. */
static int run_container(const char *runtime, const char *const *argv, const char *id,
	const char *socket, double *ret_wall_us, struct err *err)
{
	const char *const kill_argv[] = {
		runtime, "--root", setup.cloning.root, "kill", id, "KILL", NULL};
	struct err own = ERR_INIT;
	double begin;
	int r, status;
	pid_t pid;

	(void)unlink(socket);
	begin = bench_now_us();
	r = bench_start(argv, &pid, err);
	if (r < 0)
		return r;
	r = bench_first_byte(socket, pid, err);
	*ret_wall_us = bench_now_us() - begin;
	if (bench_exec(kill_argv, NULL, NULL, &own) < 0)
		kill(pid, SIGKILL);
	if (bench_wait(pid, &status, NULL, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	return r;
}

static const char *new_id(void)
{
	static char id[32];
	static unsigned n;

	snprintf(id, sizeof(id), "bench-run-%d-%u", (int)getpid(), n++);
	return id;
}

/* How `turf run` gets its worker. */
struct way {
	const char *warmfork;
	bool from_image;
};

static int run_turf(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct way *way = c->arg;
	const char *id = new_id();
	const char *const argv[] = {setup.cloning.turf, "--root", setup.cloning.root, "run",
		"--warmfork", way->warmfork, "--bundle", setup.cloning.dir, id, NULL};

	(void)ret_cpu_us;
	setenv("TURF_STATES_DIR", "/nonexistent", 1);
	setenv("TURF_BASE_IMAGE", way->from_image ? setup.cloning.image : "/nonexistent", 1);
	return run_container(setup.cloning.turf, argv, id, setup.cloning.socket, ret_wall_us, err);
}

static int run_crun(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const char *id = new_id();
	const char *const argv[] = {setup.crun, "--root", setup.cloning.root, "run", "--bundle",
		setup.node_dir, id, NULL};
	int r;

	(void)c;
	(void)ret_cpu_us;
	if (setns(setup.crun_mounts, CLONE_NEWNS) < 0)
		return err_set(err, errno, "enter crun's mount namespace");
	r = run_container(setup.crun, argv, id, engines_socket(), ret_wall_us, err);
	if (setns(setup.mounts, CLONE_NEWNS) < 0)
		return err_set(err, errno, "leave crun's mount namespace");
	return r;
}

/*
 * The worker's configuration, with node in place of the worker: the host's libraries, the
 * program and the directory of its script, each where the host has it.
 */
static int write_node_config(const char *node, const char *dir, struct err *err)
{
	static const char *const read_only[] = {"rbind", "ro", NULL};
	static const char *const writable[] = {"rbind", NULL};
	struct oci_config config = *setup.cloning.configs[CLONING_USUAL];
	struct oci_process process = *config.process;
	const char *shown[] = {"/usr", "/lib", "/lib64", node, dir};
	struct oci_mount mounts[16];
	_cleanup_buf_ struct buf text = BUF_INIT;
	char script[96], path[128];
	const char *const args[] = {node, script, NULL};

	snprintf(script, sizeof(script), "%s/node.js", dir);
	process.args = args;
	config.process = &process;
	memcpy(mounts, config.mounts, config.n_mounts * sizeof(*mounts));
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		mounts[config.n_mounts++] = (struct oci_mount){.destination = shown[i],
			.source = shown[i],
			.type = "bind",
			.options = shown[i] == dir ? writable : read_only};
	config.mounts = mounts;
	oci_config_write(&config, true, &text);
	snprintf(path, sizeof(path), "%s/config.json", setup.node_dir);
	return buf_failed(&text)
		       ? err_oom(err)
		       : file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err);
}

static int prepare_mounts(struct err *err)
{
	bool hidden;

	setup.mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (setup.mounts < 0 || bench_hide_hybrid(&hidden, err) < 0)
		return err_set(err, errno, "make a mount namespace for crun");
	setup.crun_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (setup.crun_mounts < 0 || setns(setup.mounts, CLONE_NEWNS) < 0)
		return err_set(err, errno, "leave crun's mount namespace");
	return 0;
}

static int prepare_node(struct err *err)
{
	char path[128];

	setup.crun = bench_find("crun");
	if (!setup.crun)
		return err_say(err, ENOENT, "crun is not installed");
	if (engines_missing(ENGINE_NODE))
		return err_say(err, ENOENT, "%s", engines_missing(ENGINE_NODE));
	snprintf(setup.node_dir, sizeof(setup.node_dir), "%s/node", setup.cloning.dir);
	snprintf(path, sizeof(path), "%s/rootfs", setup.node_dir);
	/* The socket is made there by another user. */
	if (mkdir(setup.node_dir, 0755) < 0 || mkdir(path, 0755) < 0 ||
		chmod(engines_directory(), 0777) < 0)
		return err_set(err, errno, "mkdir '%s'", path);
	return write_node_config(engines_path(ENGINE_NODE), engines_directory(), err) < 0
		       ? -err->code
		       : prepare_mounts(err);
}

/* --- before and after --- */

static const char worker_js[] = "addEventListener('fetch', (event) => "
				"event.respondWith(new Response('hello\\n')));\n";

static void clean_up(void)
{
	fork_floor_stop(&setup.floor);
	fd_close(&setup.mounts);
	fd_close(&setup.crun_mounts);
	free(setup.crun);
	cloning_clean_up(&setup.cloning);
	engines_clean_up();
}

/* --- results --- */

enum {
	PARKED,
	FORKED,
	STATE,
	NETWORKED,
	FLOOR,
	BUN,
	WORKERD,
	DENO,
	NODE,
	CRUN_NODE,
	IMAGE,
	WARM,
	COLD,
	N_CASES
};

static int brief(struct bench_case *cases, unsigned rounds)
{
	double warm;
	double cold;

	bench_run(cases + WARM, 2, rounds);
	warm = bench_median_ms(&cases[WARM]);
	cold = bench_median_ms(&cases[COLD]);
	if (isnan(warm) || isnan(cold)) {
		fprintf(stderr, "no figures: %s\n",
			isnan(warm) ? cases[WARM].missing : cases[COLD].missing);
		return 1;
	}
	printf("turf run, from the command to the first byte of an answer: warm %.1f ms, cold %.1f "
	       "ms, "
	       "%.1f times quicker (medians of %u rounds each, in turn)\n",
		warm, cold, cold / warm, rounds);
	return 0;
}

static void report_bar(struct bench_report *r, struct bench_case *c, double bar)
{
	bench_report_row(r, &(struct bench_row){
				    .name = c->name,
				    .metric = "wall p50",
				    .unit = "ms",
				    .value = bench_median_ms(c),
				    .ratio = NAN,
				    .bar = bar,
				    .reason = c->missing,
			    });
}

/* How many times quicker the first is. */
static void report_quicker(struct bench_report *r, struct bench_case *c, const char *name,
	struct bench_case *against, double bar)
{
	const double times = bench_median_ms(against) / bench_median_ms(c);

	bench_report_row(r, &(struct bench_row){
				    .name = name,
				    .metric = "wall p50",
				    .unit = "x",
				    .value = times,
				    .baseline = against->name,
				    .ratio = times,
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_LEAST,
				    .reason = c->missing ?: against->missing,
			    });
}

static void report_worst(struct bench_report *r, struct bench_case *c, struct bench_case *against)
{
	const double value = bench_quantile(&c->wall, .99) / 1e3;

	bench_report_row(r, &(struct bench_row){
				    .name = c->name,
				    .metric = "wall p99",
				    .unit = "ms",
				    .value = value,
				    .baseline = against->name,
				    .ratio = value * 1e3 / bench_quantile(&against->wall, .99),
				    .bar = BAR_FLOOR_P99,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = c->missing ?: against->missing,
			    });
}

static int report(struct bench_case *cases)
{
	static const size_t clone_baselines[] = {FLOOR, BUN};
	static const size_t cold_baselines[] = {COLD - IMAGE};
	struct bench_report *r = bench_report_open("warmfork");

	bench_run(cases, N_CASES, bench_rounds());
	bench_report_cases(r, cases, IMAGE, clone_baselines, 2);
	bench_report_cases(r, cases + IMAGE, N_CASES - IMAGE, cold_baselines, 1);
	report_bar(r, &cases[PARKED], BAR_PARKED_MS);
	report_bar(r, &cases[FORKED], BAR_FORKED_MS);
	report_worst(r, &cases[PARKED], &cases[FLOOR]);
	report_quicker(
		r, &cases[PARKED], "parked clone, times quicker", &cases[BUN], BAR_BUN_RATIO);
	report_quicker(
		r, &cases[PARKED], "parked clone, times quicker", &cases[COLD], BAR_WARM_RATIO);
	bench_report_note(
		r, "each figure ends with the first byte of an HTTP answer of the new worker");
	return bench_report_close(r);
}

static int prepare(bool brief, struct err *err)
{
	static const struct engines_script script = {
		.code = "", .answer = "'hello\\n'", .warm_up = ""};
	struct cloning *c = &setup.cloning;

	if (cloning_prepare(c, worker_js, err) < 0)
		return -err->code;
	if (brief)
		return cloning_start_seed(c, CLONING_PARKED, err);
	/* The seeds go on from it, too. */
	if (cloning_build_image(c, err) < 0 || cloning_build_state(c, err) < 0 ||
		cloning_start_seed(c, CLONING_PARKED, err) < 0 ||
		cloning_start_seed(c, CLONING_FORKED, err) < 0 ||
		fork_floor_start(&setup.floor, c, err) < 0)
		return -err->code;
	return engines_prepare(&script, err);
}

#define CLONE_CASE(what, way)                                    \
	{                                                        \
		.name = (what), .run = cloning_run, .arg = (way) \
	}
#define TURF_CASE(what, way)                                  \
	{                                                     \
		.name = (what), .run = run_turf, .arg = (way) \
	}

int main(int argc, char **argv)
{
	static const struct way warm = {"require", false}, cold = {"never", false},
				image = {"never", true};
	static const struct cloning_way parked = {&setup.cloning, CLONING_PARKED, false,
						CLONING_USUAL},
					forked = {&setup.cloning, CLONING_FORKED, false,
						CLONING_USUAL},
					state = {&setup.cloning, CLONING_PARKED, true,
						CLONING_USUAL},
					networked = {&setup.cloning, CLONING_PARKED, false,
						CLONING_NETWORKED};
	static const enum engine_program engines[] = {
		ENGINE_BUN, ENGINE_WORKERD, ENGINE_DENO, ENGINE_NODE};
	static const char *const names[] = {"bun", "workerd", "deno", "node"};
	bool want_brief = argc == 3 && streq(argv[1], "--brief");
	struct err err = ERR_INIT, node_err = ERR_INIT;
	struct bench_case cases[N_CASES] = {
		[PARKED] = CLONE_CASE("clone request, parked", &parked),
		[FORKED] = CLONE_CASE("clone request, forked", &forked),
		[STATE] = CLONE_CASE("clone request, state image", &state),
		[NETWORKED] = CLONE_CASE("clone request, network namespace", &networked),
		[FLOOR] = {.name = "plain C fork server",
			.run = fork_floor_run,
			.arg = &setup.floor},
		[CRUN_NODE] = {.name = "crun + node", .run = run_crun},
		[WARM] = TURF_CASE("turf run, warm", &warm),
		[COLD] = TURF_CASE("turf run, cold", &cold),
		[IMAGE] = TURF_CASE("turf run, base image", &image),
	};
	int r, rc;

	if (argc > 1 && !want_brief) {
		fprintf(stderr, "usage: bench_warmfork [--brief ROUNDS]\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
		cases[BUN + i] = (struct bench_case){.name = names[i],
			.run = engines_run,
			.arg = &engines[i],
			.missing = engines_missing(engines[i])};
	r = prepare(want_brief, &err);
	if (r == 0 && !want_brief && prepare_node(&node_err) < 0)
		cases[CRUN_NODE].missing = node_err.msg;
	for (size_t i = 0; r < 0 && i < N_CASES; i++)
		cases[i].missing = err.msg;
	rc = want_brief ? brief(cases, (unsigned)atoi(argv[2])) : report(cases);
	clean_up();
	return rc;
}
