/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/cloning.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/box/box.h"
#include "runtime/box/gate.h"
#include "runtime/payload.h"
#include "seed/client.h"

#define END_TIMEOUT_MS 10000

/* --- before and after --- */

static int write_config(struct cloning *c, struct err *err)
{
	static const char *const args[] = {
		"aworker", "--listen", "unix:/http.sock", "/worker.js", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	_cleanup_buf_ struct buf text = BUF_INIT;
	static struct oci_process process;
	static struct oci_root root;
	static struct oci_linux linux_;
	char path[96];
	int r = oci_config_default(false, 0, 0, &c->config, err);

	if (r < 0)
		return r;
	process = *c->config->process;
	process.terminal = false;
	process.args = args;
	process.env = env;
	c->config->process = &process;
	root = *c->config->root;
	root.readonly = false; /* for the socket */
	c->config->root = &root;
	/* What forkserver_floor.c has: no cgroup namespace, and not /sys/fs/cgroup, the last mount. */
	linux_ = *c->config->linux_;
	linux_.n_namespaces--;
	linux_.resources = NULL;
	c->config->linux_ = &linux_;
	c->config->n_mounts--;
	oci_config_write(c->config, true, &text);
	if (buf_failed(&text))
		return err_oom(err);
	snprintf(path, sizeof(path), "%s/config.json", c->dir);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err);
}

int cloning_prepare(struct cloning *c, const char *script, struct err *err)
{
	static const char *const dirs[] = {"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys"};
	char path[128];
	int r;

	c->turf = strdup(bench_program("turf"));
	if (!c->turf)
		return err_oom(err);
	if (bench_directory("/tmp", c->dir, err) < 0 ||
		bench_directory("/dev/shm", c->run, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return err_set(err, errno, "mkdir '%s'", path);
	}
	snprintf(c->root, sizeof(c->root), "%s/root", c->run);
	snprintf(c->seeds, sizeof(c->seeds), "%s/seeds", c->run);
	snprintf(c->state, sizeof(c->state), "%s/state", c->run);
	snprintf(c->states, sizeof(c->states), "%s/states", c->run);
	snprintf(c->image, sizeof(c->image), "%s/image", c->dir);
	if (mkdir(c->state, 0700) < 0 || mkdir(c->seeds, 0700) < 0)
		return err_set(err, errno, "mkdir in '%s'", c->run);
	snprintf(c->socket, sizeof(c->socket), "%s/rootfs/http.sock", c->dir);
	snprintf(path, sizeof(path), "%s/rootfs/worker.js", c->dir);
	r = file_write_atomic(AT_FDCWD, path, script, strlen(script), 0644, err);
	return r < 0 ? r : write_config(c, err);
}

int cloning_start_seed(const struct cloning *c, struct err *err)
{
	const char *const argv[] = {c->turf, "seed", "start", "default", NULL};

	setenv("TURF_SEEDS_DIR", c->seeds, 1);
	return bench_exec(argv, NULL, NULL, err);
}

int cloning_build_image(const struct cloning *c, struct err *err)
{
	const char *const argv[] = {c->turf, "seed", "image", "rebuild", NULL};

	setenv("TURF_BASE_IMAGE", c->image, 1);
	return bench_exec(argv, NULL, NULL, err);
}

int cloning_build_state(const struct cloning *c, struct err *err)
{
	const char *const argv[] = {
		c->turf, "--root", c->root, "seed", "--bundle", c->dir, "image", "build", NULL};

	setenv("TURF_STATES_DIR", c->states, 1);
	return bench_exec(argv, NULL, NULL, err);
}

void cloning_clean_up(struct cloning *c)
{
	const char *const argv[] = {c->turf, "seed", "stop", "--force", "default", NULL};
	struct err err = ERR_INIT;

	if (c->turf && bench_exec(argv, NULL, NULL, &err) < 0)
		fprintf(stderr, "bench: stop the seed: %s\n", err.msg);
	oci_config_free(c->config);
	free(c->turf);
	bench_directory_remove(c->dir);
	bench_directory_remove(c->run);
}

/* --- requests --- */

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

static int request_prepare(struct request *q, const struct cloning *c, struct err *err)
{
	struct buf warnings = BUF_INIT;
	struct box_options options = {
		.id = "bench",
		.bundle = c->dir,
		.config = c->config,
		.payload = BOX_PAYLOAD_WORKER,
		.no_new_keyring = true,
	};
	char rootfs[96];
	int r;

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", c->dir);
	q->state_fd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	q->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (q->state_fd < 0 || q->null_fd < 0)
		return err_set(err, errno, "open '%s'", c->state);
	(void)unlinkat(q->state_fd, GATE_SOCKET, 0);
	(void)unlinkat(q->state_fd, "exit", 0);
	r = gate_listen(q->state_fd, &q->gate_fd, err);
	if (r < 0)
		return r;
	options.gate_fd = q->gate_fd;
	options.stdio[0] = options.stdio[1] = options.stdio[2] = q->null_fd;
	r = payload_choose(c->config, rootfs, "require", NULL, true, &q->payload, err);
	if (r == 0)
		r = box_plan_create(&options, &q->plan, &warnings, err);
	buf_finish(&warnings);
	return r;
}

static int request_send(struct request *q, const struct cloning *c, struct err *err)
{
	const struct box_duties duties = {.state = no_state, .create_runtime = no_hooks};
	enum record_payload kind;
	int r = payload_spawn(&q->payload, q->plan, q->state_fd, &q->child, &kind, err);

	if (r == 0)
		r = box_bring_up(&q->child, q->plan, &duties, err);
	if (r == 0)
		r = gate_start(q->state_fd, err);
	return r < 0 ? r : bench_first_byte(c->socket, 0, err);
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

int cloning_run(const struct bench_case *bench_case, double *ret_wall_us, double *ret_cpu_us,
	struct err *err)
{
	struct request q = {.child = BOX_CHILD_INIT, .state_fd = -1, .gate_fd = -1, .null_fd = -1};
	const struct cloning_way *way = bench_case->arg;
	const struct cloning *c = way->cloning;
	double begin;
	int r;

	setenv("TURF_BASE_IMAGE", c->image, 1);
	setenv("TURF_STATES_DIR", way->from_state ? c->states : "/nonexistent", 1);
	r = request_prepare(&q, c, err);
	(void)ret_cpu_us;
	(void)unlink(c->socket);
	begin = bench_now_us();
	if (r == 0)
		r = request_send(&q, c, err);
	*ret_wall_us = bench_now_us() - begin;
	request_finish(&q);
	return r;
}
