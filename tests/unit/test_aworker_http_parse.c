/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the HTTP server that are functions on bytes. */
#include <errno.h>
#include <stdio.h>

#include "aworker/http/http_priv.h"
#include "tests/unit/unit.h"

static struct http_head head;

/* 0, or the status that a request with this head is refused with; fed byte by byte. */
static int parse(const char *text)
{
	struct http_scan scan = {0}, whole = {0};
	size_t len = 0, whole_len = 0, n = strlen(text);
	int r = 0, r2;

	r2 = http_head_scan(&whole, text, n, &whole_len);
	for (size_t i = 1; i <= n && r == 0 && len == 0; i++)
		r = http_head_scan(&scan, text, i, &len);
	ck_assert_int_eq(r, r2);
	ck_assert_uint_eq(len, whole_len);
	if (r == 0 && len == 0)
		return -1; /* no end */
	return r ? r : http_head_parse(text, len, &head);
}

#define H "Host: a\r\n"

START_TEST(head_of_a_request)
{
	struct buf url = BUF_INIT;
	size_t origin_len;

	ck_assert_int_eq(parse("POST /a?b HTTP/1.1\r\nHost: ex.org:81\r\nX-One: \t 1 2 \t\r\n"
			       "X-Empty:\r\nX-Empty2: \r\nContent-Length: 17\r\n\r\nrest"),
		0);
	ck_assert_uint_eq(head.n_strings, 10);
	ck_assert_int_eq(strncmp(head.method, "POST", head.method_len), 0);
	ck_assert_int_eq(strncmp(head.strings[3], "1 2", head.lens[3]), 0);
	ck_assert_uint_eq(head.lens[3], 3);
	ck_assert_uint_eq(head.lens[5], 0);
	ck_assert_uint_eq(head.lens[7], 0);
	ck_assert(head.has_length && head.length == 17 && !head.chunked && head.keep_alive);
	ck_assert(http_head_url(&head, &url, &origin_len));
	ck_assert_str_eq(url.data, "http://ex.org:81/a?b");
	ck_assert_uint_eq(origin_len, strlen("http://ex.org:81"));
	buf_finish(&url);
}
END_TEST

static void check_url(const char *text, const char *expected)
{
	struct buf url = BUF_INIT;
	int status = parse(text);
	size_t origin_len;

	ck_assert_int_eq(status, !expected && status ? 400 : 0);
	if (!expected) {
		ck_assert(status || !http_head_url(&head, &url, &origin_len));
	} else {
		ck_assert(http_head_url(&head, &url, &origin_len));
		ck_assert_str_eq(url.data, expected);
	}
	buf_finish(&url);
}

/* What goes on as it is must be what the parser of URLs makes of it. */
START_TEST(targets_that_need_no_parser)
{
	static const struct {
		const char *target;
		bool plain;
	} cases[] = {{"/", true}, {"/a/b.c?d=e&f=(g)", true}, {"//a//", true}, {"/a..b/c.", true},
		{"/.", false}, {"/..", false}, {"/a/../b", false}, {"/.a", false}, {"/%2e", false},
		{"/a%20b", false}, {"/a\\b", false}, {"/a|b", false}, {"/a'b", false},
		{"/a^b", false}, {"/a`b", false}, {"/{a}", false}, {"/a\"b", false},
		{"/a<b>", false}, {"http://x/y", false}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf url = BUF_INIT;
		char text[128];
		size_t origin_len;

		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" H "\r\n", cases[i].target);
		if (parse(text) != 0)
			continue;
		ck_assert(http_head_url(&head, &url, &origin_len));
		ck_assert_msg((origin_len > 0) == cases[i].plain, "%s", cases[i].target);
		ck_assert(!cases[i].plain || streq(url.data + origin_len, cases[i].target));
		buf_finish(&url);
	}
}
END_TEST

START_TEST(urls)
{
	static const char utf8[] = "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n";

	check_url("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "http://[::1]:80/");
	check_url("GET http://x/y HTTP/1.1\r\n" H "\r\n", "http://x/y");
	check_url("OPTIONS * HTTP/1.1\r\n" H "\r\n", "http://a/");
	check_url("GET /z HTTP/1.0\r\n\r\n", "http://localhost/z");
	/* No ASCII: llhttp is built to let it pass on Debian 12, to refuse it on Debian 13. */
	if (parse(utf8) == 0)
		check_url(utf8, "http://a/%C3%A4");
	else
		ck_assert_int_eq(parse(utf8), 400);
	check_url("GET //b/c HTTP/1.1\r\n" H "\r\n", "http://a//b/c");
	check_url("GET http://x?y HTTP/1.1\r\n" H "\r\n", "http://x?y");
	check_url("GET ftp://x/ HTTP/1.1\r\n" H "\r\n", NULL);
	check_url("GET http://u:p@x/ HTTP/1.1\r\n" H "\r\n", NULL);
	check_url("GET http:///x HTTP/1.1\r\n" H "\r\n", NULL);
	check_url("GET http://?x HTTP/1.1\r\n" H "\r\n", NULL);
	check_url("GET http://x\\y/ HTTP/1.1\r\n" H "\r\n", NULL);
	check_url("GET /x#y HTTP/1.1\r\n" H "\r\n", NULL);
}
END_TEST

START_TEST(keep_alive)
{
	ck_assert_int_eq(parse("GET / HTTP/1.1\r\n" H "Connection: x, Close\r\n\r\n"), 0);
	ck_assert(!head.keep_alive);
	ck_assert_int_eq(parse("GET / HTTP/1.0\r\n\r\n"), 0);
	ck_assert(!head.keep_alive);
	ck_assert_int_eq(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), 0);
	ck_assert(head.keep_alive);
	ck_assert_int_eq(
		parse("GET / HTTP/1.1\r\n" H "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n"), 0);
	ck_assert(head.keep_alive);
}
END_TEST

/* What must not reach a handler, and with which status it is refused. */
static const struct {
	int status;
	const char *text;
} bad[] = {
	/* smuggling */
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 0x3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H
	      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
	{501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
	{501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
	      "chunked\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length : 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H " Content-Length: 3\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n Content-Length: 3\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: a\rTransfer-Encoding: chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "\rTransfer-Encoding: chunked\r\n\r\n"},
	{400, "GET / HTTP/1.1\n" H "\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
	/* hosts */
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H H "\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	/* lines */
	{400, "GET /\r\n" H "\r\n"},
	{400, "GET\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1 \r\n" H "\r\n"},
	{400, "GET /a b HTTP/1.1\r\n" H "\r\n"},
	{400, "GET  / HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /  HTTP/1.1\r\n" H "\r\n"},
	{400, "GET  HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /\x01 HTTP/1.1\r\n" H "\r\n"},
	{400, "GET /\t HTTP/1.1\r\n" H "\r\n"},
	{400, " GET / HTTP/1.1\r\n" H "\r\n"},
	{400, "GE(T / HTTP/1.1\r\n" H "\r\n"},
	{400, "GET / HTTP/1.1\r\n" H ": x\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "a b: x\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: \x7f\r\n\r\n"},
	{505, "GET / HTTP/2.0\r\n" H "\r\n"},
	{505, "GET / HTTP/1.2\r\n" H "\r\n"},
	{505, "PRI * HTTP/2.0\r\n\r\n"},
	{400, "DESCRIBE / RTSP/1.0\r\n" H "\r\n"},
	{501, "CONNECT a:80 HTTP/1.1\r\n" H "\r\n"},
	{501, "FROB / HTTP/1.1\r\n" H "\r\n"},
	{417, "POST / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n"},
};

START_TEST(refused_heads)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int status = parse(bad[i].text);

		ck_assert_msg(status == bad[i].status, "%d for:\n%s", status, bad[i].text);
	}
}
END_TEST

START_TEST(nul_in_a_head)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
	struct http_scan scan = {0};
	size_t len;

	ck_assert_int_eq(http_head_scan(&scan, text, sizeof(text) - 1, &len), 0);
	ck_assert_uint_eq(len, sizeof(text) - 1);
	ck_assert_int_eq(http_head_parse(text, len, &head), 400);
}
END_TEST

/* A request line and `n` header fields; a target of `target` bytes. */
static int parse_big(size_t target, size_t n, size_t value)
{
	struct buf b = BUF_INIT;
	int r;

	buf_puts(&b, "GET /");
	memset(buf_extend(&b, target - 1), 'a', target - 1);
	buf_puts(&b, " HTTP/1.1\r\nHost: a\r\n");
	for (size_t i = 1; i < n; i++) {
		buf_puts(&b, "X: ");
		memset(buf_extend(&b, value), 'b', value);
		buf_puts(&b, "\r\n");
	}
	buf_puts(&b, "\r\n");
	ck_assert(!buf_failed(&b));
	r = parse(b.data);
	buf_finish(&b);
	return r;
}

START_TEST(limits_of_heads)
{
	ck_assert_int_eq(parse_big(HTTP_TARGET_MAX, 1, 0), 0);
	ck_assert_int_eq(parse_big(HTTP_TARGET_MAX + 1, 1, 0), 414);
	ck_assert_int_eq(parse_big(HTTP_TARGET_MAX + 100, 1, 0), 414);
	ck_assert_int_eq(parse_big(2, HTTP_HEADERS_MAX, 2), 0);
	ck_assert_int_eq(parse_big(2, HTTP_HEADERS_MAX + 1, 2), 431);
	ck_assert_int_eq(parse_big(2, 2, HTTP_HEAD_MAX - 100), 0);
	ck_assert_int_eq(parse_big(2, 2, HTTP_HEAD_MAX), 431);
}
END_TEST

/* --- bodies --- */

static char decoded[256];

/* The final state of a chunked body fed in steps of `step` bytes; decoded text in `decoded`. */
static enum http_body_state decode(const char *text, size_t step, size_t *ret_taken)
{
	struct http_head h = {.chunked = true};
	struct http_body b;
	size_t n = strlen(text), at = 0, out = 0;

	http_body_init(&b, &h);
	while (at < n && b.state != HTTP_BODY_DONE && b.state != HTTP_BODY_BAD) {
		char piece[256];
		size_t len = n - at < step ? n - at : step, taken, got;

		memcpy(piece, text + at, len);
		got = http_body_decode(&b, piece, len, &taken);
		memcpy(decoded + out, piece, got);
		out += got;
		at += taken;
	}
	decoded[out] = '\0';
	*ret_taken = at;
	return b.state;
}

START_TEST(chunked_bodies)
{
	static const char text[] =
		"5;ext=\"a b\"\r\nhello\r\n1 \r\n,\r\n006\r\n world\r\n0\r\nX: y\r\n\r\nGET";
	size_t taken;

	for (size_t step = 1; step < sizeof(text); step++) {
		ck_assert_int_eq(decode(text, step, &taken), HTTP_BODY_DONE);
		ck_assert_str_eq(decoded, "hello, world");
		ck_assert_uint_eq(taken, sizeof(text) - 1 - 3);
	}
}
END_TEST

START_TEST(bad_chunks)
{
	static const char *const texts[] = {
		"\r\n",
		"x\r\n",
		"5\nhello\r\n",
		"5\rhello",
		"5\r\nhello0\r\n\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"5\r\nhello\r0\r\n\r\n",
		"-5\r\nhello\r\n",
		"0x5\r\n",
		"5;a\nb\r\n",
		"5\v\r\n",
		"1234567890abcdef0\r\n",
		"ffffffffffffffff\r\n",
		"0\r\nX: y\n\r\n",
		"0\r\n\n",
		"0\r\nX: y\rZ\r\n\r\n",
		"0\r\n\rX",
		"0\r\n: y\r\n\r\n",
		"0\r\nX\r\n\r\n",
		"0\r\nX : y\r\n\r\n",
		"0\r\n X: y\r\n\r\n",
		"0\r\nX: y\r\n folded\r\n\r\n",
		"0\r\nGET / HTTP/1.1\r\nX: y\r\n\r\n",
		";a\r\n",
		" 5\r\n",
	};
	size_t taken;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		for (size_t step = 1; step < 9; step++)
			ck_assert_msg(
				decode(texts[i], step, &taken) == HTTP_BODY_BAD, "%s", texts[i]);
	}
}
END_TEST

/* Extensions or trailers without end are refused though no byte of a body comes. */
START_TEST(limits_of_bodies)
{
	static const char *const starts[] = {"1;", "0\r\nX: "};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		struct http_head h = {.chunked = true};
		struct http_body b;
		char text[8];
		size_t taken, n = 0;

		http_body_init(&b, &h);
		strcpy(text, starts[i]);
		http_body_decode(&b, text, strlen(text), &taken);
		while (b.state != HTTP_BODY_BAD && n++ < 100000) {
			text[0] = 'e';
			http_body_decode(&b, text, 1, &taken);
		}
		ck_assert_uint_le(n, HTTP_TRAILER_MAX);
	}
}
END_TEST

START_TEST(body_of_a_length)
{
	struct http_head h = {.has_length = true, .length = 5};
	char text[] = "helloGET";
	struct http_body b;
	size_t taken;

	http_body_init(&b, &h);
	ck_assert_uint_eq(http_body_decode(&b, text, 2, &taken), 2);
	ck_assert_int_eq(b.state, HTTP_BODY_LENGTH);
	ck_assert_uint_eq(http_body_decode(&b, text + 2, 6, &taken), 3);
	ck_assert_uint_eq(taken, 3);
	ck_assert_int_eq(b.state, HTTP_BODY_DONE);
	h.length = 0;
	http_body_init(&b, &h);
	ck_assert_int_eq(b.state, HTTP_BODY_DONE);
}
END_TEST

/* --- responses --- */

START_TEST(dates)
{
	static const time_t times[] = {
		0, 784111777, 951782400, 951868799, 1709164800, 4107542400, 1893455999};
	char text[HTTP_DATE_MAX], expected[64];

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct tm tm;

		gmtime_r(&times[i], &tm);
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		http_date(times[i], text);
		ck_assert_str_eq(text, expected);
	}
}
END_TEST

static int check_response(int status, const char *reason, const char *name, const char *value)
{
	const char *strings[] = {name, value};
	const size_t lens[] = {strlen(name), strlen(value)};
	const struct http_response r = {status, reason, strlen(reason), strings, lens, 2};
	struct err err;

	return http_response_check(&r, &err);
}

START_TEST(response_splitting_is_refused)
{
	ck_assert_int_eq(check_response(200, "OK", "x-a", "b"), 0);
	ck_assert_int_eq(check_response(599, "", "x-a", "\xff"), 0);
	ck_assert_int_eq(check_response(199, "", "x-a", "b"), -ERANGE);
	ck_assert_int_eq(check_response(600, "", "x-a", "b"), -ERANGE);
	ck_assert_int_eq(check_response(200, "a\r\nSet-Cookie: x", "x-a", "b"), -EINVAL);
	ck_assert_int_eq(check_response(200, "", "x-a", "b\r\nSet-Cookie: x"), -EINVAL);
	ck_assert_int_eq(check_response(200, "", "x-a", "b\n"), -EINVAL);
	ck_assert_int_eq(check_response(200, "", "x a", "b"), -EINVAL);
	ck_assert_int_eq(check_response(200, "", "", "b"), -EINVAL);
	ck_assert_int_eq(check_response(200, "", "a:b", "b"), -EINVAL);
}
END_TEST

START_TEST(framing_fields_are_ours)
{
	const char *strings[] = {"Transfer-Encoding", "gzip", "content-length", "99", "X-A", "b",
		"Connection", "upgrade, close", "Keep-Alive", "x", "Date", "today"};
	size_t lens[ARRAY_SIZE(strings)];
	struct http_response r = {200, "", 0, strings, lens, ARRAY_SIZE(strings)};
	struct http_frame frame = {.framing = HTTP_FRAME_LENGTH, .length = 5};
	struct buf out = BUF_INIT;
	uint64_t length;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		lens[i] = strlen(strings[i]);
	ck_assert(http_response_length(&r, &length));
	ck_assert_uint_eq(length, 99);
	http_response_head(&out, &r, &frame, "Sun, 06 Nov 1994 08:49:37 GMT");
	ck_assert_str_eq(out.data, "HTTP/1.1 200 OK\r\nX-A: b\r\nDate: today\r\n"
				   "Content-Length: 5\r\nConnection: close\r\n\r\n");
	ck_assert(frame.close);
	buf_finish(&out);
}
END_TEST

UNIT_MAIN("http_parse", head_of_a_request, targets_that_need_no_parser, urls, keep_alive,
	refused_heads, nul_in_a_head, limits_of_heads, chunked_bodies, bad_chunks, limits_of_bodies,
	body_of_a_length, dates, response_splitting_is_refused, framing_fields_are_ours)
