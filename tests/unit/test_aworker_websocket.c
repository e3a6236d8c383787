/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and handshake of WebSocket, and connections over a pair of sockets. */
#include "aworker/ws/websocket.h"

#include <sys/socket.h>
#include <unistd.h>

#include "aworker/loop.h"
#include "tests/unit/unit.h"

/* --- handshake --- */

START_TEST(the_example_of_the_rfc)
{
	char accept[WS_ACCEPT_SIZE];

	ws_accept("dGhlIHNhbXBsZSBub25jZQ==", accept);
	ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

static const char *key_of(const char *connection, const char *version, const char *key)
{
	const char *strings[] = {"Upgrade", "WebSocket", "connection", connection,
		"Sec-WebSocket-Version", version, "Sec-WebSocket-Key", key};
	size_t lens[ARRAY_SIZE(strings)];

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		lens[i] = strlen(strings[i]);
	return ws_request_key(strings, lens, ARRAY_SIZE(strings));
}

START_TEST(who_asks_for_a_websocket)
{
	static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";

	ck_assert_ptr_eq(key_of("keep-alive, Upgrade", "13", key), key);
	ck_assert_ptr_null(key_of("keep-alive", "13", key));
	ck_assert_ptr_null(key_of("upgrade", "8", key));
	ck_assert_ptr_null(key_of("upgrade", "13", "short=="));
	ck_assert_ptr_null(key_of("upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ=a"));
	ck_assert_ptr_null(key_of("upgrade", "13", "dGhlIHN*bXBsZSBub25jZQ=="));
}
END_TEST

/* --- frames --- */

/* What ws_parse() says of the bytes, given in pieces of `step`; the last message's text. */
static int parse(const char *bytes, size_t len, size_t step, char *ret_text)
{
	struct ws_parser p = {.message_max = 1000};
	struct ws_message m = {NULL, 0};
	uint8_t copy[512];
	size_t at = 0;
	int last = 0;

	ck_assert_uint_le(len, sizeof(copy));
	memcpy(copy, bytes, len);
	while (at < len) {
		size_t n = len - at < step ? len - at : step, taken;
		int r = ws_parse(&p, copy + at, n, &taken, &m);

		at += taken;
		if (r != 0)
			last = r;
		if (r > 0 && m.len > 0)
			memcpy(ret_text, m.data, m.len);
		if (r > 0)
			ret_text[m.len] = '\0';
		if (r < 0)
			break;
	}
	ws_parser_finish(&p);
	return last;
}

static void is(int wanted, const char *bytes, size_t len, const char *wanted_text)
{
	char text[512] = "";

	for (size_t step = 1; step <= len; step++) {
		ck_assert_int_eq(parse(bytes, len, step, text), wanted);
		if (wanted_text)
			ck_assert_str_eq(text, wanted_text);
	}
}
#define IS(wanted, bytes, text) is(wanted, bytes, sizeof(bytes) - 1, text)

START_TEST(messages)
{
	IS(WS_TEXT, "\x81\x05Hello", "Hello");
	IS(WS_TEXT, "\x81\x00", "");
	IS(WS_BINARY, "\x82\x02\xff\xfe", "\xff\xfe");
	IS(WS_TEXT, "\x01\x03Hel\x80\x02lo", "Hello");
	IS(WS_TEXT, "\x01\x01\xc3\x80\x01\xa9", "\xc3\xa9");
	IS(WS_PING, "\x01\x03Hel\x89\x01?", "?");
	IS(WS_TEXT, "\x01\x03Hel\x8a\x00\x80\x02lo", "Hello");
	IS(WS_CLOSE,
		"\x88\x05\x03\xe8"
		"bye",
		"\x03\xe8"
		"bye");
	IS(WS_CLOSE, "\x88\x00", "");
	IS(0, "\x81\x7e\x01\x00half", NULL);
}
END_TEST

START_TEST(refused_frames)
{
	IS(-WS_STATUS_PROTOCOL, "\xc1\x00", NULL); /* a reserved bit */
	IS(-WS_STATUS_PROTOCOL, "\x83\x00", NULL); /* an unknown opcode */
	IS(-WS_STATUS_PROTOCOL, "\x80\x00", NULL); /* nothing to continue */
	IS(-WS_STATUS_PROTOCOL,
		"\x01\x01"
		"a\x81\x01"
		"b",
		NULL);					   /* a message in a message */
	IS(-WS_STATUS_PROTOCOL, "\x09\x00", NULL);	   /* a ping in pieces */
	IS(-WS_STATUS_PROTOCOL, "\x89\x7e\x00\x7e", NULL); /* a long ping */
	IS(-WS_STATUS_PROTOCOL,
		"\x81\x81\x00\x00\x00\x00"
		"a",
		NULL); /* masked, by a server */
	IS(-WS_STATUS_PROTOCOL, "\x88\x01\x03", NULL);
	IS(-WS_STATUS_PROTOCOL, "\x88\x02\x03\xed", NULL); /* 1005 is never sent */
	IS(-WS_STATUS_PROTOCOL, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", NULL);
	IS(-WS_STATUS_TOO_BIG, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", NULL);
	IS(-WS_STATUS_TOO_BIG, "\x82\x7e\x03\xe9", NULL);
	IS(-WS_STATUS_DATA, "\x81\x02\xc3\x28", NULL);
	IS(-WS_STATUS_DATA, "\x81\x01\xc3", NULL);
	IS(-WS_STATUS_DATA, "\x81\x03\xed\xa0\x80", NULL);     /* a surrogate */
	IS(-WS_STATUS_DATA, "\x81\x04\xf4\x90\x80\x80", NULL); /* above U+10FFFF */
	IS(-WS_STATUS_DATA, "\x81\x02\xc0\xaf", NULL);	       /* longer than needed */
	IS(-WS_STATUS_DATA, "\x88\x03\x03\xe8\xff", NULL);
}
END_TEST

START_TEST(masks)
{
	uint8_t mask[WS_MASK_LEN] = {1, 2, 3, 4}, head[WS_HEAD_MAX], once[100], pieces[100];

	for (size_t i = 0; i < sizeof(once); i++)
		once[i] = pieces[i] = (uint8_t)i;
	ws_mask(once, sizeof(once), mask, 0);
	for (size_t at = 0, n = 1; at < sizeof(pieces); at += n++)
		ws_mask(pieces + at, sizeof(pieces) - at < n ? sizeof(pieces) - at : n, mask, at);
	ck_assert_mem_eq(once, pieces, sizeof(once));
	ck_assert_uint_eq(once[5], 5 ^ 2);
	ck_assert_uint_eq(ws_frame_head(head, WS_TEXT, 125, NULL), 2);
	ck_assert_uint_eq(ws_frame_head(head, WS_TEXT, 126, NULL), 4);
	ck_assert_uint_eq(ws_frame_head(head, WS_BINARY, 65536, mask), 14);
	ck_assert_mem_eq(head, "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00\x01\x02\x03\x04", 14);
}
END_TEST

/* --- connections --- */

struct end {
	struct ws_conn *conn;
	unsigned messages, closed;
	size_t bytes;
	unsigned status;
	bool clean;
	char reason[WS_REASON_MAX + 1];
};

static struct loop loop;
static struct err err;
static struct end ends[2];

static void on_message(void *data, enum ws_opcode opcode, const void *bytes UNUSED, size_t len)
{
	struct end *e = data;

	if (opcode == WS_TEXT || opcode == WS_BINARY)
		e->messages++;
	e->bytes += len;
	if (opcode == WS_TEXT && len == 4)
		ws_conn_close(e->conn, 4000, "enough", 6);
}

static void on_drained(void *data UNUSED)
{
}

static void on_closed(
	void *data, unsigned status, const char *reason, size_t reason_len, bool clean)
{
	struct end *e = data;

	e->closed++;
	e->status = status;
	e->clean = clean;
	memcpy(e->reason, reason, reason_len);
	e->reason[reason_len] = '\0';
	if (ends[0].closed && ends[1].closed)
		loop_stop(&loop);
}

static const struct ws_handler handler = {
	.message = on_message, .drained = on_drained, .closed = on_closed};

static void open_pair(void)
{
	struct ws_options options = {.client = false};
	int fds[2];

	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		options.client = i == 1;
		ends[i] = (struct end){0};
		ck_assert_int_eq(ws_conn_create(&loop, fds[i], &options, &handler, &ends[i],
					 &ends[i].conn, &err),
			0);
	}
	loop_hold(&loop);
}

static void close_pair(void)
{
	for (int i = 0; i < 2; i++)
		ws_conn_destroy(ends[i].conn);
	loop_unhold(&loop);
	loop_close(&loop);
}

START_TEST(large_messages_both_ways)
{
	const size_t len = 3u << 20;
	char *large = calloc(1, len);

	open_pair();
	ck_assert_int_gt(ws_conn_send(ends[0].conn, WS_BINARY, large, len), 0);
	ck_assert_int_gt(ws_conn_send(ends[1].conn, WS_BINARY, large, len), 0);
	ck_assert_int_gt(ws_conn_send(ends[0].conn, WS_TEXT, "last", 4), 0);
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert_uint_eq(ends[0].bytes, len);
	ck_assert_uint_eq(ends[1].bytes, len + 4);
	ck_assert_uint_eq(ends[1].messages, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(ends[i].status, 4000);
		ck_assert(ends[i].clean);
	}
	ck_assert_str_eq(ends[0].reason, "enough");
	close_pair();
	free(large);
}
END_TEST

START_TEST(an_end_that_goes_away)
{
	open_pair();
	ws_conn_destroy(ends[1].conn);
	ends[1].conn = NULL;
	ends[1].closed = 1;
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert_uint_eq(ends[0].status, WS_STATUS_ABNORMAL);
	ck_assert(!ends[0].clean);
	ck_assert_int_eq(ws_conn_send(ends[0].conn, WS_TEXT, "x", 1), -1);
	close_pair();
}
END_TEST

START_TEST(a_peer_that_reads_nothing)
{
	const size_t len = 8u << 20;
	char *large = calloc(1, len);
	ssize_t n = 0;

	open_pair();
	ws_conn_read(ends[1].conn, false);
	for (int i = 0; i < 20 && n >= 0; i++)
		n = ws_conn_send(ends[0].conn, WS_BINARY, large, len);
	ck_assert_int_eq(n, -1);
	ck_assert_uint_le(ws_conn_queued(ends[0].conn), WS_QUEUE_MAX + len + WS_HEAD_MAX);
	close_pair();
	free(large);
}
END_TEST

UNIT_MAIN("websocket", the_example_of_the_rfc, who_asks_for_a_websocket, messages, refused_frames,
	masks, large_messages_both_ways, an_end_that_goes_away, a_peer_that_reads_nothing)
