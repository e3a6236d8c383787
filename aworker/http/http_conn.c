/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: bytes in, bytes out, timers, and which phase comes next.
 *
 * All of it happens in three places: the watcher's callback, the timer's, and the
 * deferred `step`. The functions that answer requests (http_exchange.c) may be called at
 * any time, from the handler's own callbacks too, so they never call the handler
 * and never free: they change the phase, send, and leave the rest to the step.
 *
 * Input lies in one buffer that is there only while there is input. A request is read when
 * the response of the one before is sent, and a body when somebody asks for it; until
 * then bytes stay in the socket, and the client feels it. Being readable while nobody
 * reads costs one epoll_ctl, when it happens; the usual request costs none.
 */
#include "aworker/http/http_priv.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define NS_PER_MS 1000000ull

/* A buffer with a piece of this size in it is given away with it, which saves a copy. */
#define IN_GIVEN_MIN (HTTP_IN_SIZE / 4 * 3)
/* An output buffer larger than this is given back when it is empty. */
#define OUT_KEEP_MAX 16384

static const char client_closed[] = "the client closed the connection";

static void on_event(void *data, uint32_t events);
static void on_timer(void *data);
static void on_step(void *data);

/* --- life --- */

struct http_conn *http_conn_create(struct http_server *s, int fd)
{
	struct http_conn *c = s->n_free > 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		goto fail;
	c->server = s;
	c->first = true;
	c->waiting = (struct http_link){&c->waiting, &c->waiting, c};
	c->watcher = (struct loop_fd){.fn = on_event, .data = c, .background = true};
	c->timer = (struct loop_timer){.fn = on_timer, .data = c, .background = true};
	c->step = (struct loop_deferred){.fn = on_step, .data = c};
	if (loop_fd_add(s->loop, &c->watcher, fd, EPOLLIN | EPOLLRDHUP) < 0)
		goto fail;
	c->slot = s->free_slots[--s->n_free];
	s->slots[c->slot] = c;
	c->next = s->conns;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &s->conns;
	s->conns = c;
	s->n_conns++;
	return c;
fail:
	free(c);
	close(fd);
	return NULL;
}

static void release_input(struct http_conn *c)
{
	if (c->server->spare)
		free(c->in);
	else
		c->server->spare = c->in;
	c->in = NULL;
	c->in_start = c->in_end = 0;
}

static void leave_ring(struct http_conn *c)
{
	c->waiting.next->prev = c->waiting.prev;
	c->waiting.prev->next = c->waiting.next;
	c->waiting.next = c->waiting.prev = &c->waiting;
}

static void enter_ring(struct http_conn *c, struct http_link *ring)
{
	leave_ring(c);
	c->waiting.next = ring;
	c->waiting.prev = ring->prev;
	ring->prev->next = &c->waiting;
	ring->prev = &c->waiting;
}

static void close_socket(struct http_conn *c)
{
	if (c->phase == HTTP_PHASE_DEAD)
		return;
	leave_ring(c);
	loop_fd_remove(c->server->loop, &c->watcher);
	loop_timer_stop(c->server->loop, &c->timer);
	close(c->watcher.fd);
	c->phase = HTTP_PHASE_DEAD;
}

void http_conn_destroy(struct http_conn *c)
{
	struct http_server *s = c->server;

	close_socket(c);
	loop_defer_cancel(s->loop, &c->step);
	if (c->in)
		release_input(c);
	buf_finish(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->slots[c->slot] = NULL;
	s->free_slots[s->n_free++] = c->slot;
	s->n_conns--;
	free(c);
	http_server_check(s);
}

void http_conn_cut(struct http_conn *c, const char *reason)
{
	if (c->phase == HTTP_PHASE_DEAD)
		return;
	close_socket(c);
	if (!c->abort_reason)
		c->abort_reason = reason;
	loop_defer(c->server->loop, &c->step);
}

int http_conn_detach(struct http_conn *c, struct buf *rest)
{
	int fd = c->watcher.fd;

	leave_ring(c);
	buf_put(rest, c->in + c->in_start, c->in_end - c->in_start);
	c->in_start = c->in_end;
	loop_fd_remove(c->server->loop, &c->watcher);
	loop_timer_stop(c->server->loop, &c->timer);
	c->id = 0;
	c->phase = HTTP_PHASE_DEAD;
	loop_defer(c->server->loop, &c->step);
	return fd;
}

/* --- output --- */

size_t http_conn_queued(const struct http_conn *c)
{
	return c->out.len - c->out_start;
}

void http_conn_queue(struct http_conn *c, const void *data, size_t len)
{
	if (c->phase == HTTP_PHASE_DEAD)
		return;
	buf_put(&c->out, data, len);
	if (buf_failed(&c->out))
		http_conn_cut(c, "out of memory");
	else
		loop_defer(c->server->loop, &c->step);
}

/* How many bytes the socket took; negative when the connection was cut. */
static ssize_t try_send(struct http_conn *c, struct iovec *iov, size_t n_iov, int more)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | more;
	ssize_t n;

	do
		n = n_iov == 1 ? send(c->watcher.fd, iov->iov_base, iov->iov_len, flags)
			       : sendmsg(c->watcher.fd, &msg, flags);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0)
		http_conn_cut(c, client_closed);
	return n;
}

/* What the socket did not take of a file waits in memory, like all that waits. */
static void queue_file(struct http_conn *c, int fd, size_t len, size_t from)
{
	_cleanup_free_ char *rest = malloc(len - from);
	ssize_t n = rest ? pread(fd, rest, len - from, (off_t)from) : -1;

	if (n != (ssize_t)(len - from))
		http_conn_cut(c, "the file of the response cannot be read");
	else
		http_conn_queue(c, rest, len - from);
}

void http_conn_send_file(struct http_conn *c, const void *head, size_t head_len, int fd, size_t len)
{
	struct iovec iov = {(void *)head, head_len};
	ssize_t n = 0;
	off_t at = 0;

	if (c->phase == HTTP_PHASE_DEAD)
		return;
	if (http_conn_queued(c) == 0 && (n = try_send(c, &iov, 1, len > 0 ? MSG_MORE : 0)) < 0)
		return;
	if ((size_t)n < head_len)
		http_conn_queue(c, (const char *)head + n, head_len - (size_t)n);
	else
		while ((size_t)at < len && sendfile(c->watcher.fd, fd, &at, len - (size_t)at) > 0)
			;
	if ((size_t)at < len)
		queue_file(c, fd, len, (size_t)at);
}

void http_conn_send(struct http_conn *c, const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct iovec iov[2] = {{(void *)a, a_len}, {(void *)b, b_len}};
	size_t done = 0;

	if (c->phase == HTTP_PHASE_DEAD)
		return;
	if (http_conn_queued(c) == 0) {
		ssize_t n = try_send(c, iov, b_len > 0 ? 2 : 1, 0);

		if (n < 0)
			return;
		done = (size_t)n;
	}
	if (done < a_len)
		http_conn_queue(c, (const char *)a + done, a_len - done);
	done = done > a_len ? done - a_len : 0;
	if (done < b_len)
		http_conn_queue(c, (const char *)b + done, b_len - done);
}

static void flush(struct http_conn *c)
{
	struct iovec iov = {.iov_len = http_conn_queued(c)};
	ssize_t n;

	if (iov.iov_len == 0)
		return;
	iov.iov_base = c->out.data + c->out_start;
	n = try_send(c, &iov, 1, 0);
	if (n <= 0)
		return;
	c->out_start += (size_t)n;
	c->progress |= c->wait == HTTP_WAIT_WRITE;
	if (http_conn_queued(c) == 0) {
		if (c->out.cap > OUT_KEEP_MAX)
			buf_finish(&c->out);
		c->out.len = c->out_start = 0;
	} else if (c->out_start > c->out.len / 2) {
		buf_consume(&c->out, c->out_start);
		c->out_start = 0;
	}
}

/* --- input --- */

static bool wants_input(const struct http_conn *c)
{
	switch (c->phase) {
	case HTTP_PHASE_HEAD:
	case HTTP_PHASE_DISCARD:
	case HTTP_PHASE_LINGER: return true;
	case HTTP_PHASE_HANDLING:
	case HTTP_PHASE_STREAMING: return c->reading;
	default: return false;
	}
}

static bool reserve_input(struct http_conn *c)
{
	if (!c->in) {
		c->in = c->server->spare ? c->server->spare : malloc(HTTP_IN_SIZE);
		c->server->spare = NULL;
	}
	if (c->in_start == c->in_end) {
		c->in_start = c->in_end = 0;
	} else if (c->in_end == HTTP_IN_SIZE) {
		memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
		c->in_end -= c->in_start;
		c->in_start = 0;
	}
	return c->in != NULL;
}

static void read_input(struct http_conn *c)
{
	ssize_t n;

	if (!reserve_input(c)) {
		http_conn_cut(c, "out of memory");
		return;
	}
	if (c->in_end == HTTP_IN_SIZE)
		return;
	n = recv(c->watcher.fd, c->in + c->in_end, HTTP_IN_SIZE - c->in_end, MSG_DONTWAIT);
	if (n > 0) {
		c->in_end += (size_t)n;
		c->progress |= c->wait == HTTP_WAIT_BODY && c->reading;
	} else if (n == 0) {
		http_conn_cut(c, "the client closed the connection before the end of its request");
	} else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
		http_conn_cut(c, client_closed);
	}
}

static void give_input(struct http_conn *c)
{
	c->in = NULL;
	c->in_start = c->in_end = 0;
}

enum http_read http_conn_take_body(struct http_conn *c, struct http_piece *ret)
{
	size_t taken, n = 0;
	char *data = NULL;

	if (c->in_start < c->in_end) {
		data = c->in + c->in_start;
		n = http_body_decode(&c->body, data, c->in_end - c->in_start, &taken);
		c->in_start += taken;
	}
	if (c->body.state == HTTP_BODY_BAD) {
		http_conn_refuse(c, 400, "the request's body is malformed");
		return HTTP_READ_WAIT;
	}
	if (n > 0) {
		*ret = (struct http_piece){
			data, n, data == c->in && n >= IN_GIVEN_MIN && c->in_start == c->in_end};
		if (ret->given)
			give_input(c);
		return HTTP_READ_PIECE;
	}
	return c->body.state == HTTP_BODY_DONE ? HTTP_READ_END : HTTP_READ_WAIT;
}

/* --- requests --- */

/* Whoever answers may switch to WebSocket, and the head is gone then. */
static void take_ws_key(struct http_conn *c, const struct http_head *head)
{
	const char *key = http_name_is(head->method, head->method_len, "get") && head->minor > 0
				  ? ws_request_key(head->strings, head->lens, head->n_strings)
				  : NULL;

	c->ws_key[0] = '\0';
	if (key)
		memcpy(c->ws_key, key, sizeof(c->ws_key));
}

static void start_exchange(struct http_conn *c, const struct http_head *head)
{
	struct http_server *s = c->server;
	struct http_request r = {
		.method = head->method,
		.method_len = head->method_len,
		.strings = head->strings,
		.lens = head->lens,
		.n_strings = head->n_strings,
	};

	c->first = false;
	c->must_linger = false;
	c->told_half_closed = false;
	c->discarded = 0;
	c->paused = false;
	c->keep_alive = head->keep_alive;
	c->is_head = http_name_is(head->method, head->method_len, "head");
	c->old_client = head->minor == 0;
	c->owes_continue = head->expects_continue;
	take_ws_key(c, head);
	http_body_init(&c->body, head);
	r.has_body = c->body.state != HTTP_BODY_DONE;
	s->head.len = 0;
	if (!http_head_url(head, &s->head, &r.origin_len)) {
		http_conn_refuse(c, 400, NULL);
		return;
	}
	if (buf_failed(&s->head)) {
		http_conn_cut(c, "out of memory");
		return;
	}
	r.url = s->head.data;
	r.url_len = s->head.len;
	c->phase = HTTP_PHASE_HANDLING;
	c->id = http_server_next_id(s, c->slot);
	/* It was sent ahead: no event will tell the handler of this one. */
	if (c->half_closed)
		loop_defer(s->loop, &c->step);
	s->handler->request(s->data, c->id, &r);
}

static void take_head(struct http_conn *c)
{
	struct http_head head;
	size_t len;
	int status = 0;

	while (c->in_start < c->in_end) {
		const char *data = c->in + c->in_start;

		status = http_head_scan(&c->scan, data, c->in_end - c->in_start, &len);
		if (status == 0 && len == 0)
			return;
		c->scan = (struct http_scan){0};
		if (status)
			break;
		c->in_start += len;
		/* An empty line before a request is to be ignored (RFC 9112, 2.2). */
		if (len == 2)
			continue;
		status = http_head_parse(data, len, &head);
		if (status)
			break;
		start_exchange(c, &head);
		return;
	}
	if (status)
		http_conn_refuse(c, status, NULL);
}

static void deliver_body(struct http_conn *c)
{
	struct http_server *s = c->server;
	struct http_piece piece = {NULL, 0, false};
	enum http_read r = http_conn_take_body(c, &piece);

	if (r == HTTP_READ_WAIT)
		return;
	c->reading = false;
	s->handler->body(s->data, c->id, &piece);
}

static void discard(struct http_conn *c)
{
	size_t taken;

	if (c->in_start == c->in_end)
		return;
	http_body_decode(&c->body, c->in + c->in_start, c->in_end - c->in_start, &taken);
	c->in_start += taken;
	c->discarded += taken;
	if (c->body.state == HTTP_BODY_DONE)
		c->phase = HTTP_PHASE_HEAD;
	else if (c->body.state == HTTP_BODY_BAD || c->discarded > HTTP_DISCARD_MAX)
		http_conn_cut(c, NULL);
}

/* One request, or one piece of a body, a call: the microtasks come between. */
static void process_input(struct http_conn *c)
{
	if (c->phase == HTTP_PHASE_LINGER)
		c->in_start = c->in_end;
	if (c->phase == HTTP_PHASE_DISCARD)
		discard(c);
	if (c->phase == HTTP_PHASE_HEAD)
		take_head(c);
	else if ((c->phase == HTTP_PHASE_HANDLING || c->phase == HTTP_PHASE_STREAMING) &&
		 c->reading)
		deliver_body(c);
}

/* --- from one exchange to the next --- */

static void after_sent(struct http_conn *c)
{
	if (c->keep_alive && !c->server->draining) {
		c->phase = c->body.state == HTTP_BODY_DONE ? HTTP_PHASE_HEAD : HTTP_PHASE_DISCARD;
		return;
	}
	if (!c->must_linger && c->body.state == HTTP_BODY_DONE && c->in_start == c->in_end) {
		http_conn_cut(c, NULL);
		return;
	}
	/* Closing with unread bytes in the socket would reset it under the response. */
	shutdown(c->watcher.fd, SHUT_WR);
	c->phase = HTTP_PHASE_LINGER;
	http_server_check(c->server);
}

void http_conn_finish_exchange(struct http_conn *c)
{
	c->id = 0;
	c->reading = false;
	if (c->phase == HTTP_PHASE_DEAD)
		return;
	c->phase = HTTP_PHASE_FLUSH;
	loop_defer(c->server->loop, &c->step);
}

void http_conn_refuse(struct http_conn *c, int status, const char *reason)
{
	struct http_server *s = c->server;

	if (c->phase != HTTP_PHASE_HEAD && c->phase != HTTP_PHASE_HANDLING) {
		http_conn_cut(c, reason);
		return;
	}
	if (c->id)
		c->abort_reason = reason;
	s->head.len = 0;
	http_response_refuse(&s->head, status, true, http_server_date(s));
	c->keep_alive = false;
	c->must_linger = true;
	c->reading = false;
	c->phase = HTTP_PHASE_FLUSH;
	http_conn_send(c, s->head.data, s->head.len, NULL, 0);
	loop_defer(s->loop, &c->step);
}

/* --- watcher and timer --- */

static enum http_wait wait_of(const struct http_conn *c)
{
	switch (c->phase) {
	case HTTP_PHASE_HEAD:
		return c->first || c->in_start < c->in_end ? HTTP_WAIT_HEAD : HTTP_WAIT_IDLE;
	case HTTP_PHASE_HANDLING:
	case HTTP_PHASE_STREAMING:
		if (c->reading)
			return HTTP_WAIT_BODY;
		return http_conn_queued(c) > 0 ? HTTP_WAIT_WRITE : HTTP_WAIT_NONE;
	case HTTP_PHASE_FLUSH: return HTTP_WAIT_WRITE;
	case HTTP_PHASE_DISCARD: return HTTP_WAIT_BODY;
	case HTTP_PHASE_LINGER: return HTTP_WAIT_LINGER;
	default: return HTTP_WAIT_NONE;
	}
}

static unsigned wait_ms_of(const struct http_limits *limits, enum http_wait wait)
{
	switch (wait) {
	case HTTP_WAIT_IDLE: return limits->idle_ms;
	case HTTP_WAIT_HEAD: return limits->head_ms;
	case HTTP_WAIT_BODY: return limits->body_ms;
	case HTTP_WAIT_WRITE: return limits->write_ms;
	default: return limits->linger_ms;
	}
}

static void note_wait(struct http_conn *c)
{
	if (c->phase != HTTP_PHASE_HEAD) {
		leave_ring(c);
		return;
	}
	enter_ring(c, c->wait == HTTP_WAIT_IDLE ? &c->server->idle : &c->server->heads);
	http_server_idle(c->server);
}

void http_conn_update(struct http_conn *c)
{
	struct http_server *s = c->server;
	uint32_t events = c->watcher.events & ~(uint32_t)EPOLLOUT;
	enum http_wait wait = wait_of(c);

	if (c->phase == HTTP_PHASE_DEAD)
		return;
	if (wants_input(c))
		events |= EPOLLIN;
	if (http_conn_queued(c) > 0)
		events |= EPOLLOUT;
	if (c->half_closed)
		events &= ~(uint32_t)EPOLLRDHUP;
	if (loop_fd_modify(s->loop, &c->watcher, events) < 0) {
		http_conn_cut(c, "out of memory");
		return;
	}
	if (wait == c->wait && !c->progress)
		return;
	c->wait = wait;
	c->progress = false;
	if (wait == HTTP_WAIT_NONE)
		loop_timer_stop(s->loop, &c->timer);
	else if (loop_timer_start(s->loop, &c->timer, wait_ms_of(&s->limits, wait) * NS_PER_MS) < 0)
		http_conn_cut(c, "out of memory");
	note_wait(c);
}

static void on_timer(void *data)
{
	struct http_conn *c = data;
	enum http_wait wait = c->wait;

	c->wait = HTTP_WAIT_NONE;
	if ((wait == HTTP_WAIT_HEAD && c->in_start < c->in_end) ||
		(wait == HTTP_WAIT_BODY && c->phase == HTTP_PHASE_HANDLING))
		http_conn_refuse(c, 408, "the client sent its request too slowly");
	else if (wait == HTTP_WAIT_BODY)
		http_conn_cut(c, "the client sent its request too slowly");
	else
		http_conn_cut(c, "the client read the response too slowly");
	http_conn_update(c);
}

/* What the handler is to hear about output and the other end. */
static void tell_handler(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->phase != HTTP_PHASE_HANDLING && c->phase != HTTP_PHASE_STREAMING)
		return;
	if (c->half_closed && !c->told_half_closed) {
		c->told_half_closed = true;
		loop_defer(s->loop, &c->step);
		s->handler->half_closed(s->data, c->id);
	} else if (c->paused && http_conn_queued(c) <= HTTP_WRITE_LOW_WATER) {
		c->paused = false;
		s->handler->writable(s->data, c->id);
	}
}

/* The end of every callback. */
static void settle(struct http_conn *c)
{
	if (c->in && c->in_start == c->in_end)
		release_input(c);
	http_conn_update(c);
}

static void on_step(void *data)
{
	struct http_conn *c = data;
	struct http_server *s = c->server;

	if (c->abort_reason && c->id) {
		uint64_t id = c->id;

		c->id = 0;
		s->handler->abort(s->data, id, c->abort_reason);
	}
	if (c->phase == HTTP_PHASE_DEAD) {
		http_conn_destroy(c);
		return;
	}
	flush(c);
	tell_handler(c);
	if (c->phase == HTTP_PHASE_FLUSH && http_conn_queued(c) == 0) {
		after_sent(c);
		/* What a client sent ahead waits in the buffer, and no event will tell. */
		process_input(c);
	}
	settle(c);
}

void http_conn_readable(struct http_conn *c)
{
	if (wants_input(c)) {
		read_input(c);
		process_input(c);
	} else {
		/* Nobody reads now; http_conn_update() brings it back. */
		loop_fd_modify(
			c->server->loop, &c->watcher, c->watcher.events & ~(uint32_t)EPOLLIN);
	}
	settle(c);
}

static void on_event(void *data, uint32_t events)
{
	struct http_conn *c = data;

	if (events & (EPOLLHUP | EPOLLERR)) {
		http_conn_cut(c, client_closed);
		return;
	}
	if (events & EPOLLRDHUP)
		c->half_closed = true;
	/* The step flushes and tells the handler; microtasks of what is read now come first. */
	if (events & (EPOLLOUT | EPOLLRDHUP))
		loop_defer(c->server->loop, &c->step);
	if (events & EPOLLIN)
		http_conn_readable(c);
	else
		http_conn_update(c);
}
