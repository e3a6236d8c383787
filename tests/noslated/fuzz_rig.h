/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data plane between a client and a worker that are both the fuzzer's: one function, one worker, whose
 * listening socket is `worker`; `front` is where clients connect.
 */
#ifndef TESTS_NOSLATED_FUZZ_RIG_H
#define TESTS_NOSLATED_FUZZ_RIG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/data/head.h"
#include "seed/noslated/profile/profile.h"

struct rig {
	uv_loop_t loop;
	struct data_plane *plane;
	int worker, front; /* listening; the plane has a copy of `front` */
	struct sockaddr_un worker_at, front_at;
};

static inline int rig_listen(struct sockaddr_un *a, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(a->sun_path, sizeof(a->sun_path), "/tmp/turf-fuzz-%d-%s", getpid(), name);
	unlink(a->sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)a, sizeof(*a)) < 0 || listen(fd, 64) < 0)
		abort();
	return fd;
}

static inline void rig_on_start(void *arg, const char *function UNUSED, const char *worker)
{
	struct rig *r = arg;

	data_worker_ready(r->plane, worker, r->worker_at.sun_path);
}

static inline void rig_on_stop(void *arg, const char *worker)
{
	data_worker_gone(((struct rig *)arg)->plane, worker);
}

static inline void rig_turn(struct rig *r)
{
	for (int i = 0; i < 3; i++)
		uv_run(&r->loop, UV_RUN_NOWAIT);
}

static inline void rig_open(struct rig *r)
{
	static const struct data_maker maker = {.start = rig_on_start, .stop = rig_on_stop};
	static const char text[] =
		"{\"version\": 1, \"functions\": [{\"name\": \"f\", \"ejectedAfter\": 0, "
		"\"code\": {\"path\": \"/x\"}, \"routes\": [{\"path\": \"/\"}]}]}";
	const struct data_options options = DATA_OPTIONS_DEFAULT;
	struct profile_set set;
	struct err err = ERR_INIT;

	memset(r, 0, sizeof(*r));
	r->worker = rig_listen(&r->worker_at, "worker");
	r->front = rig_listen(&r->front_at, "front");
	if (uv_loop_init(&r->loop) < 0 ||
		data_create(&r->loop, &options, &maker, r, &r->plane, &err) < 0 ||
		profile_set_parse(text, sizeof(text) - 1, &set, NULL, &err) < 0 ||
		data_apply(r->plane, &set, &err) < 0 ||
		data_listen(r->plane, dup(r->front), &err) < 0)
		abort();
}

static inline int rig_connect(struct rig *r)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&r->front_at, sizeof(r->front_at)) < 0)
		abort();
	return fd;
}

/* All connections are closed by now, or the plane has forgotten one. */
static inline void rig_close(struct rig *r)
{
	struct data_count c;

	rig_turn(r);
	data_count(r->plane, &c);
	if (c.connections > 0 || c.requests > 0)
		abort();
	data_destroy(r->plane);
	rig_turn(r);
	if (uv_loop_close(&r->loop) < 0)
		abort();
	close(r->worker);
	close(r->front);
	unlink(r->worker_at.sun_path);
	unlink(r->front_at.sun_path);
}

/*
 * What a worker sees: each request that is whole is answered, anything that we do not send is a mistake. Returns
 * how many bytes were of whole requests.
 */
static inline size_t rig_look(const char *seen, size_t len, int fd)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	static struct head h;
	size_t at = 0;

	while (at < len) {
		struct head_scan scan = {0};
		struct body body;
		size_t n, piece, from = at;

		if (head_scan(&scan, seen + at, len - at, &n) && len - at < HEAD_MAX)
			abort();
		if (n == 0)
			return from;
		if (head_parse_request(seen + at, n, &h) || !head_find(&h, FIELD_VIA))
			abort();
		at += n;
		body_init_request(&body, &h);
		while (body.state != BODY_DONE && at < len) {
			at += body_next(&body, seen + at, len - at, &piece);
			if (body.state == BODY_BAD)
				abort();
		}
		if (body.state != BODY_DONE)
			return from;
		send(fd, ok, sizeof(ok) - 1, MSG_NOSIGNAL);
	}
	return at;
}

/* What has come, at most; 0 also at the end. */
static inline size_t rig_read(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < size && (n = recv(fd, to + len, size - len, 0)) > 0)
		len += (size_t)n;
	return len;
}

#endif
