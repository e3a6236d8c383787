/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets. When there are as many connections as may be, the oldest one without a request makes
 * room; when there is none, new ones wait in the backlog.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/h2.h"

/* Connections of one turn of the loop. */
#define ACCEPT_MAX 64
/* No descriptors or memory left: how long to let the backlog wait. */
#define ACCEPT_AGAIN_MS 100

static void on_listener(uv_poll_t *poll, int status, int events);

static void pause_front(struct data_plane *d)
{
	d->paused = true;
	for (struct listener *l = d->listeners; l; l = l->next)
		uv_poll_stop(&l->poll);
}

void front_resume(struct data_plane *d)
{
	if (!d->paused || d->draining || d->leaving || d->destroyed)
		return;
	d->paused = false;
	for (struct listener *l = d->listeners; l; l = l->next)
		uv_poll_start(&l->poll, UV_READABLE, on_listener);
}

static void accept_again(uv_timer_t *timer)
{
	front_resume(timer->data);
}

static void address_text(const struct sockaddr_storage *a, char to[DATA_ADDRESS_MAX])
{
	to[0] = '\0';
	if (a->ss_family == AF_INET)
		inet_ntop(
			AF_INET, &((const struct sockaddr_in *)a)->sin_addr, to, DATA_ADDRESS_MAX);
	else if (a->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, to,
			DATA_ADDRESS_MAX);
}

/* Whether there is room for one more, or somebody who makes it. */
static bool may_accept(struct data_plane *d)
{
	if (d->n_clients < d->options.connections_max || d->idle || h2_has_idle(d))
		return true;
	pause_front(d);
	return false;
}

static bool accept_one(struct listener *l)
{
	struct data_plane *d = l->plane;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char address[DATA_ADDRESS_MAX];
	int fd;

	fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		pause_front(d);
		uv_timer_start(&d->accept_again, accept_again, ACCEPT_AGAIN_MS, 0);
	}
	if (fd < 0)
		return errno == ECONNABORTED || errno == EINTR;
	address_text(&from, address);
	if (d->n_clients >= d->options.connections_max && d->idle)
		client_close(d->idle);
	else if (d->n_clients >= d->options.connections_max)
		h2_make_room(d);
	client_create(d, fd, address);
	return true;
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	for (int i = 0; i < ACCEPT_MAX && may_accept(l->plane) && accept_one(l); i++)
		;
}

int data_listen(struct data_plane *d, int fd, struct err *err)
{
	struct listener *l = calloc(1, sizeof(*l));
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int on = 1, r;

	if (!l) {
		fd_close(&fd);
		return err_oom(err);
	}
	r = getsockname(fd, (struct sockaddr *)&own, &len) < 0 ? -errno : 0;
	if (r == 0)
		r = uv_poll_init(d->loop, &l->poll, fd);
	if (r < 0) {
		fd_close(&fd);
		free(l);
		return err_set(err, -r, "listen");
	}
	l->fd = fd;
	l->plane = d;
	l->poll.data = l;
	/* Accepted sockets inherit it. */
	if (own.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->next = d->listeners;
	d->listeners = l;
	d->handles++;
	if (!d->paused)
		uv_poll_start(&l->poll, UV_READABLE, on_listener);
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct listener *l = h->data;
	struct data_plane *d = l->plane;

	free(l);
	data_handle_closed(d);
}

void front_close(struct data_plane *d)
{
	struct listener *l;

	while ((l = d->listeners)) {
		d->listeners = l->next;
		uv_close((uv_handle_t *)&l->poll, on_closed);
		fd_close(&l->fd);
	}
}
