/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server over real sockets: server and clients live in one loop, so that every
 * wait is for an event. The handler answers by path; see on_request().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "aworker/http.h"
#include "aworker/http_server.h"
#include "aworker/loop.h"
#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

#define MS 1000000ull

/* A client that has heard nothing for this long has found a bug. */
#define PATIENCE_MS 5000

/* What a test with short limits calls short. */
#define SHORT_MS 30

static struct loop loop;
static struct err err;
static struct http_listener listener = HTTP_LISTENER_INIT;
static struct http_server *server;

static uint64_t kept_id; /* of /keep, answered by the test */
static unsigned n_requests, n_aborts, n_half_closed, n_done;
static char abort_reason[128];
static size_t to_stream, max_queued, body_bytes;
static struct loop_timer later;

/* --- the handler --- */

static void respond(uint64_t id, int status, const char *text)
{
	static const char *strings[] = {"content-type", "text/plain"};
	static const size_t lens[] = {12, 10};
	struct http_response r = {status, "", 0, strings, lens, 2};

	ck_assert_int_eq(http_respond(server, id, &r, text, text ? strlen(text) : 0, &err), 0);
}

static bool stream(uint64_t id, const char *length)
{
	const char *strings[] = {"content-length", length};
	const size_t lens[] = {14, length ? strlen(length) : 0};
	struct http_response r = {200, "", 0, strings, lens, length ? 2 : 0};
	bool wanted;

	ck_assert_int_eq(http_respond_stream(server, id, &r, &wanted, &err), 0);
	return wanted;
}

/* Writes until asked to wait. */
static void pump_stream(uint64_t id)
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

static void pull(uint64_t id)
{
	const void *bytes;
	size_t len;
	enum http_read r;

	while ((r = http_read(server, id, &bytes, &len)) == HTTP_READ_PIECE)
		body_bytes += len;
	if (r == HTTP_READ_END) {
		char text[32];

		snprintf(text, sizeof(text), "%zu", body_bytes);
		respond(id, 200, text);
	}
}

static bool echo_pieces(uint64_t id)
{
	const void *bytes;
	size_t len;
	enum http_read r;

	while ((r = http_read(server, id, &bytes, &len)) == HTTP_READ_PIECE)
		http_write(server, id, bytes, len);
	return r == HTTP_READ_END;
}

static uint64_t echo_id;

static void on_later(void *data)
{
	(void)data;
	respond(kept_id, 200, "later");
}

static void on_request(void *data, uint64_t id, const struct http_request *r)
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

static void on_body(void *data, uint64_t id, const void *bytes, size_t len)
{
	(void)data;
	if (id == echo_id) {
		if (len > 0)
			http_write(server, id, bytes, len);
		if (len == 0 || echo_pieces(id))
			http_end(server, id);
		return;
	}
	body_bytes += len;
	pull(id);
}

static void on_writable(void *data, uint64_t id)
{
	(void)data;
	pump_stream(id);
}

static void on_half_closed(void *data, uint64_t id)
{
	(void)data;
	(void)id;
	n_half_closed++;
}

static void on_abort(void *data, uint64_t id, const char *reason)
{
	(void)data;
	ck_assert_int_eq(http_write(server, id, "x", 1), -1);
	n_aborts++;
	snprintf(abort_reason, sizeof(abort_reason), "%s", reason);
	loop_stop(&loop);
}

static const struct http_handler handler = {
	on_request, on_body, on_writable, on_half_closed, on_abort};

static void start_at(const char *address, struct http_limits limits)
{
	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_msg(http_listen(address, &listener, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(
		http_server_create(&loop, listener.fd, &limits, &handler, NULL, &server, &err), 0);
}

static void start(void)
{
	start_at("127.0.0.1:0", (struct http_limits)HTTP_LIMITS_DEFAULT);
}

static void stop(void)
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

static void on_impatient(void *data)
{
	struct client *c = data;

	ck_abort_msg("nothing but this came: %.500s", c->got.data ? c->got.data : "");
}

static void client_write(struct client *c)
{
	ssize_t n = send(c->fd, c->todo.data, c->todo.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		buf_consume(&c->todo, (size_t)n);
	if (c->todo.len == 0 || (n < 0 && errno != EAGAIN))
		loop_fd_modify(&loop, &c->w, EPOLLIN);
}

static void on_client(void *data, uint32_t events)
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

static void client_open(struct client *c)
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

static void client_send(struct client *c, const char *text)
{
	buf_puts(&c->todo, text);
	if (c->w.active)
		loop_fd_modify(&loop, &c->w, EPOLLIN | EPOLLOUT);
}

static void turn(struct client *c)
{
	loop_timer_start(&loop, &c->patience, PATIENCE_MS * MS);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	loop_timer_stop(&loop, &c->patience);
}

static void wait_for(struct client *c, const char *text)
{
	c->until = text;
	while (!strstr(c->got.data, text) && !c->eof)
		turn(c);
	c->until = NULL;
	ck_assert_msg(strstr(c->got.data, text) != NULL, "no '%s' in: %.500s", text, c->got.data);
}

static void wait_for_eof(struct client *c)
{
	while (!c->eof)
		turn(c);
}

static void client_close(struct client *c)
{
	loop_fd_remove(&loop, &c->w);
	close(c->fd);
	buf_finish(&c->got);
	buf_finish(&c->todo);
}

static void forget(struct client *c)
{
	c->got.len = 0;
	c->got.data[0] = '\0';
}

/* One exchange with a client of its own, until the server closes. */
static char *fetch(const char *request)
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

static void on_turn(void *data)
{
	(void)data;
	loop_stop(&loop);
}

/* Descriptors and timers that are ready now, and what was deferred before. */
static void one_turn(void)
{
	struct loop_deferred end = {.fn = on_turn};

	loop_defer(&loop, &end);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	loop_defer_cancel(&loop, &end);
}

static void ck_assert_before(const char *a, const char *b)
{
	ck_assert(a && b && a < b);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0, len = strlen(what);

	for (; *text; text++)
		n += strncmp(text, what, len) == 0;
	return n;
}

#define H     "Host: a\r\n"
#define CLOSE "Connection: close\r\n\r\n"

/* --- cases --- */

START_TEST(whole_responses)
{
	char *got;

	start();
	got = fetch("GET /hello HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 200 OK\r\n"));
	ck_assert_ptr_nonnull(strstr(got, "\r\nContent-Length: 6\r\n"));
	ck_assert_ptr_nonnull(strstr(got, "\r\nDate: "));
	ck_assert_ptr_nonnull(strstr(got, "Connection: close\r\n\r\nhello\n"));
	got = fetch("HEAD /hello HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "\r\nContent-Length: 6\r\n"));
	ck_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	got = fetch("GET /none HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 204 No Content\r\n"));
	ck_assert_ptr_null(strstr(got, "Content-Length"));
	ck_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	got = fetch("GET /cached HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_null(strstr(got, "Content-Length"));
	got = fetch("GET /reset HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "HTTP/1.1 500 "));
	stop();
}
END_TEST

START_TEST(keep_alive_and_pipelining)
{
	struct client c;

	start();
	client_open(&c);
	for (int i = 0; i < 3; i++) {
		client_send(&c, "GET /hello HTTP/1.1\r\n" H "\r\n");
		wait_for(&c, "hello\n");
		ck_assert_ptr_null(strstr(c.got.data, "Connection"));
		forget(&c);
	}
	client_send(&c, "GET /hello HTTP/1.1\r\n" H "\r\nGET /later HTTP/1.1\r\n" H
			"\r\n\r\nPOST /size HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc"
			"GET /none HTTP/1.1\r\n" H "\r\nHEAD /stream HTTP/1.1\r\n" H
			"\r\nGET /hello HTTP/1.1\r\n" H CLOSE);
	wait_for_eof(&c);
	ck_assert_uint_eq(count(c.got.data, "HTTP/1.1 "), 6);
	/* In the order of the requests, though the second took its time. */
	ck_assert_before(strstr(c.got.data, "hello"), strstr(c.got.data, "later"));
	ck_assert_before(strstr(c.got.data, "later"), strstr(c.got.data, "\r\n\r\n3HTTP"));
	ck_assert_before(strstr(c.got.data, "\r\n\r\n3HTTP"), strstr(c.got.data, "204 No"));
	ck_assert_uint_eq(n_aborts, 0);
	client_close(&c);
	stop();
}
END_TEST

START_TEST(http_1_0)
{
	struct client c;

	start();
	ck_assert_ptr_nonnull(strstr(fetch("GET /hello HTTP/1.0\r\n\r\n"), "\r\n\r\nhello\n"));
	to_stream = 2000;
	ck_assert_uint_eq(count(fetch("GET /stream HTTP/1.0\r\n\r\n"), "x"), 2000);
	client_open(&c);
	client_send(&c, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	wait_for(&c, "hello\n");
	ck_assert_ptr_nonnull(strstr(c.got.data, "Connection: keep-alive\r\n"));
	client_send(&c, "GET /none HTTP/1.0\r\n\r\n");
	wait_for_eof(&c);
	client_close(&c);
	stop();
}
END_TEST

START_TEST(request_bodies)
{
	static const char *const requests[] = {
		"POST /size HTTP/1.1\r\n" H "Content-Length: 5\r\n" CLOSE "hello",
		"POST /size HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" CLOSE
		"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
		"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n" CLOSE "hello",
	};
	struct client c;

	start();
	ck_assert_ptr_nonnull(strstr(fetch(requests[0]), "\r\n\r\n5"));
	ck_assert_ptr_nonnull(strstr(fetch(requests[1]), "\r\n\r\n5"));
	ck_assert_ptr_nonnull(strstr(fetch(requests[2]), "\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
	/* Every byte in a segment of its own. */
	client_open(&c);
	for (const char *p = requests[1]; *p; p++) {
		ck_assert_int_eq(send(c.fd, p, 1, 0), 1);
		one_turn();
	}
	wait_for(&c, "\r\n\r\n5");
	client_close(&c);
	stop();
}
END_TEST

/* A response that streams while its request still comes; the connection goes on after it. */
START_TEST(streams_both_ways)
{
	struct client c;

	start();
	client_open(&c);
	client_send(
		&c, "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
	wait_for(&c, "one\r\n");
	client_send(&c, "3\r\ntwo\r\n");
	wait_for(&c, "two\r\n");
	client_send(&c, "0\r\n\r\nGET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for(&c, "\r\n0\r\n\r\nHTTP/1.1 200");
	wait_for(&c, "hello\n");
	client_close(&c);
	stop();
}
END_TEST

START_TEST(expect_continue)
{
	struct client c;

	start();
	client_open(&c);
	client_send(&c,
		"POST /size HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	wait_for(&c, "HTTP/1.1 100 Continue\r\n\r\n");
	client_send(&c, "hello");
	wait_for(&c, "\r\n\r\n5");
	/* A handler that does not read sends its verdict instead, and the connection ends. */
	client_send(&c,
		"POST /hello HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
	wait_for_eof(&c);
	ck_assert_uint_eq(count(c.got.data, "100 Continue"), 1);
	ck_assert_ptr_nonnull(strstr(c.got.data, "Connection: close\r\n\r\nhello\n"));
	client_close(&c);
	stop();
}
END_TEST

/* An unread body is dropped when it is small; a large one ends the connection. */
START_TEST(unread_bodies)
{
	struct buf big = BUF_INIT;
	struct client c;

	start();
	client_open(&c);
	client_send(&c, "POST /hello HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n123");
	wait_for(&c, "hello\n");
	ck_assert_ptr_null(strstr(c.got.data, "Connection"));
	forget(&c);
	client_send(&c, "456789GET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for(&c, "hello\n");
	client_send(&c, "POST /hello HTTP/1.1\r\n" H "Content-Length: 99999999\r\n\r\n123");
	wait_for_eof(&c);
	ck_assert_ptr_nonnull(strstr(c.got.data, "Connection: close"));
	client_close(&c);
	/* Without an announced length the limit is found while dropping. */
	client_open(&c);
	buf_puts(&big, "POST /hello HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n500000\r\n");
	memset(buf_extend(&big, 0x4ffff), 'y', 0x4ffff);
	client_send(&c, big.data);
	wait_for_eof(&c);
	ck_assert_ptr_nonnull(strstr(c.got.data, "hello\n"));
	client_close(&c);
	buf_finish(&big);
	stop();
}
END_TEST

/* The handler stops when the client does not read, and goes on when it does. */
START_TEST(response_back_pressure)
{
	struct client c;

	/* A Unix socket holds less than what loopback TCP would take in one go. */
	start_at("unix:/tmp/turf-test-http.sock", (struct http_limits)HTTP_LIMITS_DEFAULT);
	to_stream = 8000000;
	client_open(&c);
	client_send(&c, "GET /stream HTTP/1.1\r\n" H CLOSE);
	while (n_requests == 0)
		one_turn();
	ck_assert_uint_gt(to_stream, 0);
	wait_for_eof(&c);
	ck_assert_uint_eq(to_stream, 0);
	ck_assert_uint_eq(count(c.got.data, "x"), 8000000);
	ck_assert_uint_lt(max_queued, HTTP_WRITE_HIGH_WATER + 2000);
	client_close(&c);
	stop();
}
END_TEST

/* While nobody reads a body its bytes stay in the sockets. */
START_TEST(request_back_pressure)
{
	struct buf big = BUF_INIT;
	struct client c;
	size_t left;

	start();
	client_open(&c);
	ck_assert_int_eq(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
	buf_puts(&big, "POST /keep HTTP/1.1\r\n" H "Content-Length: 20000000\r\n\r\n");
	memset(buf_extend(&big, 20000000), 'y', 20000000);
	client_send(&c, big.data);
	while (n_requests == 0)
		one_turn();
	do {
		left = c.todo.len;
		for (int i = 0; i < 50; i++)
			one_turn();
	} while (c.todo.len < left);
	ck_assert_uint_gt(c.todo.len, 1000000);
	pull(kept_id);
	wait_for(&c, "\r\n\r\n20000000");
	client_close(&c);
	buf_finish(&big);
	stop();
}
END_TEST

START_TEST(exact_length)
{
	char *got;

	start();
	got = fetch("GET /exact HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "Content-Length: 3\r\n"));
	ck_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\nabc");
	got = fetch("HEAD /exact HTTP/1.1\r\n" H CLOSE);
	ck_assert_ptr_nonnull(strstr(got, "Content-Length: 3\r\n"));
	ck_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	stop();
}
END_TEST

/* A body that ends too early must not look complete. */
START_TEST(broken_responses_are_noticed)
{
	static const char *const paths[] = {"GET /short HTTP/1.1\r\n" H "\r\n",
		"GET /cut HTTP/1.1\r\n" H "\r\n", "GET /cut HTTP/1.0\r\n\r\n"};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct client c;

		client_open(&c);
		client_send(&c, paths[i]);
		wait_for_eof(&c);
		ck_assert(c.reset);
		ck_assert_ptr_null(strstr(c.got.data, "0\r\n\r\n"));
		client_close(&c);
	}
	ck_assert_uint_eq(n_aborts, 0);
	stop();
}
END_TEST

START_TEST(bad_requests_do_not_reach_the_handler)
{
	static const struct {
		const char *status, *request;
	} cases[] = {
		{"HTTP/1.1 400 ", "GET / HTTP/1.1\r\n\r\n"},
		{"HTTP/1.1 400 ", "\x16\x03\x01\x02\x01\x01\n"},
		{"HTTP/1.1 505 ", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
		{"HTTP/1.1 501 ", "CONNECT a:1 HTTP/1.1\r\n" H "\r\n"},
		{"HTTP/1.1 400 ", "GET mailto:x HTTP/1.1\r\n" H "\r\n"},
		{"HTTP/1.1 400 ",
			"POST /size HTTP/1.1\r\n" H "Content-Length: 1\r\n"
			"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hello HTTP/1.1\r\n\r\n"},
	};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got = fetch(cases[i].request);

		ck_assert_msg(strncmp(got, cases[i].status, strlen(cases[i].status)) == 0,
			"%s for %s", got, cases[i].request);
		ck_assert_ptr_nonnull(strstr(got, "Connection: close\r\n"));
		ck_assert_uint_eq(count(got, "HTTP/1.1 "), 1);
	}
	ck_assert_uint_eq(n_requests, 0);
	stop();
}
END_TEST

START_TEST(bad_body_is_refused_and_aborts)
{
	struct client c;

	start();
	client_open(&c);
	client_send(
		&c, "POST /size HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n");
	while (n_requests == 0)
		one_turn();
	client_send(&c, "zz\r\nGET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for_eof(&c);
	ck_assert_ptr_nonnull(strstr(c.got.data, "HTTP/1.1 400 "));
	ck_assert_uint_eq(n_aborts, 1);
	ck_assert_uint_eq(n_requests, 1);
	ck_assert_str_eq(abort_reason, "the request's body is malformed");
	client_close(&c);
	stop();
}
END_TEST

START_TEST(client_that_goes_aborts)
{
	struct client c;

	start_at("unix:/tmp/turf-test-http.sock", (struct http_limits)HTTP_LIMITS_DEFAULT);
	client_open(&c);
	client_send(&c, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	client_close(&c);
	while (n_aborts == 0)
		one_turn();
	ck_assert_str_eq(abort_reason, "the client closed the connection");
	respond(kept_id, 200, "nobody"); /* ignored */
	while (http_server_connections(server) > 0)
		one_turn();
	stop();
	ck_assert_int_eq(access("/tmp/turf-test-http.sock", F_OK), -1);
}
END_TEST

START_TEST(half_closed_client_gets_its_response)
{
	struct client c;

	start();
	client_open(&c);
	client_send(&c, "GET /later HTTP/1.1\r\n" H "\r\n");
	while (c.todo.len > 0)
		one_turn();
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	wait_for_eof(&c);
	ck_assert_ptr_nonnull(strstr(c.got.data, "later"));
	ck_assert_uint_eq(n_half_closed, 1);
	ck_assert_uint_eq(n_aborts, 0);
	client_close(&c);
	stop();
}
END_TEST

/* A client that is slow in one of the ways ends within its limit, the others being long. */
static void check_slow(struct http_limits limits, const char *request, const char *status)
{
	struct client c;

	start_at("127.0.0.1:0", limits);
	client_open(&c);
	client_send(&c, request);
	wait_for_eof(&c);
	if (status)
		ck_assert_msg(strstr(c.got.data, status) != NULL, "%s", c.got.data);
	else
		ck_assert_str_eq(c.got.data, "");
	client_close(&c);
	while (http_server_connections(server) > 0)
		one_turn();
	stop();
}

START_TEST(slow_clients)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;

	limits.head_ms = SHORT_MS;
	check_slow(limits, "", NULL);
	check_slow(limits, "GET / HTT", "HTTP/1.1 408 ");
	limits = (struct http_limits)HTTP_LIMITS_DEFAULT;
	limits.body_ms = SHORT_MS;
	check_slow(limits, "POST /size HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n123",
		"HTTP/1.1 408 ");
	ck_assert_uint_eq(n_aborts, 1);
	check_slow(limits, "POST /hello HTTP/1.1\r\n" H "Content-Length: 9\r\n\r\n123", "hello");
	limits = (struct http_limits)HTTP_LIMITS_DEFAULT;
	limits.idle_ms = SHORT_MS;
	check_slow(limits, "GET /hello HTTP/1.1\r\n" H "\r\n", "hello");
}
END_TEST

START_TEST(client_that_does_not_read)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct client c;

	limits.write_ms = SHORT_MS;
	start_at("127.0.0.1:0", limits);
	to_stream = 100000000;
	client_open(&c);
	client_send(&c, "GET /stream HTTP/1.1\r\n" H "\r\n");
	while (c.todo.len > 0)
		one_turn();
	loop_fd_remove(&loop, &c.w);
	while (n_aborts == 0)
		turn(&c);
	ck_assert_str_eq(abort_reason, "the client read the response too slowly");
	client_close(&c);
	stop();
}
END_TEST

START_TEST(full_server)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct client busy, idle, third, fourth;

	limits.connections = 2;
	start_at("127.0.0.1:0", limits);
	client_open(&busy);
	client_send(&busy, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	client_open(&idle);
	client_send(&idle, "GET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for(&idle, "hello\n");
	/* The idle one makes room; the next waits until there is some. */
	client_open(&third);
	client_send(&third, "GET /none HTTP/1.1\r\n" H "\r\n");
	wait_for_eof(&idle);
	wait_for(&third, "204");
	client_send(&third, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests < 4)
		one_turn();
	client_open(&fourth);
	client_send(&fourth, "GET /hello HTTP/1.1\r\n" H "\r\n");
	for (int i = 0; i < 20; i++)
		one_turn();
	ck_assert_uint_eq(fourth.got.len, 0);
	client_close(&third);
	ck_assert_uint_eq(http_server_connections(server), 2);
	respond(kept_id, 200, "done");
	wait_for(&fourth, "hello\n");
	client_close(&busy);
	client_close(&idle);
	client_close(&fourth);
	stop();
}
END_TEST

static void on_done(void *data)
{
	(void)data;
	n_done++;
	loop_stop(&loop);
}

START_TEST(draining)
{
	struct client busy, idle;

	start();
	client_open(&busy);
	client_send(&busy, "GET /keep HTTP/1.1\r\n" H "\r\nGET /hello HTTP/1.1\r\n" H "\r\n");
	client_open(&idle);
	client_send(&idle, "GET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for(&idle, "hello\n");
	ck_assert_uint_eq(n_requests, 2);
	http_server_drain(server, on_done);
	wait_for_eof(&idle);
	ck_assert_uint_eq(n_done, 0);
	respond(kept_id, 200, "last");
	while (n_done == 0)
		turn(&busy);
	wait_for_eof(&busy);
	ck_assert_ptr_nonnull(strstr(busy.got.data, "Connection: close\r\n\r\nlast"));
	ck_assert_ptr_null(strstr(busy.got.data, "hello"));
	client_close(&busy);
	client_close(&idle);
	stop();
}
END_TEST

/* --- addresses --- */

START_TEST(bad_addresses)
{
	static const char *const texts[] = {"", "8080", "x:80", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:8x", "::1:80", "[::1", "[::1]", "1.2.3:80", "unix:", "fd:", "fd:x",
		"fd:-1", "http://x:80"};
	char path[300] = "unix:";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(http_listen_check(texts[i], &err) == -EINVAL, "%s", texts[i]);
	memset(path + 5, 'p', 250);
	ck_assert_int_eq(http_listen_check(path, &err), -EINVAL);
	ck_assert_int_eq(http_listen_check(":80", &err), 0);
	ck_assert_int_eq(http_listen_check("[::1]:0", &err), 0);
	ck_assert_int_eq(http_listen_check("localhost:80", &err), 0);
	ck_assert_int_eq(http_listen("fd:0", &listener, &err) < 0, 1);
	ck_assert_int_eq(http_listen("fd:987", &listener, &err), -EBADF);
}
END_TEST

START_TEST(address_in_use)
{
	struct http_listener other;

	ck_assert_int_eq(http_listen("127.0.0.1:0", &listener, &err), 0);
	ck_assert(listener.chosen_port);
	ck_assert_int_eq(http_listen(listener.text, &other, &err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use already"));
	http_listener_finish(&listener);
}
END_TEST

START_TEST(unix_sockets)
{
	static const char path[] = "unix:/tmp/turf-test-listen.sock";
	struct http_listener other;

	ck_assert_int_eq(http_listen(path, &listener, &err), 0);
	ck_assert_str_eq(listener.text, path);
	ck_assert_int_eq(http_listen(path, &other, &err), -EADDRINUSE);
	/* As a killed worker leaves it. */
	close(listener.fd);
	listener.fd = -1;
	free(listener.unlink);
	ck_assert_int_eq(http_listen(path, &listener, &err), 0);
	http_listener_finish(&listener);
	ck_assert_int_eq(access(path + 5, F_OK), -1);
	/* A file that is no socket is not ours to remove. */
	close(open(path + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(http_listen(path, &listener, &err), -EADDRINUSE);
	ck_assert_int_eq(unlink(path + 5), 0);
}
END_TEST

START_TEST(every_address)
{
	ck_assert_int_eq(http_listen(":0", &listener, &err), 0);
	ck_assert(strncmp(listener.text, "[::]:", 5) == 0 ||
		  strncmp(listener.text, "0.0.0.0:", 8) == 0);
	http_listener_finish(&listener);
}
END_TEST

UNIT_MAIN("http", whole_responses, keep_alive_and_pipelining, http_1_0, request_bodies,
	streams_both_ways, expect_continue, unread_bodies, response_back_pressure,
	request_back_pressure, exact_length, broken_responses_are_noticed,
	bad_requests_do_not_reach_the_handler, bad_body_is_refused_and_aborts,
	client_that_goes_aborts, half_closed_client_gets_its_response, slow_clients,
	client_that_does_not_read, full_server, draining, bad_addresses, address_in_use,
	unix_sockets, every_address)
