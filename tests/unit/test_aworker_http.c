/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses: framing, bodies, back pressure, what is refused. */
#include <fcntl.h>

#include "tests/unit/http_rig.h"

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

UNIT_MAIN("http", whole_responses, keep_alive_and_pipelining, http_1_0, request_bodies,
	streams_both_ways, expect_continue, unread_bodies, response_back_pressure,
	request_back_pressure, exact_length, broken_responses_are_noticed,
	bad_requests_do_not_reach_the_handler)
