/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that break off, go, wait or are too many, and the end of the server. */
#include "tests/unit/http_rig.h"

/* What a test with short limits calls short. */
#define SHORT_MS 30

static unsigned n_done;

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

/* A reset is told at once, without a write of ours. */
START_TEST(client_that_resets_aborts)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct client c;

	start();
	client_open(&c);
	client_send(&c, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	ck_assert_int_eq(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	client_close(&c);
	while (n_aborts == 0)
		one_turn();
	stop();
}
END_TEST

/* Over TCP a client that is gone looks like one that only listens, until something is sent. */
START_TEST(client_that_closes_aborts_when_written_to)
{
	struct client c;

	start();
	client_open(&c);
	client_send(&c, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	client_close(&c);
	while (n_half_closed == 0)
		one_turn();
	ck_assert_uint_eq(n_aborts, 0);
	ck_assert(stream(kept_id, NULL));
	while (n_aborts == 0) {
		http_write(server, kept_id, "x", 1);
		one_turn();
	}
	ck_assert_str_eq(abort_reason, "the client closed the connection");
	ck_assert_uint_eq(n_half_closed, 1);
	stop();
}
END_TEST

/* Each request that was sent ahead hears of it, the last one as well. */
START_TEST(half_closed_while_requests_wait)
{
	struct client c;

	start();
	client_open(&c);
	client_send(&c, "GET /keep HTTP/1.1\r\n" H "\r\nGET /later HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	ck_assert_int_eq(shutdown(c.fd, SHUT_WR), 0);
	while (n_half_closed == 0)
		one_turn();
	respond(kept_id, 200, "first");
	wait_for_eof(&c);
	ck_assert_before(strstr(c.got.data, "first"), strstr(c.got.data, "later"));
	ck_assert_uint_eq(n_half_closed, 2);
	ck_assert_uint_eq(n_aborts, 0);
	client_close(&c);
	stop();
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

START_TEST(full_server_has_room_when_one_is_idle_again)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct client busy, next;

	limits.connections = 1;
	start_at("127.0.0.1:0", limits);
	client_open(&busy);
	client_send(&busy, "GET /keep HTTP/1.1\r\n" H "\r\n");
	while (n_requests == 0)
		one_turn();
	client_open(&next);
	client_send(&next, "GET /hello HTTP/1.1\r\n" H "\r\n");
	for (int i = 0; i < 20; i++)
		one_turn();
	ck_assert_uint_eq(next.got.len, 0);
	respond(kept_id, 200, "done");
	wait_for(&busy, "done");
	wait_for(&next, "hello\n");
	client_close(&busy);
	client_close(&next);
	stop();
}
END_TEST

/* Who owes a head makes room, the oldest first; those that are idle go before. */
START_TEST(silent_clients_shut_nobody_out)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct client silent, slow, idle, next[3];

	limits.connections = 3;
	start_at("127.0.0.1:0", limits);
	client_open(&silent);
	client_open(&slow);
	client_send(&slow, "GET /hello HTTP/1.1\r\nHo");
	client_open(&idle);
	client_send(&idle, "GET /hello HTTP/1.1\r\n" H "\r\n");
	wait_for(&idle, "hello\n");
	ck_assert_uint_eq(http_server_connections(server), 3);
	for (size_t i = 0; i < ARRAY_SIZE(next); i++) {
		client_open(&next[i]);
		client_send(&next[i], "GET /keep HTTP/1.1\r\n" H "\r\n");
		while (n_requests < 2 + i)
			one_turn();
		wait_for_eof(i == 0 ? &idle : i == 1 ? &silent : &slow);
	}
	ck_assert_uint_eq(http_server_connections(server), 3);
	for (size_t i = 0; i < ARRAY_SIZE(next); i++)
		client_close(&next[i]);
	client_close(&silent);
	client_close(&slow);
	client_close(&idle);
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

UNIT_MAIN("http clients", bad_body_is_refused_and_aborts, client_that_goes_aborts,
	client_that_resets_aborts, client_that_closes_aborts_when_written_to,
	half_closed_while_requests_wait, half_closed_client_gets_its_response, slow_clients,
	client_that_does_not_read, full_server, full_server_has_room_when_one_is_idle_again,
	silent_clients_shut_nobody_out, draining)
