/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/cloning.h"

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
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/box/box.h"
#include "runtime/box/cgroup.h"
#include "runtime/payload.h"
#include "seed/client.h"
#include "tests/bench/profile.h"

#define END_TIMEOUT_MS 10000

/* --- before and after --- */

static int write_config(const struct cloning *c, const struct oci_config *config, const char *file,
	struct oci_config **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[128];

	oci_config_write(config, true, &text);
	if (buf_failed(&text))
		return err_oom(err);
	snprintf(path, sizeof(path), "%s/%s", c->dir, file);
	if (file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err) < 0)
		return -err->code;
	return oci_config_load(AT_FDCWD, path, ret, err);
}

static int write_configs(struct cloning *c, struct err *err)
{
	static const char *const args[] = {
		"aworker", "--listen", "unix:/http.sock", "/worker.js", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	static const struct oci_capabilities none;
	static const struct oci_namespace namespaces[] = {{.type = CLONE_NEWPID},
		{.type = CLONE_NEWIPC}, {.type = CLONE_NEWUTS}, {.type = CLONE_NEWNS},
		{.type = CLONE_NEWNET}};
	_cleanup_oci_config_ struct oci_config *config = NULL;
	struct oci_seccomp profile;
	struct oci_process process;
	struct oci_linux linux_;
	struct oci_root root;
	char filter[128];

	if (oci_config_default(false, 0, 0, &config, err) < 0)
		return -err->code;
	process = *config->process;
	process.terminal = false;
	process.args = args;
	process.env = env;
	process.user = (struct oci_user){.uid = CLONING_USER, .gid = CLONING_USER};
	process.capabilities = &none;
	config->process = &process;
	root = *config->root;
	root.readonly = false; /* for the socket */
	config->root = &root;
	profile_fill(&profile);
	linux_ = *config->linux_;
	linux_.resources = NULL;
	linux_.seccomp = &profile;
	linux_.namespaces = namespaces;
	linux_.n_namespaces = ARRAY_SIZE(namespaces);
	config->linux_ = &linux_;
	config->n_mounts--;	       /* not /sys/fs/cgroup */
	config->oci_version = "1.0.2"; /* older runtimes refuse a newer one */
	snprintf(filter, sizeof(filter), "%s/" CLONING_FILTER, c->dir);
	if (profile_write(&profile, filter, err) < 0 ||
		write_config(c, config, "networked.json", &c->configs[CLONING_NETWORKED], err) < 0)
		return -err->code;
	linux_.n_namespaces--;
	if (write_config(c, config, "config.json", &c->configs[CLONING_USUAL], err) < 0)
		return -err->code;
	linux_.n_namespaces = config->n_mounts = 0;
	linux_.masked_paths = linux_.readonly_paths = NULL;
	config->hostname = NULL;
	return write_config(c, config, "inherited.json", &c->configs[CLONING_INHERITED], err);
}

int cloning_prepare(struct cloning *c, const char *script, struct err *err)
{
	static const char *const dirs[] = {"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys"};
	char path[128];
	int r;

	c->turf = strdup(bench_program("turf"));
	if (!c->turf)
		return err_oom(err);
	if (bench_directory("/dev/shm", c->dir, err) < 0 ||
		bench_directory("/dev/shm", c->run, err) < 0 ||
		bench_directory("/tmp", c->disk, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return err_set(err, errno, "mkdir '%s'", path);
	}
	snprintf(path, sizeof(path), "%s/rootfs", c->dir);
	if (chown(path, CLONING_USER, CLONING_USER) < 0 || chmod(c->dir, 0755) < 0)
		return err_set(err, errno, "give '%s' to the worker", path);
	snprintf(c->root, sizeof(c->root), "%s/root", c->run);
	snprintf(c->seeds, sizeof(c->seeds), "%s/seeds", c->run);
	snprintf(c->state, sizeof(c->state), "%s/state", c->run);
	snprintf(c->states, sizeof(c->states), "%s/states", c->disk);
	snprintf(c->image, sizeof(c->image), "%s/image", c->disk);
	setenv("TURF_VERIFIED_DIR", c->run, 1);
	if (mkdir(c->state, 0700) < 0 || mkdir(c->seeds, 0700) < 0)
		return err_set(err, errno, "mkdir in '%s'", c->run);
	snprintf(c->socket, sizeof(c->socket), "%s/rootfs/http.sock", c->dir);
	snprintf(path, sizeof(path), "%s/rootfs/worker.js", c->dir);
	r = file_write_atomic(AT_FDCWD, path, script, strlen(script), 0644, err);
	return r < 0 ? r : write_configs(c, err);
}

int cloning_start_seed(const struct cloning *c, const char *name, struct err *err)
{
	const char *parked = streq(name, CLONING_FORKED) ? "--parked=0" : NULL;
	const char *const argv[] = {c->turf, "seed", "start", name, parked, NULL};

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
	_cleanup_strv_ char **names = NULL;
	struct err err = ERR_INIT;

	setenv("TURF_SEEDS_DIR", c->seeds, 1);
	if (*c->seeds && seed_names(&names, &err) == 0)
		for (char **name = names; *name; name++)
			if (seed_stop(*name, true, &err) < 0)
				fprintf(stderr, "bench: %s\n", err.msg);
	for (size_t i = 0; i < CLONING_SANDBOXES; i++)
		oci_config_free(c->configs[i]);
	free(c->turf);
	bench_directory_remove(c->dir);
	bench_directory_remove(c->run);
	bench_directory_remove(c->disk);
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
	struct cgroup *cgroup;
	int state_fd;
	int null_fd;
};

#define REQUEST_INIT                                                   \
	{                                                              \
		.child = BOX_CHILD_INIT, .state_fd = -1, .null_fd = -1 \
	}

static int make_plan(struct request *q, const struct cloning_way *way, const char *id,
	struct buf *warnings, struct err *err)
{
	const struct cgroup_options group = {.id = id,
		.manager = way->sandbox == CLONING_INHERITED ? CGROUP_MANAGER_DISABLED
							     : CGROUP_MANAGER_FS,
		.foreign_parent = true,
		.asks_birth = true};
	const struct oci_config *config = way->cloning->configs[way->sandbox];
	struct box_options options = {
		.id = id,
		.bundle = way->cloning->dir,
		.config = config,
		.payload = BOX_PAYLOAD_WORKER,
		.no_new_keyring = true,
		.gate_fd = -1, /* created and started in one go */
		.stdio = {q->null_fd, q->null_fd, q->null_fd},
	};
	char rootfs[96];

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", way->cloning->dir);
	if (payload_choose(config, rootfs, "require", NULL, true, &q->payload, err) < 0 ||
		cgroup_create(&group, &q->cgroup, warnings, err) < 0)
		return -err->code;
	q->payload.seed = way->seed;
	options.cgroup = q->cgroup;
	return box_plan_create(&options, &q->plan, warnings, err);
}

static int request_prepare(struct request *q, const struct cloning_way *way, struct err *err)
{
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	struct cloning *c = way->cloning;
	char id[32];

	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), c->n++);
	q->state_fd = open(c->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	q->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (q->state_fd < 0 || q->null_fd < 0)
		return err_set(err, errno, "open '%s'", c->state);
	(void)unlinkat(q->state_fd, "exit", 0);
	return make_plan(q, way, id, &warnings, err);
}

static int request_send(struct request *q, const struct cloning *c, struct err *err)
{
	const struct box_duties duties = {.state = no_state, .create_runtime = no_hooks};
	enum record_payload kind;
	int r = payload_spawn(&q->payload, q->plan, q->state_fd, &q->child, &kind, err);

	if (r == 0)
		r = box_bring_up(&q->child, q->plan, &duties, err);
	return r < 0 ? r : bench_first_byte(c->socket, 0, err);
}

static void request_finish(struct request *q)
{
	fd_close(&q->child.conn);
	box_plan_destroy(q->plan);
	fd_close(&q->null_fd);
	fd_close(&q->state_fd);
}

int cloning_start(const struct cloning_way *way, struct cloning_worker *ret, double *ret_wall_us,
	struct err *err)
{
	const struct cloning *c = way->cloning;
	struct request q = REQUEST_INIT;
	double begin;
	int r;

	setenv("TURF_BASE_IMAGE", c->image, 1);
	setenv("TURF_STATES_DIR", way->from_state ? c->states : "/nonexistent", 1);
	r = request_prepare(&q, way, err);
	(void)unlink(c->socket);
	begin = bench_now_us();
	if (r == 0)
		r = request_send(&q, c, err);
	*ret_wall_us = bench_now_us() - begin;
	*ret = (struct cloning_worker){q.cgroup, q.child.pid, q.child.pidfd};
	request_finish(&q);
	if (r < 0)
		cloning_end(ret);
	return r;
}

void cloning_end(struct cloning_worker *w)
{
	struct err err;

	if (w->pidfd >= 0) {
		(void)proc_pidfd_signal(w->pidfd, SIGKILL);
		(void)proc_pidfd_wait(w->pidfd, END_TIMEOUT_MS);
	}
	fd_close(&w->pidfd);
	if (w->cgroup && cgroup_destroy(w->cgroup, &err) < 0)
		fprintf(stderr, "bench: %s\n", err.msg);
	cgroup_close(w->cgroup);
	w->cgroup = NULL;
}

double cloning_private_kib(const struct cloning_way *way, unsigned answers, struct err *err)
{
	struct cloning_worker w;
	double wall, kib = NAN;
	int r = cloning_start(way, &w, &wall, err);

	if (r < 0)
		return NAN;
	for (unsigned i = 1; i < answers && r == 0; i++)
		r = bench_first_byte(way->cloning->socket, 0, err);
	if (r == 0)
		kib = bench_private_kib(w.pid);
	cloning_end(&w);
	return kib;
}

int cloning_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	struct cloning_worker w;

	(void)ret_cpu_us;
	if (cloning_start(c->arg, &w, ret_wall_us, err) < 0)
		return -err->code;
	cloning_end(&w);
	return 0;
}
