/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: one request, one answer. Clients wait side by side; one that
 * says nothing in time is dropped, and when there are too many the oldest goes.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "seed/keeper_priv.h"
#include "seed/socket_priv.h"

#define CLIENT_TIMEOUT_MS 2000

/* Connections that are taken per turn of the loop. */
#define ACCEPT_BATCH 16

static void fill_info(const struct keeper *k, struct seed_info *ret)
{
	const struct keeper_seed *s = &k->seed;

	*ret = (struct seed_info){
		.magic = SEED_CONTROL_MAGIC,
		.version = SEED_CONTROL_VERSION,
		.state = (uint16_t)s->state,
		.keeper_pid = getpid(),
		.seed_pid = s->pid,
		.clones_alive = k->clones.alive,
		.clones_max = k->options->max_clones,
		.parked = k->seed.parked,
		.parked_wanted = k->options->parked,
		.restarts = s->restarts,
		.from_image = s->from_image,
		.clones_total = k->clones.total,
		.started_s = k->started_s,
		.seed_started_s = s->pid ? s->started_s : 0,
		.seed_ended_s = s->ended_s,
	};
	snprintf(ret->name, sizeof(ret->name), "%s", k->options->name);
	snprintf(ret->build, sizeof(ret->build), "%s", s->build);
	snprintf(ret->worker, sizeof(ret->worker), "%s", k->options->worker);
	snprintf(ret->last_end, sizeof(ret->last_end), "%s", s->last_end);
	snprintf(ret->last_error, sizeof(ret->last_error), "%s", s->last_error);
}

static void drop(struct keeper *k, size_t i)
{
	fd_close(&k->clients[i].fd);
	k->n_clients--;
	memmove(&k->clients[i], &k->clients[i + 1], (k->n_clients - i) * sizeof(k->clients[0]));
}

static void answer(struct keeper *k, int fd, int code, const char *text)
{
	struct seed_info info;

	fill_info(k, &info);
	info.code = code;
	if (code)
		snprintf(info.last_error, sizeof(info.last_error), "%s", text);
	/* A fresh socket has room for one answer; a client that is gone does not matter. */
	(void)!send(fd, &info, sizeof(info), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void keeper_control_accept(struct keeper *k)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(k->control_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (!seed_socket_peer_is_trusted(fd)) {
			answer(k, fd, EPERM, "only root and the owner of the seed may ask");
			close(fd);
			continue;
		}
		if (k->n_clients == CONTROL_CLIENTS_MAX)
			drop(k, 0);
		k->clients[k->n_clients++] = (struct control_client){
			.fd = fd, .deadline_ms = clock_ms() + CLIENT_TIMEOUT_MS};
	}
}

static void on_stop(struct keeper *k, size_t i, bool force)
{
	if (k->clones.alive > 0 && !force) {
		answer(k, k->clients[i].fd, EBUSY, "clones live");
		drop(k, i);
		return;
	}
	answer(k, k->clients[i].fd, 0, "");
	/* Kept open until we end: that is what the client waits for. */
	k->clients[i].stopping = true;
	log_info("told to stop, %u clones live", k->clones.alive);
	keeper_stop(k);
}

void keeper_control_serve(struct keeper *k, size_t i)
{
	struct seed_control_request request;
	int fd = k->clients[i].fd;
	size_t n_fds = 0;
	ssize_t n;

	if (k->clients[i].stopping) {
		drop(k, i);
		return;
	}
	n = seed_wire_recv(fd, &request, sizeof(request), NULL, 0, &n_fds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n == sizeof(request) && request.magic == SEED_CONTROL_MAGIC) {
		if (request.version != SEED_CONTROL_VERSION)
			answer(k, fd, ESTALE, "the keeper is of another version");
		else if (request.op == SEED_CONTROL_INFO)
			answer(k, fd, 0, "");
		else if (request.op == SEED_CONTROL_STOP || request.op == SEED_CONTROL_FORCE_STOP) {
			on_stop(k, i, request.op == SEED_CONTROL_FORCE_STOP);
			return;
		} else
			answer(k, fd, EPROTO, "control request: unknown operation");
	} else if (n != 0) {
		answer(k, fd, EPROTO, "control request: not a request of turf");
	}
	drop(k, i);
}

void keeper_control_tick(struct keeper *k, int64_t now_ms)
{
	for (size_t i = k->n_clients; i-- > 0;)
		if (!k->clients[i].stopping && k->clients[i].deadline_ms <= now_ms)
			drop(k, i);
}

void keeper_control_refuse_clones(struct keeper *k)
{
	const struct keeper_seed *s = &k->seed;
	char text[SEED_REPLY_TEXT_MAX];

	if (s->state == SEED_STATE_STARTING || !s->last_error[0])
		snprintf(text, sizeof(text), "it is not ready yet");
	else
		snprintf(text, sizeof(text), "it is not ready: %s", s->last_error);
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(k->clone_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (seed_socket_peer_is_trusted(fd))
			seed_reply_error(fd, EAGAIN, text);
		else
			seed_reply_error(fd, EPERM,
				"only root and the owner of the seed may ask for clones");
		close(fd);
	}
}
