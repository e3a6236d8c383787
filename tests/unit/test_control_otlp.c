/* SPDX-License-Identifier: Apache-2.0 */
/* Traces as OTLP, where they go, and what comes back. */
#include "seed/noslated/control/otlp.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "seed/noslated/stats/spans.h"
#include "tests/unit/unit.h"

static const struct {
	const char *text, *append, *host, *path;
	int port; /* 0: it is refused */
} urls[] = {
	{"http://127.0.0.1:4318", "/v1/traces", "127.0.0.1", "/v1/traces", 4318},
	{"http://127.0.0.1", "/v1/traces", "127.0.0.1", "/v1/traces", 4318},
	{"http://localhost:1/", "/v1/traces", "127.0.0.1", "/v1/traces", 1},
	{"http://[::1]:99/a/b?c=d", "", "::1", "/a/b?c=d", 99},
	{"http://10.0.0.1/base/", "/v1/traces", "10.0.0.1", "/base/v1/traces", 4318},
	{"http://10.0.0.1", "", "10.0.0.1", "/", 4318},
	{"https://10.0.0.1", "", NULL, NULL, 0},
	{"10.0.0.1:4318", "", NULL, NULL, 0},
	{"", "", NULL, NULL, 0},
	{"http://", "", NULL, NULL, 0},
	{"http://:80", "", NULL, NULL, 0},
	{"http://[::1", "", NULL, NULL, 0},
	{"http://h:0", "", NULL, NULL, 0},
	{"http://h:65536", "", NULL, NULL, 0},
	{"http://h:80x", "", NULL, NULL, 0},
	{"http://h:80/a b", "", NULL, NULL, 0},
	{"http://h:80/a\r\nX: y", "", NULL, NULL, 0},
	{"http://h:80/a#b", "", NULL, NULL, 0},
	{"http://user@h/", "", "user@h", "/", 4318},
};

START_TEST(parses_urls)
{
	char text[400] = "http://h/";

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct err err = ERR_INIT;
		struct otlp_url url;
		const int r = otlp_parse_url(urls[i].text, urls[i].append, &url, &err);

		ck_assert_msg((r == 0) == (urls[i].port > 0), "'%s': %s", urls[i].text, err.msg);
		if (r < 0)
			continue;
		ck_assert_str_eq(url.host, urls[i].host);
		ck_assert_str_eq(url.path, urls[i].path);
		ck_assert_int_eq(url.port, urls[i].port);
	}
	memset(text + 9, 'a', sizeof(text) - 10);
	ck_assert_int_eq(otlp_parse_url(text, "", &(struct otlp_url){0}, &(struct err)ERR_INIT),
		-ENAMETOOLONG);
}
END_TEST

static const struct {
	const char *text;
	int status;
	uint64_t rejected;
	bool whole;
} answers[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, 0, true},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", 200, 0, false},
	{"HTTP/1.1 200 OK\r\n\r\n{\"partialSuccess\": {\"rejectedSpans\": \"12\"}}", 200, 12,
		false},
	{"HTTP/1.1 200 OK\r\n\r\n{\"partialSuccess\": {\"rejectedSpans\": 7}}", 200, 7, false},
	{"HTTP/1.1 200 OK\r\n\r\n{\"partialSuccess\": {\"rejectedSpans\": -7}}", 200, 0, false},
	{"HTTP/1.1 200 OK\r\n\r\n{\"partialSuccess\": []}", 200, 0, false},
	{"HTTP/1.0 503 Later\r\ncontent-length:0\r\n\r\n", 503, 0, true},
	{"HTTP/1.1 200 OK\r\nX: y\r\n", 0, 0, false},
	{"HTTP/2 200\r\n\r\n", 0, 0, false},
	{"SSH-2.0\r\n\r\n", 0, 0, false},
	{"\r\n\r\n", 0, 0, false},
	{"", 0, 0, false},
};

START_TEST(parses_answers)
{
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct otlp_answer a;

		otlp_parse_answer(answers[i].text, strlen(answers[i].text), &a);
		ck_assert_msg(a.status == answers[i].status, "%zu: %d", i, a.status);
		ck_assert_uint_eq(a.rejected, answers[i].rejected);
		ck_assert_int_eq(otlp_answer_is_whole(answers[i].text, strlen(answers[i].text)),
			answers[i].whole);
	}
}
END_TEST

static const struct span_record record = {
	.ids = {"0123456789abcdef0123456789abcdef", "00f067aa0ba902b7", "aaaaaaaaaaaaaaaa",
		"bbbbbbbbbbbbbbbb"},
	.begun = 1000000000000000001,
	.arrived = 1000000000000000002,
	.sent = 1000000000000000005,
	.first = 1000000000000000006,
	.ended = 1000000000000000007,
	.start_begun = 1000000000000000003,
	.start_ended = 1000000000000000004,
	.in = 5000000000,
	.status = 502,
	.queued = true,
	.method = "GET",
	.path = "/\"x",
	.error = "worker_closed",
	.function = "f",
	.worker = "w-1",
};

/* The spans of one batch, in their order. */
static const struct json_node *write_spans(const struct span_record *r, struct json_doc **doc)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	const struct json_node *n;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	otlp_begin(&w, "us", "here");
	otlp_put(&w, r);
	otlp_end(&w);
	ck_assert_msg(json_parse(out.data, out.len, doc, &err) == 0, "%s", err.msg);
	n = json_first(json_get(json_root(*doc), "resourceSpans"));
	n = json_first(json_get(n, "scopeSpans"));
	return json_first(json_get(n, "spans"));
}

static const char *text_of(const struct json_node *n, const char *key)
{
	const char *text = "";
	struct err ignored = ERR_INIT;

	if (json_get(n, key))
		ck_assert_int_eq(json_to_str(json_get(n, key), &text, &ignored), 0);
	return text;
}

START_TEST(writes_spans)
{
	static const char *const names[] = {"GET f", "queue", "start", "upstream"};
	struct json_doc *doc;
	const struct json_node *span = write_spans(&record, &doc);
	char ids[4][17];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++, span = json_next(span)) {
		ck_assert_str_eq(text_of(span, "name"), names[i]);
		ck_assert_str_eq(text_of(span, "traceId"), "0123456789abcdef0123456789abcdef");
		ck_assert_str_eq(text_of(span, "parentSpanId"),
			i == 0 ? "00f067aa0ba902b7" : "aaaaaaaaaaaaaaaa");
		strcpy(ids[i], text_of(span, "spanId"));
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(ids[i], ids[j]);
		if (i == 0) {
			ck_assert_str_eq(text_of(span, "startTimeUnixNano"), "1000000000000000001");
			ck_assert_str_eq(
				text_of(json_get(span, "status"), "message"), "worker_closed");
		}
	}
	ck_assert_str_eq(ids[3], "bbbbbbbbbbbbbbbb");
	ck_assert_ptr_null(span);
	json_free(doc);
}
END_TEST

/* One that was refused at once, of no trace and no function. */
START_TEST(writes_the_least)
{
	struct span_record r = {.begun = 5, .ended = 4, .status = 404};
	const struct json_node *span;
	struct json_doc *doc;

	r.ids = record.ids;
	memcpy(r.ids.parent, "0000000000000000", SPANS_ID_LEN);
	span = write_spans(&r, &doc);
	ck_assert_str_eq(text_of(span, "endTimeUnixNano"), "5");
	ck_assert_ptr_null(json_get(span, "parentSpanId"));
	ck_assert_ptr_null(json_get(span, "status"));
	ck_assert_ptr_null(json_next(span));
	json_free(doc);
}
END_TEST

UNIT_MAIN("control_otlp", parses_urls, parses_answers, writes_spans, writes_the_least)
