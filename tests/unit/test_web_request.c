/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as the admin API reads them: in pieces, several in a row, too large ones; paths and queries. */
#include <stdio.h>
#include <string.h>

#include "seed/noslated/web/request.h"
#include "tests/unit/unit.h"

static struct web_parser *parser;
static struct err err;

static enum web_parsed feed(const char *text, size_t len, size_t *ret_used)
{
	enum web_parsed r = WEB_MORE;

	*ret_used = 0;
	while (*ret_used < len && (r == WEB_MORE || r == WEB_CONTINUE)) {
		size_t used;

		r = web_parser_feed(parser, text + *ret_used, len - *ret_used, &used);
		*ret_used += used;
	}
	return r;
}

static enum web_parsed feed_all(const char *text)
{
	size_t used;

	web_parser_destroy(parser);
	parser = web_parser_create();
	ck_assert_ptr_nonnull(parser);
	return feed(text, strlen(text), &used);
}

#define refused(text, code)                                            \
	do {                                                           \
		ck_assert_int_eq(feed_all(text), WEB_BAD);             \
		ck_assert_int_eq(web_parser_status(parser), code);     \
		ck_assert_int_eq(feed("x", 1, &(size_t){0}), WEB_BAD); \
	} while (0)

START_TEST(in_pieces)
{
	static const char text[] = "PUT /v1/functions?a=1 HTTP/1.1\r\nHost: x:1\r\nContent-Length: "
				   "5\r\n\r\nhello";
	const struct web_request *r;
	size_t used;

	parser = web_parser_create();
	for (size_t i = 0; i < sizeof(text) - 2; i++) {
		ck_assert_int_eq(feed(text + i, 1, &used), WEB_MORE);
		ck_assert(web_parser_is_amid(parser));
	}
	ck_assert_int_eq(feed(text + sizeof(text) - 2, 1, &used), WEB_WHOLE);
	r = web_parser_request(parser);
	ck_assert_int_eq(r->method, WEB_PUT);
	ck_assert_str_eq(r->target, "/v1/functions");
	ck_assert_str_eq(r->query, "a=1");
	ck_assert_str_eq(r->host, "x:1");
	ck_assert_uint_eq(r->body.len, 5);
	ck_assert_mem_eq(r->body.data, "hello", 5);
	ck_assert(r->keep_alive);
	web_parser_destroy(parser);
}
END_TEST

START_TEST(in_a_row)
{
	static const char text[] =
		"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n0\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n";
	const char *at = text;
	size_t used;

	parser = web_parser_create();
	ck_assert_int_eq(feed(at, strlen(at), &used), WEB_WHOLE);
	ck_assert_str_eq(web_parser_request(parser)->target, "/a");
	ck_assert_uint_eq(web_parser_request(parser)->body.len, 3);
	web_parser_next(parser);
	ck_assert(!web_parser_is_amid(parser));
	at += used;
	ck_assert_int_eq(feed(at, strlen(at), &used), WEB_WHOLE);
	ck_assert_str_eq(web_parser_request(parser)->target, "/b");
	ck_assert_str_eq(web_parser_request(parser)->query, "");
	ck_assert_uint_eq(web_parser_request(parser)->body.len, 0);
	ck_assert(!web_parser_request(parser)->keep_alive);
	ck_assert_uint_eq(used, strlen(at));
	web_parser_destroy(parser);
}
END_TEST

START_TEST(asks_for_the_body)
{
	static const char head[] =
		"PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
	size_t used;

	parser = web_parser_create();
	ck_assert_int_eq(web_parser_feed(parser, head, strlen(head), &used), WEB_CONTINUE);
	ck_assert_int_eq(web_parser_feed(parser, "ab", 2, &used), WEB_WHOLE);
	ck_assert_mem_eq(web_parser_request(parser)->body.data, "ab", 2);
	web_parser_destroy(parser);
}
END_TEST

START_TEST(too_much)
{
	static char text[WEB_HEAD_MAX * 2 + 100];
	size_t used;
	int n;

	n = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n\r\n", WEB_TARGET_MAX, 0);
	refused(text, 414);
	n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA: ");
	memset(text + n, 'a', sizeof(text) - (size_t)n);
	web_parser_destroy(parser);
	parser = web_parser_create();
	ck_assert_int_eq(feed(text, sizeof(text), &used), WEB_BAD);
	ck_assert_int_eq(web_parser_status(parser), 431);
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %0*d\r\n\r\n", WEB_HOST_MAX, 0);
	refused(text, 431);
	snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nContent-Length: %u\r\n\r\n",
		WEB_BODY_MAX + 1);
	refused(text, 413);
	snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
	ck_assert_int_eq(feed_all(text), WEB_MORE);
	snprintf(text, sizeof(text), "%x\r\n", WEB_BODY_MAX + 1);
	ck_assert_int_eq(feed(text, strlen(text), &used), WEB_MORE);
	for (size_t left = WEB_BODY_MAX; left > 0; left -= 4096)
		ck_assert_int_eq(web_parser_feed(parser, text, 4096, &used), WEB_MORE);
	ck_assert_int_eq(web_parser_feed(parser, text, 1, &used), WEB_BAD);
	ck_assert_int_eq(web_parser_status(parser), 413);
	web_parser_destroy(parser);
}
END_TEST

START_TEST(none)
{
	refused("\x16\x03\x01", 400);
	refused("GET / HTTP/1.0\r\n\r\n", 505);
	refused("GET /\r\n\r\n", 505);
	refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
	refused("PUT / HTTP/1.1\r\nExpect: wonders\r\n\r\n", 417);
	refused("PUT / HTTP/1.1\r\nExpect: a-very-long-expectation\r\n\r\n", 417);
	refused("PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 400);
	web_parser_destroy(parser);
}
END_TEST

START_TEST(paths)
{
	struct web_parts p;

	ck_assert(web_path_fits("/healthz", "/healthz", &p));
	ck_assert(!web_path_fits("/healthz/", "/healthz", &p));
	ck_assert(!web_path_fits("/health", "/healthz", &p));
	ck_assert(!web_path_fits("healthz", "/healthz", &p));
	ck_assert(!web_path_fits("*", "/", &p));
	ck_assert(web_path_fits("/", "/", &p));
	ck_assert(web_path_fits("/v1/functions/a%2bb.c/log", "/v1/functions/:/log", &p));
	ck_assert_str_eq(p.text[0], "a+b.c");
	ck_assert(web_path_fits("/a/b", "/:/:", &p));
	ck_assert_str_eq(p.text[0], "a");
	ck_assert_str_eq(p.text[1], "b");
	ck_assert(!web_path_fits("/v1/functions//log", "/v1/functions/:/log", &p));
	ck_assert(!web_path_fits("/v1/functions/a%2fb/log", "/v1/functions/:/log", &p));
	ck_assert(!web_path_fits("/v1/functions/a%00/log", "/v1/functions/:/log", &p));
	ck_assert(!web_path_fits("/v1/functions/a%2/log", "/v1/functions/:/log", &p));
	ck_assert(!web_path_fits("/v1/functions/a%2", "/v1/functions/:", &p));
}
END_TEST

START_TEST(long_paths)
{
	char path[WEB_VALUE_MAX + 8];
	struct web_parts p;

	snprintf(path, sizeof(path), "/%0*d", WEB_VALUE_MAX - 1, 0);
	ck_assert(web_path_fits(path, "/:", &p));
	snprintf(path, sizeof(path), "/%0*d", WEB_VALUE_MAX, 0);
	ck_assert(!web_path_fits(path, "/:", &p));
}
END_TEST

START_TEST(queries)
{
	char value[WEB_VALUE_MAX];
	uint64_t n = 7;

	ck_assert_int_eq(web_query_check("", "", &err), 0);
	ck_assert_int_eq(web_query_check("a=1&b", "a b", &err), 0);
	ck_assert_int_lt(web_query_check("a=1&c=2", "a b", &err), 0);
	ck_assert_str_eq(err.msg, "'c' is no parameter here");
	ck_assert_int_lt(web_query_check("a=1&a=2", "a b", &err), 0);
	ck_assert_str_eq(err.msg, "'a' is there twice");
	ck_assert_int_lt(web_query_check("&", "a", &err), 0);
	ck_assert_int_eq(web_query_get("a=x%20y+z&b", "a", value, &err), 1);
	ck_assert_str_eq(value, "x y z");
	ck_assert_int_eq(web_query_get("a=x&b", "b", value, &err), 1);
	ck_assert_str_eq(value, "");
	ck_assert_int_eq(web_query_get("a=x&b", "c", value, &err), 0);
	ck_assert_int_lt(web_query_get("a=%zz", "a", value, &err), 0);
	ck_assert_str_eq(err.msg, "'a' is too long or has a false escape");
	ck_assert_int_eq(web_query_number("n=0012", "n", 100, &n, &err), 1);
	ck_assert_uint_eq(n, 12);
	ck_assert_int_eq(web_query_number("", "n", 100, &n, &err), 0);
	ck_assert_uint_eq(n, 12);
	ck_assert_int_lt(web_query_number("n=101", "n", 100, &n, &err), 0);
	ck_assert_str_eq(err.msg, "'n' is no number up to 100");
	ck_assert_int_lt(web_query_number("n=-1", "n", 100, &n, &err), 0);
	ck_assert_int_lt(web_query_number("n=", "n", 100, &n, &err), 0);
	ck_assert_int_lt(web_query_number("n=99999999999999999999", "n", UINT64_MAX, &n, &err), 0);
}
END_TEST

UNIT_MAIN("web_request", in_pieces, in_a_row, asks_for_the_body, too_much, none, paths, long_paths,
	queries)
