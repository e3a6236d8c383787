/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: accepts connections, bounds their number, and ends.
 *
 * One connection is accepted a callback and read from at once, because its
 * request is there most of the time: the first response of a fresh worker then
 * takes accept, read, write. When all slots are taken one makes room that is idle, or has not sent
 * a head yet; when there is none, new ones wait in the backlog.
 */
#include "aworker/http/http_server.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aworker/http/http_priv.h"
#include "runtime/base/util.h"

/* No descriptors or memory left: how long to let the backlog wait. */
#define ACCEPT_PAUSE_NS 100000000ull

/*
 * The connection that makes room for a new one, or NULL: the one that has been idle for the longest
 * time, else that whose client has owed a head for the longest. So who opens connections and sends
 * nothing, or a byte now and then, shuts nobody else out.
 */
static struct http_conn *find_dispensable(const struct http_server *s)
{
	return s->idle.next->conn ? s->idle.next->conn : s->heads.next->conn;
}

/* Such a connection is as good as a free slot. */
static void listen_again(struct http_server *s)
{
	bool full = (s->n_free == 0 && !find_dispensable(s)) || loop_timer_is_running(&s->pause);

	if (s->listener.active)
		loop_fd_modify(s->loop, &s->listener, full ? 0 : EPOLLIN);
}

static void on_listener(void *data, uint32_t events)
{
	struct http_server *s = data;
	struct http_conn *old;
	int fd;

	(void)events;
	if (s->n_free == 0) {
		old = find_dispensable(s);
		if (old)
			http_conn_destroy(old);
	}
	if (s->n_free == 0) {
		listen_again(s);
		return;
	}
	fd = accept4(s->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		http_server_adopt(s, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		if (loop_timer_start(s->loop, &s->pause, ACCEPT_PAUSE_NS) == 0)
			listen_again(s);
	}
}

static void on_pause(void *data)
{
	listen_again(data);
}

bool http_server_adopt(struct http_server *s, int fd)
{
	struct http_conn *c = http_conn_create(s, fd);

	if (c)
		http_conn_readable(c);
	return c != NULL;
}

static void on_done(void *data)
{
	struct http_server *s = data;
	void (*done)(void *) = s->done;

	s->done = NULL;
	loop_unhold(s->loop);
	done(s->data);
}

static int alloc_slots(struct http_server *s)
{
	s->slots = calloc(s->limits.connections, sizeof(struct http_conn *));
	s->free_slots = calloc(s->limits.connections, sizeof(*s->free_slots));
	if (!s->slots || !s->free_slots)
		return -ENOMEM;
	while (s->n_free < s->limits.connections) {
		s->free_slots[s->n_free] = s->limits.connections - 1 - s->n_free;
		s->n_free++;
	}
	return 0;
}

int http_server_create(struct loop *loop, int listen_fd, const struct http_limits *limits,
	const struct http_handler *handler, void *data, struct http_server **ret, struct err *err)
{
	struct http_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	s->loop = loop;
	s->handler = handler;
	s->data = data;
	s->limits = *limits;
	s->idle = (struct http_link){&s->idle, &s->idle, NULL};
	s->heads = (struct http_link){&s->heads, &s->heads, NULL};
	if (s->limits.connections > HTTP_CONNECTIONS_LIMIT)
		s->limits.connections = HTTP_CONNECTIONS_LIMIT;
	s->listener = (struct loop_fd){.fn = on_listener, .data = s};
	s->pause = (struct loop_timer){.fn = on_pause, .data = s, .background = true};
	s->done_call = (struct loop_deferred){.fn = on_done, .data = s};
	r = alloc_slots(s);
	if (r < 0) {
		http_server_destroy(s);
		return err_oom(err);
	}
	r = listen_fd < 0 ? 0 : loop_fd_add(loop, &s->listener, listen_fd, EPOLLIN);
	if (r < 0) {
		http_server_destroy(s);
		return err_set(err, -r, "watch the listening socket");
	}
	*ret = s;
	return 0;
}

void http_server_check(struct http_server *s)
{
	if (s->done) {
		for (struct http_conn *c = s->conns; c; c = c->next) {
			if (c->phase != HTTP_PHASE_LINGER)
				return;
		}
		loop_defer(s->loop, &s->done_call);
	} else if (!s->draining) {
		listen_again(s);
	}
}

void http_server_idle(struct http_server *s)
{
	if (s->listener.active && s->listener.events == 0)
		listen_again(s);
}

void http_server_drain(struct http_server *s, void (*done)(void *data))
{
	assert(!s->draining);
	s->draining = true;
	s->done = done;
	/* The listener no longer keeps the loop going; the running requests do. */
	loop_hold(s->loop);
	loop_fd_remove(s->loop, &s->listener);
	loop_timer_stop(s->loop, &s->pause);
	for (struct http_conn *c = s->conns; c; c = c->next) {
		if (c->phase == HTTP_PHASE_HEAD || c->phase == HTTP_PHASE_DISCARD)
			http_conn_cut(c, NULL);
	}
	http_server_check(s);
}

void http_server_destroy(struct http_server *s)
{
	if (!s)
		return;
	if (s->done) {
		s->done = NULL;
		loop_unhold(s->loop);
	}
	s->draining = true;
	while (s->conns)
		http_conn_destroy(s->conns);
	loop_fd_remove(s->loop, &s->listener);
	loop_timer_stop(s->loop, &s->pause);
	loop_defer_cancel(s->loop, &s->done_call);
	buf_finish(&s->head);
	free(s->spare);
	free(s->slots);
	free(s->free_slots);
	free(s);
}

size_t http_server_connections(const struct http_server *s)
{
	return s->n_conns;
}

uint64_t http_server_requests(const struct http_server *s)
{
	return s->serial;
}

size_t http_server_running(const struct http_server *s)
{
	size_t n = 0;

	for (const struct http_conn *c = s->conns; c; c = c->next)
		n += c->id != 0;
	return n;
}

const char *http_server_date(struct http_server *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != s->date_at) {
		s->date_at = now.tv_sec;
		http_date(now.tv_sec, s->date);
	}
	return s->date;
}
