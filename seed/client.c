/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One clone request, from connecting to the pid. The seed may refuse, die, hang
 * or be somebody else's: each has its own errno and its own sentence.
 */
#include "seed/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "seed/socket_priv.h"

int seed_connect(const char *name, int *ret_conn, struct err *err)
{
	int r = seed_socket_connect(
		name, SEED_SOCKET_CLONE, SEED_REQUEST_TIMEOUT_MS, ret_conn, err);

	return r < 0 ? err_wrap(err, "seed '%s'", name) : 0;
}

/* The message without its build id: a cold worker's is our own executable anyway. */
static void fill_head(const struct seed_call *call, struct seed_wire_request *ret)
{
	*ret = (struct seed_wire_request){
		.magic = SEED_WIRE_MAGIC,
		.version = SEED_WIRE_VERSION,
		.op = SEED_OP_CLONE,
		.clone_flags = call->clone_flags,
		.has = (call->state_dir_fd >= 0 ? SEED_HAS_STATE_DIR : 0u) |
		       (call->pidns_fd >= 0 ? SEED_HAS_PIDNS : 0u) |
		       (call->cgroup_fd >= 0 ? SEED_HAS_CGROUP : 0u) |
		       (call->image_fd >= 0 ? SEED_HAS_IMAGE : 0u),
		.n_plan_fds = (uint32_t)call->n_fds,
		.plan_len = (uint32_t)call->plan_len,
		.flags = call->sees_host ? SEED_SEES_HOST : 0u,
	};
	seed_build_id_version(&ret->build_id);
}

static int send_call(int conn, const struct seed_call *call, const struct seed_wire_request *head,
	struct err *err)
{
	int fds[SEED_FDS_MAX];
	size_t n = 0;
	int r;

	if (call->plan_len > SEED_PLAN_MAX)
		return err_say(err, E2BIG, "the plan has %zu bytes, at most %u are possible",
			call->plan_len, SEED_PLAN_MAX);
	/* Five are ours at most. */
	if (call->n_fds > SEED_FDS_MAX - 5)
		return err_say(err, E2BIG, "%zu descriptors, at most %d are possible", call->n_fds,
			SEED_FDS_MAX - 5);
	fds[n++] = call->plan_fd;
	if (call->state_dir_fd >= 0)
		fds[n++] = call->state_dir_fd;
	if (call->pidns_fd >= 0)
		fds[n++] = call->pidns_fd;
	if (call->cgroup_fd >= 0)
		fds[n++] = call->cgroup_fd;
	if (call->image_fd >= 0)
		fds[n++] = call->image_fd;
	for (size_t i = 0; i < call->n_fds; i++)
		fds[n++] = call->fds[i];
	r = seed_wire_send(conn, head, sizeof(*head), fds, n);
	return r < 0 ? err_set(err, -r, "send the request") : 0;
}

int seed_send(int conn, const struct seed_call *call, struct err *err)
{
	struct seed_wire_request head;

	fill_head(call, &head);
	return send_call(conn, call, &head, err);
}

/* Of the executable that the keeper was told to run, as it is now: the seed may be older. */
static int worker_build_id(
	const char *name, const char *worker, struct seed_build_id *ret, struct err *err)
{
	char link[PATH_MAX];

	if (worker)
		return seed_build_id_of(worker, ret, err);
	if (snprintf(link, sizeof(link), "%s/%s/" SEED_LINK_WORKER, paths_seeds_dir(), name) >=
		(int)sizeof(link))
		return err_set(err, ENAMETOOLONG, "'%s'", paths_seeds_dir());
	return seed_build_id_of(link, ret, err);
}

static int receive_reply(int conn, struct seed_clone *ret, struct err *err)
{
	struct seed_wire_reply reply;
	int pidfd = -1;
	size_t n_fds = 0;
	ssize_t n;
	int r;

	r = seed_socket_wait(conn, SEED_REQUEST_TIMEOUT_MS);
	if (r == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT, "no answer within %d ms", SEED_REQUEST_TIMEOUT_MS);
	if (r < 0)
		return err_set(err, -r, "wait for the answer");
	n = seed_wire_recv(conn, &reply, sizeof(reply), &pidfd, 1, &n_fds, MSG_DONTWAIT);
	if (n == 0 || n == -ECONNRESET || n == -EPIPE)
		return err_say(err, EPIPE, "it ended while the clone was made");
	if (n < 0)
		return err_set(err, (int)-n, "receive the answer");
	if (n == sizeof(reply) && reply.magic == SEED_WIRE_MAGIC &&
		reply.version == SEED_WIRE_VERSION) {
		reply.text[sizeof(reply.text) - 1] = '\0';
		if (reply.type == SEED_REPLY_ERROR && n_fds == 0 && reply.code > 0)
			return err_say(err, reply.code, "%s", reply.text);
		if (reply.type == SEED_REPLY_PID && n_fds == 1 && reply.pid > 0) {
			*ret = (struct seed_clone){.conn = conn, .pid = reply.pid, .pidfd = pidfd};
			return 0;
		}
	}
	if (n_fds > 0)
		close(pidfd);
	return err_say(err, EPROTO, "the answer is none");
}

int seed_request(const char *name, int conn, const struct seed_call *call, struct seed_clone *ret,
	struct err *err)
{
	struct seed_wire_request head;
	int r;

	fill_head(call, &head);
	r = worker_build_id(name, call->worker, &head.build_id, err);
	if (r == 0) {
		r = send_call(conn, call, &head, err);
		/* Whoever refuses at once has answered before and hung up: read that. */
		if (r == 0 || r == -EPIPE || r == -ECONNRESET)
			r = receive_reply(conn, ret, err);
	}
	if (r == 0)
		r = seed_socket_forever(conn, err);
	if (r < 0) {
		close(conn);
		return err_wrap(err, "seed '%s'", name);
	}
	return 0;
}
