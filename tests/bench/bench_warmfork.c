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

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/box.h"
#include "runtime/box/gate.h"
#include "runtime/payload.h"
#include "seed/client.h"
#include "tests/bench/bench.h"

#define BAR_CLONE_MS   3.0
#define BAR_WARM_RATIO 8.0

#define END_TIMEOUT_MS 10000

struct setup {
	char dir[64]; /* the bundle */
	char run[64]; /* everything else; in memory, as the state of containers usually is */
	char root[96];
	char seeds[96];
	char state[96];
	char states[96];       /* images */
	char socket[128];      /* where the worker listens */
	char image[96];	       /* the base image */
	char floor_socket[96]; /* where the fork server listens */
	char *turf;
	pid_t floor;
	struct oci_config *config;
};

static struct setup setup = {.floor = -1};

/* --- turf run --- */

static int end_run(pid_t run, const char *id, double *ret_cpu_us, struct err *err)
{
	const char *const argv[] = {setup.turf, "--root", setup.root, "kill", id, "KILL", NULL};
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
	const char *const argv[] = {setup.turf, "--root", setup.root, "run", "--warmfork",
		way->warmfork, "--bundle", setup.dir, id, NULL};
	struct err own = ERR_INIT;
	static unsigned n;
	double begin;
	pid_t pid;
	int r;

	(void)unlink(setup.socket);
	setenv("TURF_STATES_DIR", "/nonexistent", 1);
	setenv("TURF_BASE_IMAGE", way->from_image ? setup.image : "/nonexistent", 1);
	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), n++);
	begin = bench_now_us();
	r = bench_start(argv, &pid, err);
	if (r < 0)
		return r;
	r = bench_first_byte(setup.socket, pid, err);
	*ret_wall_us = bench_now_us() - begin;
	(void)ret_cpu_us;
	if (end_run(pid, id, NULL, &own) < 0 && r == 0) {
		*err = own;
		r = -own.code;
	}
	return r;
}

/* --- clone request --- */

static int no_state(void *arg, pid_t pid, struct buf *ret, struct err *err)
{
	(void)arg;
	(void)err;
	buf_printf(ret,
		"{\"ociVersion\":\"1.0.2\",\"id\":\"bench\",\"status\":\"creating\",\"pid\":%d}",
		(int)pid);
	return 0;
}

static int no_hooks(void *arg, const char *state, size_t len, struct err *err)
{
	(void)arg;
	(void)state;
	(void)len;
	(void)err;
	return 0;
}

struct request {
	struct payload payload;
	struct box_plan *plan;
	struct box_child child;
	int state_fd;
	int gate_fd;
	int null_fd;
};

static int request_prepare(struct request *q, struct err *err)
{
	struct buf warnings = BUF_INIT;
	struct box_options options = {
		.id = "bench",
		.bundle = setup.dir,
		.config = setup.config,
		.payload = BOX_PAYLOAD_WORKER,
		.no_new_keyring = true,
	};
	char rootfs[96];
	int r;

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", setup.dir);
	q->state_fd = open(setup.state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	q->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (q->state_fd < 0 || q->null_fd < 0)
		return err_set(err, errno, "open '%s'", setup.state);
	(void)unlinkat(q->state_fd, GATE_SOCKET, 0);
	(void)unlinkat(q->state_fd, "exit", 0);
	r = gate_listen(q->state_fd, &q->gate_fd, err);
	if (r < 0)
		return r;
	options.gate_fd = q->gate_fd;
	options.stdio[0] = options.stdio[1] = options.stdio[2] = q->null_fd;
	r = payload_choose(setup.config, rootfs, "require", true, &q->payload, err);
	if (r == 0)
		r = box_plan_create(&options, &q->plan, &warnings, err);
	buf_finish(&warnings);
	return r;
}

static int request_send(struct request *q, struct err *err)
{
	const struct box_duties duties = {.state = no_state, .create_runtime = no_hooks};
	enum record_payload kind;
	int r = payload_spawn(&q->payload, q->plan, q->state_fd, &q->child, &kind, err);

	if (r == 0)
		r = box_bring_up(&q->child, q->plan, &duties, err);
	if (r == 0)
		r = gate_start(q->state_fd, err);
	return r < 0 ? r : bench_first_byte(setup.socket, 0, err);
}

static void request_finish(struct request *q)
{
	if (q->child.pidfd >= 0) {
		(void)proc_pidfd_signal(q->child.pidfd, SIGKILL);
		(void)proc_pidfd_wait(q->child.pidfd, END_TIMEOUT_MS);
	}
	fd_close(&q->child.conn);
	fd_close(&q->child.pidfd);
	box_plan_destroy(q->plan);
	fd_close(&q->gate_fd);
	fd_close(&q->null_fd);
	fd_close(&q->state_fd);
}

static int run_clone(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	struct request q = {.child = BOX_CHILD_INIT, .state_fd = -1, .gate_fd = -1, .null_fd = -1};
	const bool *from_state = c->arg;
	double begin;
	int r;

	setenv("TURF_BASE_IMAGE", setup.image, 1);
	setenv("TURF_STATES_DIR", *from_state ? setup.states : "/nonexistent", 1);
	r = request_prepare(&q, err);
	(void)ret_cpu_us;
	(void)unlink(setup.socket);
	begin = bench_now_us();
	if (r == 0)
		r = request_send(&q, err);
	*ret_wall_us = bench_now_us() - begin;
	request_finish(&q);
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
	(void)unlink(setup.socket);
	strncpy(addr.sun_path, setup.floor_socket, sizeof(addr.sun_path) - 1);
	begin = bench_now_us();
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		send(fd, "x", 1, MSG_NOSIGNAL) != 1 ||
		recv(fd, &pid, sizeof(pid), 0) != sizeof(pid))
		return err_set(err, errno, "ask the plain fork server");
	pidfd = proc_pidfd_open((pid_t)pid);
	r = bench_first_byte(setup.socket, 0, err);
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

static int write_config(struct err *err)
{
	static const char *const args[] = {
		"aworker", "--listen", "unix:/http.sock", "/worker.js", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	_cleanup_buf_ struct buf text = BUF_INIT;
	static struct oci_process process;
	static struct oci_root root;
	static struct oci_linux linux_;
	char path[96];
	int r = oci_config_default(false, 0, 0, &setup.config, err);

	if (r < 0)
		return r;
	process = *setup.config->process;
	process.terminal = false;
	process.args = args;
	process.env = env;
	setup.config->process = &process;
	root = *setup.config->root;
	root.readonly = false; /* for the socket */
	setup.config->root = &root;
	/* What forkserver_floor.c has: no cgroup namespace, and not /sys/fs/cgroup, the last mount. */
	linux_ = *setup.config->linux_;
	linux_.n_namespaces--;
	linux_.resources = NULL;
	setup.config->linux_ = &linux_;
	setup.config->n_mounts--;
	oci_config_write(setup.config, true, &text);
	if (buf_failed(&text))
		return err_oom(err);
	snprintf(path, sizeof(path), "%s/config.json", setup.dir);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err);
}

static int make_bundle(struct err *err)
{
	static const char *const dirs[] = {"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys"};
	char path[128];
	int r;

	if (bench_directory("/tmp", setup.dir, err) < 0 ||
		bench_directory("/dev/shm", setup.run, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", setup.dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return err_set(err, errno, "mkdir '%s'", path);
	}
	snprintf(setup.root, sizeof(setup.root), "%s/root", setup.run);
	snprintf(setup.seeds, sizeof(setup.seeds), "%s/seeds", setup.run);
	snprintf(setup.state, sizeof(setup.state), "%s/state", setup.run);
	snprintf(setup.states, sizeof(setup.states), "%s/states", setup.run);
	snprintf(setup.image, sizeof(setup.image), "%s/image", setup.dir);
	if (mkdir(setup.state, 0700) < 0 || mkdir(setup.seeds, 0700) < 0)
		return err_set(err, errno, "mkdir in '%s'", setup.run);
	snprintf(setup.socket, sizeof(setup.socket), "%s/rootfs/http.sock", setup.dir);
	snprintf(setup.floor_socket, sizeof(setup.floor_socket), "%s/floor", setup.run);
	snprintf(path, sizeof(path), "%s/rootfs/worker.js", setup.dir);
	r = file_write_atomic(AT_FDCWD, path, worker_js, sizeof(worker_js) - 1, 0644, err);
	return r < 0 ? r : write_config(err);
}

static int start_seed(struct err *err)
{
	const char *const argv[] = {setup.turf, "seed", "start", "default", NULL};

	setenv("TURF_SEEDS_DIR", setup.seeds, 1);
	return bench_exec(argv, NULL, NULL, err);
}

static int build_image(struct err *err)
{
	const char *const argv[] = {setup.turf, "seed", "image", "rebuild", NULL};

	setenv("TURF_BASE_IMAGE", setup.image, 1);
	return bench_exec(argv, NULL, NULL, err);
}

static int build_state(struct err *err)
{
	const char *const argv[] = {setup.turf, "--root", setup.root, "seed", "--bundle", setup.dir,
		"image", "build", NULL};

	setenv("TURF_STATES_DIR", setup.states, 1);
	return bench_exec(argv, NULL, NULL, err);
}

static int start_floor(struct err *err)
{
	char rootfs[96];
	const char *const argv[] = {
		bench_program("bench/forkserver_floor"), setup.floor_socket, rootfs, NULL};

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", setup.dir);
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
	const char *const argv[] = {setup.turf, "seed", "stop", "--force", "default", NULL};
	struct err err = ERR_INIT;
	int status;

	if (setup.floor > 0) {
		kill(setup.floor, SIGKILL);
		(void)bench_wait(setup.floor, &status, NULL, &err);
	}
	if (bench_exec(argv, NULL, NULL, &err) < 0)
		fprintf(stderr, "bench-warmfork: stop the seed: %s\n", err.msg);
	oci_config_free(setup.config);
	free(setup.turf);
	bench_directory_remove(setup.dir);
	bench_directory_remove(setup.run);
}

/* --- results --- */

enum { CLONE, STATE, FLOOR, IMAGE, WARM, COLD, N_CASES };

static int brief(struct bench_case *cases, unsigned rounds)
{
	double warm;
	double cold;

	bench_run(cases + WARM, 2, rounds);
	warm = bench_quantile(&cases[WARM].wall, .5) / 1e3;
	cold = bench_quantile(&cases[COLD].wall, .5) / 1e3;
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
	clone = bench_quantile(&cases[CLONE].wall, .5) / 1e3;
	cold = bench_quantile(&cases[COLD].wall, .5) / 1e3;
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
	static const bool from_source = false, from_state = true;
	bool want_brief = argc == 3 && streq(argv[1], "--brief");
	struct err err = ERR_INIT;
	struct bench_case cases[N_CASES] = {
		[CLONE] = {.name = "clone request", .run = run_clone, .arg = &from_source},
		[STATE] = {.name = "clone request, state image",
			.run = run_clone,
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
	setup.turf = strdup(bench_program("turf"));
	r = make_bundle(&err);
	/* The seed goes on from it, too. */
	if (r == 0 && !want_brief)
		r = build_image(&err);
	if (r == 0 && !want_brief)
		r = build_state(&err);
	if (r == 0)
		r = start_seed(&err);
	if (r == 0 && !want_brief)
		r = start_floor(&err);
	for (size_t i = 0; r < 0 && i < N_CASES; i++)
		cases[i].missing = err.msg;
	rc = want_brief ? brief(cases, (unsigned)atoi(argv[2])) : report(cases);
	clean_up();
	return rc;
}
