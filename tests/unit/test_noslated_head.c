/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and bodies of foreign bytes: what is refused, and what a worker and a client see of the rest. */
#include "seed/noslated/data/head.h"

#include <stdio.h>
#include <string.h>

#include "seed/noslated/data/ids.h"
#include "seed/noslated/data/rewrite.h"
#include "tests/unit/unit.h"

#define OK DATA_OK

static struct head h;

static enum data_error parse_n(const char *text, size_t n)
{
	struct head_scan scan = {0};
	enum data_error e;
	size_t len;

	e = head_scan(&scan, text, n, &len);
	if (e)
		return e;
	ck_assert_uint_gt(len, 0);
	return head_parse_request(text, len, &h);
}

static enum data_error parse(const char *text)
{
	return parse_n(text, strlen(text));
}

#define GET(fields)  "GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define LINE(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"
#define HOST(fields) "GET / HTTP/1.1\r\n" fields "\r\n"

START_TEST(requests)
{
	static const struct {
		const char *text;
		enum data_error error;
	} rows[] = {
		{GET(""), OK},
		{GET("X: \r\nY:z\r\n"), OK},
		{GET("X: caf\xc3\xa9\tz\r\n"), OK},
		{"GET / HTTP/1.0\r\n\r\n", OK},
		{"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", OK},
		{"GET http://h HTTP/1.1\r\nHost: i\r\n\r\n", OK},
		/* lines */
		{"GET / HTTP/1.1\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{GET("X: y\n"), DATA_BAD_REQUEST},
		{GET("X: y\rz\r\n"), DATA_BAD_REQUEST},
		{GET("X: y\r\n z\r\n"), DATA_BAD_REQUEST},
		{GET("X : y\r\n"), DATA_BAD_REQUEST},
		{GET("X\t: y\r\n"), DATA_BAD_REQUEST},
		{GET("X: \x01\r\n"), DATA_BAD_REQUEST},
		{GET("X: \x7f\r\n"), DATA_BAD_REQUEST},
		{GET("X\xff: y\r\n"), DATA_BAD_REQUEST},
		{GET(": y\r\n"), DATA_BAD_REQUEST},
		{GET("X\r\n"), DATA_BAD_REQUEST},
		{"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{"GET / HTTP/1.1 \r\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{"GET / HTTP/1.10\r\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{" GET / HTTP/1.1\r\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{"GET /\r\n\r\n", DATA_BAD_REQUEST},
		{"GET / http/1.1\r\nHost: h\r\n\r\n", DATA_BAD_REQUEST},
		{"GET / HTTP/2.0\r\nHost: h\r\n\r\n", DATA_BAD_VERSION},
		{"GET / HTTP/1.2\r\nHost: h\r\n\r\n", DATA_BAD_VERSION},
		{"get / HTTP/1.1\r\nHost: h\r\n\r\n", DATA_BAD_METHOD},
		{"CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", DATA_BAD_METHOD},
		/* framing */
		{GET("Content-Length: 3\r\n"), OK},
		{GET("Content-Length: 003\r\n"), OK},
		{GET("Transfer-Encoding: Chunked\r\n"), OK},
		{GET("Content-Length: 3\r\nContent-Length: 3\r\n"), DATA_BAD_FRAMING},
		{GET("Content-Length: 3, 3\r\n"), DATA_BAD_FRAMING},
		{GET("Content-Length: +3\r\n"), DATA_BAD_FRAMING},
		{GET("Content-Length: \r\n"), DATA_BAD_FRAMING},
		{GET("Content-Length: 9223372036854775808\r\n"), DATA_BAD_FRAMING},
		{GET("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), DATA_BAD_FRAMING},
		{GET("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
			DATA_BAD_FRAMING},
		{GET("Transfer-Encoding: gzip, chunked\r\n"), DATA_BAD_CODING},
		{GET("Transfer-Encoding: \r\n"), DATA_BAD_CODING},
		{"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", DATA_BAD_FRAMING},
		/* hosts */
		{HOST(""), DATA_BAD_HOST},
		{HOST("Host: h\r\nhost: h\r\n"), DATA_BAD_HOST},
		{HOST("Host: a/b\r\n"), DATA_BAD_HOST},
		{HOST("Host: u@h\r\n"), DATA_BAD_HOST},
		{HOST("Host: a b\r\n"), DATA_BAD_HOST},
		{HOST("Host: [::1]:80\r\n"), OK},
		{HOST("Host: \r\n"), OK},
		/* targets */
		{LINE("x"), DATA_BAD_TARGET},
		{LINE("*"), DATA_BAD_TARGET},
		{LINE("https://h/"), DATA_BAD_TARGET},
		{LINE("http:///x"), DATA_BAD_TARGET},
		{LINE("http://u@h/x"), DATA_BAD_TARGET},
		{LINE("/a/../b"), DATA_BAD_TARGET},
		{LINE("/a/.."), DATA_BAD_TARGET},
		{LINE("/./a"), DATA_BAD_TARGET},
		{LINE("/%2e%2E/a"), DATA_BAD_TARGET},
		{LINE("/.%2e"), DATA_BAD_TARGET},
		{LINE("/a\\..\\b"), DATA_BAD_TARGET},
		{LINE("/a#b"), DATA_BAD_REQUEST},
		{LINE("/.well-known/...?/../x"), OK},
		{LINE("/a..b/%2f"), OK},
		/* others */
		{GET("Expect: 100-Continue\r\n"), OK},
		{GET("Expect: a miracle\r\n"), DATA_BAD_EXPECTATION},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ck_assert_msg(parse(rows[i].text) == rows[i].error, "row %zu: %s instead of %s", i,
			data_error_row(parse(rows[i].text))->name,
			data_error_row(rows[i].error)->name);
	ck_assert_int_eq(
		parse_n("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 37), DATA_BAD_REQUEST);
}
END_TEST

START_TEST(limits)
{
	static char text[2 * HEAD_MAX];
	struct head_scan scan = {0};
	size_t len, n;

	memset(text, 'a', sizeof(text));
	mempcpy(text, "GET /", 5);
	ck_assert_int_eq(head_scan(&scan, text, HEAD_TARGET_MAX + 100, &len), DATA_TARGET_TOO_LONG);
	scan = (struct head_scan){0};
	mempcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
	ck_assert_int_eq(head_scan(&scan, text, HEAD_MAX - 1, &len), DATA_OK);
	ck_assert_int_eq(head_scan(&scan, text, HEAD_MAX, &len), DATA_HEAD_TOO_LARGE);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n", HEAD_HOST_MAX, 1);
	ck_assert_int_eq(parse_n(text, n), DATA_OK);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n", HEAD_HOST_MAX + 1, 1);
	ck_assert_int_eq(parse_n(text, n), DATA_BAD_HOST);
	n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < HEAD_FIELDS_MAX; i++)
		n += (size_t)sprintf(text + n, "X: y\r\n");
	n += (size_t)sprintf(text + n, "\r\n");
	ck_assert_int_eq(parse_n(text, n), DATA_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(what_a_worker_sees)
{
	static const struct {
		const char *in, *out;
		bool trusts;
	} rows[] = {
		{GET("X-A: 1\r\nConnection: x-b, close\r\nX-B: 2\r\nKeep-Alive: 3\r\nX-C:4\r\n"),
			"GET / HTTP/1.1\r\nhost: h\r\nX-A: 1\r\nX-C:4\r\nx-forwarded-for: c\r\n"
			"x-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-request-id: i\r\n"
			"traceparent: t\r\nvia: 1.1 noslated\r\n\r\n",
			false},
		{"POST http://o:81/p?q HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
		 "TE: trailers\r\nTrailer: x\r\nProxy-Connection: y\r\nProxy: z\r\nUpgrade: h2c\r\n"
		 "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6\r\nX-Request-Id: mine\r\n"
		 "Traceparent: bad\r\nTracestate: a=b\r\nVia: 1.0 other\r\nx-noslate-function: "
		 "f\r\n\r\n",
			"POST /p?q HTTP/1.1\r\nhost: o:81\r\nVia: 1.0 other\r\nx-forwarded-for: "
			"c\r\n"
			"x-forwarded-proto: http\r\nx-forwarded-host: o:81\r\nx-request-id: i\r\n"
			"traceparent: t\r\nvia: 1.1 noslated\r\ntransfer-encoding: chunked\r\n\r\n",
			false},
		{GET("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\nX-Forwarded-Proto: "
		     "https\r\n"
		     "X-Forwarded-Host: e\r\nContent-Length: 07\r\nExpect: 100-continue\r\n"),
			"GET / HTTP/1.1\r\nhost: h\r\nX-Forwarded-Proto: "
			"https\r\nX-Forwarded-Host: e\r\n"
			"x-forwarded-for: 1.1.1.1, 2.2.2.2, c\r\nx-request-id: i\r\ntraceparent: "
			"t\r\n"
			"via: 1.1 noslated\r\ncontent-length: 7\r\nexpect: 100-continue\r\n\r\n",
			true},
		{"GET / HTTP/1.0\r\n\r\n",
			"GET / HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: c\r\n"
			"x-forwarded-proto: http\r\nx-request-id: i\r\ntraceparent: t\r\n"
			"via: 1.1 noslated\r\n\r\n",
			false},
		{GET("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"),
			"GET / HTTP/1.1\r\nhost: h\r\nSec-WebSocket-Key: k\r\nx-forwarded-for: "
			"c\r\n"
			"x-forwarded-proto: http\r\nx-forwarded-host: h\r\nx-request-id: i\r\n"
			"traceparent: t\r\nvia: 1.1 noslated\r\nconnection: upgrade\r\n"
			"upgrade: websocket\r\n\r\n",
			false},
	};
	char to[4096];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rewrite_request with = {.request_id = "i",
			.traceparent = "t",
			.client = "c",
			.trusts_front = rows[i].trusts};
		size_t n;

		ck_assert_int_eq(parse(rows[i].in), DATA_OK);
		n = rewrite_request(&h, &with, to, sizeof(to));
		to[n] = '\0';
		ck_assert_str_eq(to, rows[i].out);
		/* A byte less is too little. */
		ck_assert_uint_eq(rewrite_request(&h, &with, to, n - 1), 0);
	}
}
END_TEST

START_TEST(responses)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
		enum rewrite_framing framing;
	} rows[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close, x-a\r\nX-A: 1\r\nX-B: "
		 "2\r\n\r\n",
			"HTTP/1.1 200 OK\r\nX-B: 2\r\nx-request-id: i\r\ncontent-length: 3\r\n\r\n",
			REWRITE_LENGTH},
		{"HTTP/1.1 404\r\nTransfer-Encoding: chunked\r\nx-noslate-error: lie\r\n\r\n",
			"HTTP/1.1 404 \r\nx-request-id: i\r\ntransfer-encoding: chunked\r\n\r\n",
			REWRITE_CHUNKED},
		{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
			"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", REWRITE_NONE},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", NULL,
			0},
		{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", NULL, 0},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", NULL, 0},
		{"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", NULL, 0},
		{"HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", NULL, 0},
		{"HTTP/1.1 99 OK\r\n\r\n", NULL, 0},
		{"HTTP/1.1 600 OK\r\n\r\n", NULL, 0},
		{"HTTP/1.1 2000 OK\r\n\r\n", NULL, 0},
		{"HTTP/1.1  200 OK\r\n\r\n", NULL, 0},
		{"HTTP/3.1 200 OK\r\n\r\n", NULL, 0},
		{"ICY 200 OK\r\n\r\n\r\n\r\n", NULL, 0},
	};
	char to[1024];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct rewrite_response with = {
			.request_id = "i", .framing = rows[i].framing};
		const bool good = head_parse_response(rows[i].in, strlen(rows[i].in), &h);

		ck_assert_msg(good == (rows[i].out != NULL), "row %zu", i);
		if (!good)
			continue;
		to[rewrite_response(&h, &with, to, sizeof(to))] = '\0';
		ck_assert_str_eq(to, rows[i].out);
	}
}
END_TEST

/* The pieces of a body that comes in pieces of `step`; NULL: it is bad. */
static const char *decode(const char *text, size_t step, bool *done)
{
	static char out[256];
	struct body b = {.state = BODY_SIZE};
	size_t at = 0, n = 0, len;
	const size_t size = strlen(text);

	while (at < size && b.state != BODY_DONE && b.state != BODY_BAD) {
		at += body_next(&b, text + at, step < size - at ? step : size - at, &len);
		memcpy(out + n, text + at - len, len);
		n += len;
	}
	out[n] = '\0';
	*done = b.state == BODY_DONE;
	return b.state == BODY_BAD ? NULL : out;
}

START_TEST(chunks)
{
	static const struct {
		const char *in, *out; /* NULL: bad */
		bool done;
	} rows[] = {
		{"3\r\nabc\r\n0\r\n\r\n", "abc", true},
		{"1\r\na\r\n00002;x=\"y\"\r\nbc\r\n0;z\r\nA: b\r\n\r\n", "abc", true},
		{"A\r\n0123456789\r\n0\r\n\r\nGET", "0123456789", true},
		{"3\r\nabc\r\n0\r\n", "abc", false},
		{"3\nabc\r\n0\r\n\r\n", NULL, false},
		{"3\r\nabcd\r\n0\r\n\r\n", NULL, false},
		{" 3\r\nabc\r\n0\r\n\r\n", NULL, false},
		{"-3\r\nabc\r\n0\r\n\r\n", NULL, false},
		{"0x3\r\nabc\r\n0\r\n\r\n", NULL, false},
		{"\r\nabc\r\n0\r\n\r\n", NULL, false},
		{"1000000000000000\r\nabc", NULL, false},
		{"0\r\nGET / HTTP/1.1\r\n\r\n", NULL, false},
		{"0\r\n\n", NULL, false},
		{"3;\x01\r\nabc", NULL, false},
	};
	bool done;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t step = 1; step < 20; step++) {
			const char *out = decode(rows[i].in, step, &done);

			ck_assert_msg(
				out && rows[i].out ? streq(out, rows[i].out) : out == rows[i].out,
				"row %zu by %zu", i, step);
			ck_assert_int_eq(done, rows[i].done);
		}
	}
}
END_TEST

START_TEST(errors)
{
	char text[1024];

	for (int e = DATA_BAD_REQUEST; e < DATA_CLIENT_LEFT; e++) {
		const struct data_error_row *r = data_error_row(e);
		const size_t n = data_error_write(text, sizeof(text), e, "id", false, true);

		ck_assert_msg(
			r->name && r->status >= 400 && *r->reason && *r->sentence, "error %d", e);
		ck_assert_ptr_nonnull(strstr(text, "\r\nx-request-id: id\r\n"));
		ck_assert_ptr_nonnull(strstr(text, r->name));
		ck_assert(head_parse_response(
			text, (size_t)(strstr(text, "\r\n\r\n") + 4 - text), &h));
		ck_assert_uint_eq(h.length, strlen(strstr(text, "\r\n\r\n") + 4));
		ck_assert_uint_eq(data_error_write(text, n, e, "id", false, true), 0);
	}
}
END_TEST

START_TEST(ids)
{
	struct ids i;
	char id[IDS_MADE + 1], other[IDS_MADE + 1], trace[IDS_TRACE + 1];

	ck_assert_int_eq(ids_init(&i), 0);
	ids_make(&i, id);
	ids_make(&i, other);
	ck_assert_str_ne(id, other);
	ids_make_trace(&i, id, trace);
	ck_assert(ids_request_is_sane(id, IDS_MADE) && ids_trace_is_sane(trace, strlen(trace)));
	ck_assert(!ids_request_is_sane("", 0) && !ids_request_is_sane("a b", 3) &&
		  !ids_request_is_sane("a\"", 2));
	trace[1] = '1';
	ck_assert(!ids_trace_is_sane(trace, strlen(trace)));
}
END_TEST

UNIT_MAIN("noslated_head", requests, limits, what_a_worker_sees, responses, chunks, errors, ids)
