/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server over real sockets, for its tests: server and clients live in one loop, so
 * that every wait is for an event. The handler answers by path; see on_request().
 */
#ifndef TESTS_UNIT_HTTP_RIG_H
#define TESTS_UNIT_HTTP_RIG_H

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aworker/http/http.h"
#include "aworker/http/http_server.h"
#include "aworker/loop.h"
#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

#define MS 1000000ull

/* A client that has heard nothing for this long has found a bug. */
#define PATIENCE_MS 5000

static struct loop loop;
static struct err err;
static struct http_listener listener = HTTP_LISTENER_INIT;
static struct http_server *server;

static uint64_t kept_id; /* of /keep, answered by the test */
static unsigned n_requests, n_aborts, n_half_closed;
static char abort_reason[128];
static size_t to_stream, max_queued, body_bytes;
static struct loop_timer later;

/* --- the handler --- */

static inline void respond(uint64_t id, int status, const char *text)
{
	static const char *strings[] = {"content-type", "text/plain"};
	static const size_t lens[] = {12, 10};
	struct http_response r = {status, "", 0, strings, lens, 2};

	ck_assert_int_eq(http_respond(server, id, &r, text, text ? strlen(text) : 0, &err), 0);
}

static inline bool stream(uint64_t id, const char *length)
{
	const char *strings[] = {"content-length", length};
	const size_t lens[] = {14, length ? strlen(length) : 0};
	struct http_response r = {200, "", 0, strings, lens, length ? 2 : 0};
	bool wanted;

	ck_assert_int_eq(http_respond_stream(server, id, &r, &wanted, &err), 0);
	return wanted;
}

/* Writes until asked to wait. */
static inline void pump_stream(uint64_t id)
{
	static char block[1000];

	memset(block, 'x', sizeof(block));
	while (to_stream > 0) {
		ssize_t n = http_write(server, id, block, sizeof(block));

		if (n < 0)
			return;
		to_stream -= sizeof(block);
		if ((size_t)n > max_queued)
			max_queued = (size_t)n;
		if (n >= HTTP_WRITE_HIGH_WATER)
			return;
	}
	http_end(server, id);
}

static inline void pull(uint64_t id)
{
	struct http_piece piece;
	enum http_read r;

	while ((r = http_read(server, id, &piece)) == HTTP_READ_PIECE) {
		body_bytes += piece.len;
		http_piece_finish(&piece);
	}
	if (r == HTTP_READ_END) {
		char text[32];

		snprintf(text, sizeof(text), "%zu", body_bytes);
		respond(id, 200, text);
	}
}

static inline void write_piece(uint64_t id, struct http_piece *piece)
{
	http_write(server, id, piece->bytes, piece->len);
	http_piece_finish(piece);
}

static inline bool echo_pieces(uint64_t id)
{
	struct http_piece piece;
	enum http_read r;

	while ((r = http_read(server, id, &piece)) == HTTP_READ_PIECE)
		write_piece(id, &piece);
	return r == HTTP_READ_END;
}

static uint64_t echo_id;

static inline void on_later(void *data)
{
	(void)data;
	respond(kept_id, 200, "later");
}

static inline void on_request(void *data, uint64_t id, const struct http_request *r)
{
	const char *path = memchr(r->url + 7, '/', r->url_len - 7);
	char name[64] = "";

	(void)data;
	n_requests++;
	snprintf(name, sizeof(name), "%.*s", (int)(r->url_len - (size_t)(path - r->url)), path);
	body_bytes = 0;
	if (streq(name, "/hello"))
		respond(id, 200, "hello\n");
	else if (streq(name, "/size"))
		pull(id);
	else if (streq(name, "/echo")) {
		echo_id = id;
		ck_assert(stream(id, NULL));
		if (echo_pieces(id))
			http_end(server, id);
	} else if (streq(name, "/none"))
		respond(id, 204, NULL);
	else if (streq(name, "/cached"))
		respond(id, 304, NULL);
	else if (streq(name, "/stream")) {
		if (stream(id, NULL))
			pump_stream(id);
	} else if (streq(name, "/short")) {
		ck_assert(stream(id, "10"));
		http_write(server, id, "abc", 3);
		http_end(server, id);
	} else if (streq(name, "/exact")) {
		if (stream(id, "3")) {
			ck_assert_int_eq(http_write(server, id, "abcd", 4), -EMSGSIZE);
			http_write(server, id, "abc", 3);
			http_end(server, id);
		}
	} else if (streq(name, "/reset"))
		http_reset(server, id);
	else if (streq(name, "/cut")) {
		ck_assert(stream(id, NULL));
		http_write(server, id, "abc", 3);
		http_reset(server, id);
	} else if (streq(name, "/later")) {
		kept_id = id;
		later.fn = on_later;
		loop_timer_start(&loop, &later, 5 * MS);
	} else
		kept_id = id; /* /keep */
}

static inline void on_body(void *data, uint64_t id, const struct http_piece *given)
{
	struct http_piece piece = *given;

	(void)data;
	if (id == echo_id) {
		if (piece.len > 0)
			write_piece(id, &piece);
		if (piece.len == 0 || echo_pieces(id))
			http_end(server, id);
		return;
	}
	body_bytes += piece.len;
	http_piece_finish(&piece);
	pull(id);
}

static inline void on_writable(void *data, uint64_t id)
{
	(void)data;
	pump_stream(id);
}

static inline void on_half_closed(void *data, uint64_t id)
{
	(void)data;
	(void)id;
	n_half_closed++;
	loop_stop(&loop);
}

static inline void on_abort(void *data, uint64_t id, const char *reason)
{
	(void)data;
	ck_assert_int_eq(http_write(server, id, "x", 1), -1);
	n_aborts++;
	snprintf(abort_reason, sizeof(abort_reason), "%s", reason);
	loop_stop(&loop);
}

static const struct http_handler handler = {
	on_request, on_body, on_writable, on_half_closed, on_abort};

static inline void start_at(const char *address, struct http_limits limits)
{
	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_msg(http_listen(address, &listener, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(
		http_server_create(&loop, listener.fd, &limits, &handler, NULL, &server, &err), 0);
}

static inline void start(void)
{
	start_at("127.0.0.1:0", (struct http_limits)HTTP_LIMITS_DEFAULT);
}

static inline void stop(void)
{
	http_server_destroy(server);
	http_listener_finish(&listener);
	ck_assert_uint_eq(loop.n_alive, 0);
	ck_assert_uint_eq(loop.n_timers, 0);
	loop_close(&loop);
}

/* --- the client --- */

struct client {
	int fd;
	struct loop_fd w;
	struct loop_timer patience;
	struct buf got, todo;
	const char *until; /* stops the loop when this has come */
	bool eof, reset, slow;
};

static inline void on_impatient(void *data)
{
	struct client *c = data;

	ck_abort_msg("nothing but this came: %.500s", c->got.data ? c->got.data : "");
}

static inline void client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->todo.data, c->todo.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		buf_consume(&c->todo, (size_t)n);
	if (c->todo.len == 0 || (n < 0 && errno != EAGAIN))
		loop_fd_modify(&loop, &c->w, EPOLLIN);
}

static inline void on_client(void *data, uint32_t events)
{
	struct client *c = data;
	char bytes[65536];
	ssize_t n;

	if (events & EPOLLOUT)
		client_write(c);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(c->fd, bytes, c->slow ? 100 : sizeof(bytes), MSG_DONTWAIT);
	if (n > 0) {
		buf_put(&c->got, bytes, (size_t)n);
		if (c->until && strstr(c->got.data, c->until))
			loop_stop(&loop);
		return;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	c->eof = true;
	c->reset = n < 0;
	loop_fd_remove(&loop, &c->w);
	loop_stop(&loop);
}

static inline void client_open(struct client *c)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage storage;
	} a;
	socklen_t len = sizeof(a);

	*c = (struct client){
		.w = {.fn = on_client, .data = c}, .patience = {.fn = on_impatient, .data = c}};
	ck_assert_int_eq(getsockname(listener.fd, &a.any, &len), 0);
	c->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(c->fd, &a.any, len), 0);
	ck_assert_int_eq(loop_fd_add(&loop, &c->w, c->fd, EPOLLIN), 0);
	buf_puts(&c->got, "");
}

static inline void client_send(struct client *c, const char *text)
{
	buf_puts(&c->todo, text);
	if (c->w.active)
		loop_fd_modify(&loop, &c->w, EPOLLIN | EPOLLOUT);
}

static inline void turn(struct client *c)
{
	loop_timer_start(&loop, &c->patience, PATIENCE_MS * MS);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	loop_timer_stop(&loop, &c->patience);
}

static inline void wait_for(struct client *c, const char *text)
{
	c->until = text;
	while (!strstr(c->got.data, text) && !c->eof)
		turn(c);
	c->until = NULL;
	ck_assert_msg(strstr(c->got.data, text) != NULL, "no '%s' in: %.500s", text, c->got.data);
}

static inline void wait_for_eof(struct client *c)
{
	while (!c->eof)
		turn(c);
}

static inline void client_close(struct client *c)
{
	loop_fd_remove(&loop, &c->w);
	close(c->fd);
	buf_finish(&c->got);
	buf_finish(&c->todo);
}

static inline void forget(struct client *c)
{
	c->got.len = 0;
	c->got.data[0] = '\0';
}

/* One exchange with a client of its own, until the server closes. */
static inline char *fetch(const char *request)
{
	static char result[4096];
	struct client c;

	client_open(&c);
	client_send(&c, request);
	wait_for_eof(&c);
	snprintf(result, sizeof(result), "%s", c.got.data);
	client_close(&c);
	return result;
}

static inline void on_turn(void *data)
{
	(void)data;
	loop_stop(&loop);
}

/* Descriptors and timers that are ready now, and what was deferred before. */
static inline void one_turn(void)
{
	struct loop_deferred end = {.fn = on_turn};

	loop_defer(&loop, &end);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	loop_defer_cancel(&loop, &end);
}

static inline void ck_assert_before(const char *a, const char *b)
{
	ck_assert(a && b && a < b);
}

static inline size_t count(const char *text, const char *what)
{
	size_t n = 0, len = strlen(what);

	for (; *text; text++)
		n += strncmp(text, what, len) == 0;
	return n;
}

#define H     "Host: a\r\n"
#define CLOSE "Connection: close\r\n\r\n"

#endif
