/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process does that is not (yet) a seed: read its command line, receive the
 * one request of a cold worker, try whether its clones would run.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/proc.h"
#include "seed/clone_priv.h"
#include "seed/forkserver.h"
#include "seed/state.h"

/* How long the runtime may take to send a cold worker its request. */
#define REQUEST_TIMEOUT_MS 10000

static int map_plan(const struct seed_message *m, struct seed_request *ret, struct err *err)
{
	void *p = mmap(NULL, m->head.plan_len, PROT_READ, MAP_PRIVATE, m->plan_fd, 0);

	if (p == MAP_FAILED)
		return err_set(err, errno, "map the plan");
	ret->plan = p;
	ret->plan_len = m->head.plan_len;
	return 0;
}

void seed_request_finish(struct seed_request *req)
{
	if (req->plan)
		munmap((void *)req->plan, req->plan_len);
	req->plan = NULL;
	req->plan_len = 0;
}

int seed_request_take(
	struct seed_request *ret, int conn, const struct seed_message *m, struct err *err)
{
	int r = map_plan(m, ret, err);

	if (r < 0)
		return r;
	ret->conn = conn;
	ret->missing = 0;
	ret->bare = false;
	ret->image_fd = m->image_fd;
	ret->pagemap_fd = -1;
	ret->n_fds = m->n_fds;
	memcpy(ret->fds, m->fds, m->n_fds * sizeof(int));
	return 0;
}

void seed_request_look(struct seed_request *req, int proc_fd)
{
	struct err err; /* a state image without one is refused where it would be used */

	if (req->image_fd >= 0)
		req->pagemap_fd = state_pagemap(proc_fd, &err);
}

int seed_request_settle(
	const struct clone_ground *g, struct seed_request *req, int also, struct err *err)
{
	int keep[SEED_FDS_MAX + 4];
	size_t n = req->n_fds;
	const int more[] = {req->conn, req->image_fd, req->pagemap_fd, also};

	memcpy(keep, req->fds, n * sizeof(int));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		if (more[i] >= 0)
			keep[n++] = more[i];
	return child_settle(g, keep, n, err);
}

static bool parse_fd(const char **p, char end, int *ret)
{
	char *stop;
	long v;

	if (**p < '0' || **p > '9')
		return false;
	v = strtol(*p, &stop, 10);
	if (*stop != end || v > 1000000)
		return false;
	*p = stop + 1;
	*ret = (int)v;
	return true;
}

int seed_serve_parse(const char *arg, int *ret_listen_fd, int *ret_keeper_fd, struct err *err)
{
	const char *p = arg;
	int listen_fd;
	int keeper_fd;

	if (!parse_fd(&p, ',', &listen_fd) || !parse_fd(&p, '\0', &keeper_fd))
		return err_say(err, EINVAL, "%s%s: expected two descriptor numbers",
			SEED_OPTION_SERVE, arg);
	*ret_listen_fd = listen_fd;
	*ret_keeper_fd = keeper_fd;
	return 0;
}

int seed_receive_one(int fd, struct seed_request *ret, struct err *err)
{
	struct clone_ground ground = CLONE_GROUND_INIT;
	struct seed_message m;
	int r;

	r = seed_message_receive(fd, REQUEST_TIMEOUT_MS, &m, err);
	if (r == 0)
		return err_say(err, EPIPE, "the runtime has ended");
	if (r < 0)
		return r;
	r = seed_request_take(ret, fd, &m, err);
	if (r < 0) {
		seed_message_finish(&m);
		return r;
	}
	r = clone_ground_prepare(&ground, err);
	if (r < 0)
		return r;
	seed_request_look(ret, -1);
	return seed_request_settle(&ground, ret, -1, err);
}

int seed_trial(int (*run)(void *arg), void *arg, int timeout_ms, struct err *err)
{
	struct clone_ground ground = CLONE_GROUND_INIT;
	struct clone_how how = {0, -1};
	siginfo_t info = {0};
	int pidfd = -1;
	pid_t pid;
	int r;

	r = clone_ground_prepare(&ground, err);
	if (r < 0)
		return r;
	pid = clone_make(&ground, &how, &pidfd);
	if (pid == 0) {
		int keep[1];

		if (child_settle(&ground, keep, 0, err) < 0)
			_exit(EXIT_FAILURE);
		_exit(run(arg));
	}
	clone_ground_finish(&ground);
	if (pid < 0)
		return err_set(err, -pid, "clone on trial");
	r = proc_pidfd_wait(pidfd, timeout_ms);
	if (r < 0)
		proc_pidfd_signal(pidfd, SIGKILL);
	waitid(P_PID, (id_t)pid, &info, WEXITED);
	close(pidfd);
	if (r < 0)
		return err_say(err, ETIMEDOUT, "clone on trial: not done within %d ms", timeout_ms);
	if (info.si_code != CLD_EXITED)
		return err_say(err, ECHILD, "clone on trial: killed by signal %d", info.si_status);
	if (info.si_status != 0)
		return err_say(err, ECHILD, "clone on trial: exit status %d", info.si_status);
	return 0;
}
