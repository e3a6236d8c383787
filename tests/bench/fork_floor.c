/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/fork_floor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/cgroup.h"
#include "tests/bench/cloning.h"

#define END_TIMEOUT_MS 10000

/* Hierarchies of one host that a container has a cgroup in. */
#define CGROUPS_MAX 16

/* Looks for its socket; 10 ms each. */
#define START_LOOKS 200

/* The files of v1 that take a process in, and the directory of v2. */
static int make_cgroup(
	struct fork_floor *f, char files[CGROUPS_MAX][256], size_t *ret, struct err *err)
{
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	const struct cgroup_path *paths;
	static unsigned count;
	char id[48];
	const struct cgroup_options options = {.id = id};
	size_t n;

	snprintf(id, sizeof(id), "bench-floor-%d-%u", (int)getpid(), count++);
	if (cgroup_create(&options, &f->cgroup, &warnings, err) < 0)
		return -err->code;
	n = cgroup_paths(f->cgroup, &paths);
	for (size_t i = 0; i < n && *ret < CGROUPS_MAX; i++)
		if (!strchr(paths[i].controller, ':'))
			snprintf(files[(*ret)++], sizeof(files[0]), "%s%s", paths[i].path,
				*paths[i].controller ? "/tasks" : "");
	return 0;
}

int fork_floor_start(struct fork_floor *f, const struct cloning *c, struct err *err)
{
	char rootfs[96], filter[96], files[CGROUPS_MAX][256];
	const char *argv[CGROUPS_MAX + 5] = {
		bench_program("bench/forkserver_floor"), f->socket, rootfs, filter};
	size_t n = 0;

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", c->dir);
	snprintf(filter, sizeof(filter), "%s/" CLONING_FILTER, c->dir);
	snprintf(f->socket, sizeof(f->socket), "%s/floor", c->run);
	snprintf(f->answers, sizeof(f->answers), "%s", c->socket);
	if (make_cgroup(f, files, &n, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++)
		argv[4 + i] = files[i];
	if (bench_start(argv, &f->pid, err) < 0)
		return -err->code;
	for (int i = 0; i < START_LOOKS && access(f->socket, F_OK) < 0; i++)
		usleep(10000);
	return access(f->socket, F_OK) < 0 ? err_set(err, errno, "start the plain fork server") : 0;
}

void fork_floor_stop(struct fork_floor *f)
{
	struct err err;

	if (f->pid > 0)
		bench_stop(f->pid, NULL);
	if (f->cgroup && cgroup_destroy(f->cgroup, &err) < 0)
		fprintf(stderr, "bench: %s\n", err.msg);
	cgroup_close(f->cgroup);
}

int fork_floor_run(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct fork_floor *f = c->arg;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	_cleanup_close_ int pidfd = -1;
	double begin;
	long pid = 0;
	int r;

	(void)ret_cpu_us;
	(void)unlink(f->answers);
	strncpy(addr.sun_path, f->socket, sizeof(addr.sun_path) - 1);
	begin = bench_now_us();
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		send(fd, "x", 1, MSG_NOSIGNAL) != 1 ||
		recv(fd, &pid, sizeof(pid), 0) != sizeof(pid))
		return err_set(err, errno, "ask the plain fork server");
	pidfd = proc_pidfd_open((pid_t)pid);
	r = bench_first_byte(f->answers, 0, err);
	*ret_wall_us = bench_now_us() - begin;
	if (pidfd >= 0) {
		(void)proc_pidfd_signal(pidfd, SIGKILL);
		(void)proc_pidfd_wait(pidfd, END_TIMEOUT_MS);
	}
	return r;
}
