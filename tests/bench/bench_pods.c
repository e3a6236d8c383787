/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-pods: from RunPodSandbox to the first HTTP answer, under containerd 2: a worker in
 * a pod of turf's, with a pause process and without one, beside node in a pod of runc's.
 * Runs itself again inside of shim_rig.sh.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define RIG "tests/bench/shim_rig.sh"
#define POD "tests/bench/shim_pod"

/* Each makes and removes a pod, some of them with a network. */
#define ROUNDS_DEFAULT "20"

#define BAR_PAUSE   0.4
#define BAR_SANDBOX 0.25

struct pod {
	const char *handler, *network, *image;
};

enum { WORKER_HOST, NODE_HOST, WORKER_SANDBOX, WORKER_NETWORK, NODE_NETWORK, N_PODS };

static const struct pod pods[N_PODS] = {
	[WORKER_HOST] = {"turf-pause", "host", "worker"},
	[NODE_HOST] = {"runc", "host", "node"},
	[WORKER_SANDBOX] = {"turf", "pod", "worker"},
	[WORKER_NETWORK] = {"turf-pause", "pod", "worker"},
	[NODE_NETWORK] = {"runc", "pod", "node"},
};

static int run_once(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct pod *p = c->arg;
	char image[64], out[64];
	const char *const argv[] = {
		POD, p->handler, p->network, image, getenv("BENCH_CGROUP"), NULL};

	snprintf(image, sizeof(image), "turf.test/%s:1", p->image);
	if (bench_output(argv, out, sizeof(out), err) < 0)
		return -err->code;
	*ret_wall_us = strtod(out, NULL);
	*ret_cpu_us = -1;
	return *ret_wall_us > 0 ? 0 : err_say(err, EPROTO, "'%s' printed '%s'", POD, out);
}

int main(int argc, char **argv)
{
	/* Of the two that share the host's network, and of the three that do not. */
	static const size_t host[] = {NODE_HOST}, own[] = {NODE_NETWORK - WORKER_SANDBOX};
	const char *no_node = getenv("BENCH_NODE") ? NULL : "no node (hack/bench-deps)";
	struct bench_case cases[N_PODS] = {
		[WORKER_HOST] = {.name = "worker, host network"},
		[NODE_HOST] = {.name = "node on runc, host network", .missing = no_node},
		[WORKER_SANDBOX] = {.name = "worker, no pause process"},
		[WORKER_NETWORK] = {.name = "worker, own network"},
		[NODE_NETWORK] = {.name = "node on runc, own network", .missing = no_node},
	};
	struct bench_report *report;

	if (!getenv("BENCH_SOCKET")) {
		setenv("BENCH_CONTAINERD_VERSION", "2", true);
		setenv("BENCH_SANDBOXER", "shim", true);
		setenv("BENCH_ROUNDS", ROUNDS_DEFAULT, false);
		execlp("bash", "bash", RIG, argv[0], (char *)NULL);
		perror("bench-pods: bash");
		return EXIT_FAILURE;
	}
	report = bench_report_open("pods");
	for (int i = 0; i < N_PODS; i++) {
		cases[i].run = run_once;
		cases[i].arg = &pods[i];
	}
	bench_run(cases, N_PODS, bench_rounds());
	bench_report_cases(report, cases, WORKER_SANDBOX, host, ARRAY_SIZE(host));
	bench_report_cases(
		report, cases + WORKER_SANDBOX, N_PODS - WORKER_SANDBOX, own, ARRAY_SIZE(own));
	bench_report_ratio(report, cases, WORKER_HOST, NODE_HOST, BAR_PAUSE);
	bench_report_ratio(report, cases, WORKER_SANDBOX, NODE_NETWORK, BAR_SANDBOX);
	bench_report_note(report,
		"from RunPodSandbox to the first byte, containerd %s; a pod without a pause "
		"process has "
		"a network of its own, since containerd 2.1 fails for others",
		getenv("BENCH_CONTAINERD"));
	return bench_report_close(report);
}
