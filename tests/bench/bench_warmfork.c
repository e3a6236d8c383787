/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-warmfork, everything until the first byte of an HTTP answer:
 *   turf run warm, image, cold     the whole command, by exec: warm from a seed, from the
 *                                  base image, with a new engine
 *   clone request                  from the connection to the seed on: what is asked for
 *                                  when a plan is ready, as a shim or scheduler would
 *   plain C fork server            the same sandbox and socket work without an engine
 *                                  (forkserver_floor.c): what the kernel alone takes
 *
 * bench_warmfork --brief ROUNDS prints one sentence about the first two instead; it is
 * the end of hack/demo.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "tests/bench/cloning.h"

#define BAR_CLONE_MS   3.0
#define BAR_WARM_RATIO 8.0

#define END_TIMEOUT_MS 10000

static struct setup {
	struct cloning cloning;
	char floor_socket[96]; /* where the plain fork server listens */
	pid_t floor;
} setup = {.floor = -1};

/* --- turf run --- */

static int end_run(pid_t run, const char *id, double *ret_cpu_us, struct err *err)
{
	const char *const argv[] = {
		setup.cloning.turf, "--root", setup.cloning.root, "kill", id, "KILL", NULL};
	struct err own = ERR_INIT;
	int status;
	int r = bench_exec(argv, NULL, NULL, err);

	if (r < 0)
		kill(run, SIGKILL);
	if (bench_wait(run, &status, ret_cpu_us, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	return r;
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
	char id[32];
	const char *const argv[] = {setup.cloning.turf, "--root", setup.cloning.root, "run",
		"--warmfork", way->warmfork, "--bundle", setup.cloning.dir, id, NULL};
	struct err own = ERR_INIT;
	static unsigned n;
	double begin;
	pid_t pid;
	int r;

	(void)unlink(setup.cloning.socket);
	setenv("TURF_STATES_DIR", "/nonexistent", 1);
	setenv("TURF_BASE_IMAGE", way->from_image ? setup.cloning.image : "/nonexistent", 1);
	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), n++);
	begin = bench_now_us();
	r = bench_start(argv, &pid, err);
	if (r < 0)
		return r;
	r = bench_first_byte(setup.cloning.socket, pid, err);
	*ret_wall_us = bench_now_us() - begin;
	(void)ret_cpu_us;
	if (end_run(pid, id, NULL, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	return r;
}

/* --- the floor --- */

static int run_floor(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	_cleanup_close_ int pidfd = -1;
	double begin;
	long pid = 0;
	int r;

	(void)c;
	(void)ret_cpu_us;
	(void)unlink(setup.cloning.socket);
	strncpy(addr.sun_path, setup.floor_socket, sizeof(addr.sun_path) - 1);
	begin = bench_now_us();
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		send(fd, "x", 1, MSG_NOSIGNAL) != 1 ||
		recv(fd, &pid, sizeof(pid), 0) != sizeof(pid))
		return err_set(err, errno, "ask the plain fork server");
	pidfd = proc_pidfd_open((pid_t)pid);
	r = bench_first_byte(setup.cloning.socket, 0, err);
	*ret_wall_us = bench_now_us() - begin;
	if (pidfd >= 0) {
		(void)proc_pidfd_signal(pidfd, SIGKILL);
		(void)proc_pidfd_wait(pidfd, END_TIMEOUT_MS);
	}
	return r;
}

/* --- before and after --- */

static const char worker_js[] = "addEventListener('fetch', (event) => "
				"event.respondWith(new Response('hello\\n')));\n";

static int start_floor(struct err *err)
{
	char rootfs[96];
	const char *const argv[] = {
		bench_program("bench/forkserver_floor"), setup.floor_socket, rootfs, NULL};

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", setup.cloning.dir);
	snprintf(setup.floor_socket, sizeof(setup.floor_socket), "%s/floor", setup.cloning.run);
	if (bench_start(argv, &setup.floor, err) < 0)
		return -err->code;
	for (int i = 0; i < 200 && access(setup.floor_socket, F_OK) < 0; i++)
		usleep(10000);
	return access(setup.floor_socket, F_OK) < 0
		       ? err_set(err, errno, "start the plain fork server")
		       : 0;
}

static void clean_up(void)
{
	if (setup.floor > 0)
		bench_stop(setup.floor, NULL);
	cloning_clean_up(&setup.cloning);
}

/* --- results --- */

enum { CLONE, STATE, FLOOR, IMAGE, WARM, COLD, N_CASES };

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

static int report(struct bench_case *cases)
{
	static const size_t clone_baselines[] = {2};
	static const size_t cold_baselines[] = {2};
	struct bench_report *r = bench_report_open("warmfork");
	double clone;
	double cold;

	bench_run(cases, N_CASES, bench_rounds());
	clone = bench_median_ms(&cases[CLONE]);
	cold = bench_median_ms(&cases[COLD]);
	bench_report_cases(r, cases + CLONE, 3, clone_baselines, 1);
	bench_report_cases(r, cases + IMAGE, 3, cold_baselines, 1);
	bench_report_row(r, &(struct bench_row){
				    .name = cases[CLONE].name,
				    .metric = "wall p50",
				    .unit = "ms",
				    .value = clone,
				    .ratio = NAN,
				    .bar = BAR_CLONE_MS,
				    .reason = cases[CLONE].missing,
			    });
	bench_report_row(r,
		&(struct bench_row){
			.name = "clone request, times quicker",
			.metric = "wall p50",
			.unit = "x",
			.value = cold / clone,
			.baseline = cases[COLD].name,
			.ratio = cold / clone,
			.bar = BAR_WARM_RATIO,
			.bar_kind = BENCH_RATIO_AT_LEAST,
			.reason = cases[CLONE].missing ? cases[CLONE].missing : cases[COLD].missing,
		});
	bench_report_note(
		r, "each figure ends with the first byte of an HTTP answer of the new worker");
	return bench_report_close(r);
}

int main(int argc, char **argv)
{
	static const struct way warm = {"require", false};
	static const struct way cold = {"never", false};
	static const struct way image = {"never", true};
	static const struct cloning_way from_source = {&setup.cloning, false};
	static const struct cloning_way from_state = {&setup.cloning, true};
	bool want_brief = argc == 3 && streq(argv[1], "--brief");
	struct err err = ERR_INIT;
	struct bench_case cases[N_CASES] = {
		[CLONE] = {.name = "clone request", .run = cloning_run, .arg = &from_source},
		[STATE] = {.name = "clone request, state image",
			.run = cloning_run,
			.arg = &from_state},
		[FLOOR] = {.name = "plain C fork server", .run = run_floor},
		[WARM] = {.name = "turf run, warm", .run = run_turf, .arg = &warm},
		[COLD] = {.name = "turf run, cold", .run = run_turf, .arg = &cold},
		[IMAGE] = {.name = "turf run, base image", .run = run_turf, .arg = &image},
	};
	int r;
	int rc;

	if (argc > 1 && !want_brief) {
		fprintf(stderr, "usage: bench_warmfork [--brief ROUNDS]\n");
		return 2;
	}
	r = cloning_prepare(&setup.cloning, worker_js, &err);
	/* The seed goes on from it, too. */
	if (r == 0 && !want_brief)
		r = cloning_build_image(&setup.cloning, &err);
	if (r == 0 && !want_brief)
		r = cloning_build_state(&setup.cloning, &err);
	if (r == 0)
		r = cloning_start_seed(&setup.cloning, &err);
	if (r == 0 && !want_brief)
		r = start_floor(&err);
	for (size_t i = 0; r < 0 && i < N_CASES; i++)
		cases[i].missing = err.msg;
	rc = want_brief ? brief(cases, (unsigned)atoi(argv[2])) : report(cases);
	clean_up();
	return rc;
}
