/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to workers. Each has one request at a time, and is kept for the next one: a worker has as
 * many as it ever had requests at a time.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"

static void on_event(struct stream *s, int events)
{
	struct upstream *u = (struct upstream *)(void *)s;

	if (u->closed)
		return;
	/* Idle: whatever comes is the end, or nothing that anybody asked for. */
	if (u->client)
		exchange_upstream_event(s, events);
	else
		upstream_close(u);
}

static int open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	memcpy(a.sun_path, path, strlen(path)); /* DATA_SOCKET_MAX has its length */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int create(struct data_worker *w, struct data_plane *d, struct upstream **ret)
{
	struct upstream *u;
	int fd = open_socket(w->socket), r;

	if (fd < 0)
		return fd;
	u = calloc(1, sizeof(*u));
	if (!u) {
		close(fd);
		return -ENOMEM;
	}
	r = stream_open(&u->s, d->loop, &d->pool, fd, on_event);
	if (r < 0) {
		free(u);
		return r;
	}
	u->plane = d;
	u->worker = w;
	w->refs++;
	d->handles++;
	d->n_upstreams++;
	*ret = u;
	return 0;
}

static void leave_idle(struct upstream *u)
{
	if (!u->prev)
		return;
	*u->prev = u->next;
	if (u->next)
		u->next->prev = u->prev;
	u->prev = NULL;
}

int upstream_get(struct data_worker *w, struct client *c, struct upstream **ret)
{
	struct upstream *u;
	int r;

	while ((u = w->idle) && uv_now(c->plane->loop) - u->idle_since > DATA_UPSTREAM_MS)
		upstream_close(u);
	if (u) {
		leave_idle(u);
		u->reused = true;
	} else {
		r = create(w, c->plane, &u);
		if (r < 0)
			return r;
	}
	u->client = c;
	*ret = u;
	return 0;
}

void upstream_put(struct upstream *u, bool keep)
{
	struct data_worker *w = u->worker;

	u->client = NULL;
	if (!keep || !w->policy || w->stopping) {
		upstream_close(u);
		return;
	}
	stream_rewind(&u->s);
	u->next = w->idle;
	u->prev = &w->idle;
	if (u->next)
		u->next->prev = &u->next;
	w->idle = u;
	u->idle_since = uv_now(u->plane->loop);
	upstream_update(u);
}

static void on_closed(uv_handle_t *h)
{
	struct stream *s = h->data;
	struct upstream *u = (struct upstream *)(void *)s;
	struct data_plane *d = u->plane;

	host_unref_worker(u->worker);
	free(u);
	data_handle_closed(d);
}

void upstream_close(struct upstream *u)
{
	if (u->closed)
		return;
	u->closed = true;
	u->client = NULL;
	leave_idle(u);
	u->plane->n_upstreams--;
	stream_close(&u->s, on_closed);
}

void upstream_close_idle(struct data_worker *w)
{
	while (w->idle)
		upstream_close(w->idle);
}

void upstream_update(struct upstream *u)
{
	int events = 0;

	if (!u->s.eof && stream_has_room(&u->s))
		events |= UV_READABLE;
	if (u->s.blocked)
		events |= UV_WRITABLE;
	stream_arm(&u->s, events);
}
