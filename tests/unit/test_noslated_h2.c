/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 of clients, frame by frame: what a worker sees of it, and what nobody gets through it. */
#include "seed/noslated/data/h2.h"

#include <errno.h>

#include "tests/noslated/fuzz_rig.h"
#include "tests/noslated/h2_frames.h"
#include "tests/unit/unit.h"

#define OK	   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CALM	   11
#define INTERNAL   2
#define CANCEL	   "\0\0\0\10"
#define FRAMES_MAX 4096

static struct rig r;
static int client, worker;
static struct buf out;

/* What has come of the plane. */
static struct frame {
	uint8_t type, flags;
	uint32_t id, code; /* of RST_STREAM and GOAWAY */
	size_t len;
} frames[FRAMES_MAX];
static size_t n_frames;
static uint8_t got[1 << 20];
static size_t got_len, got_at;
static bool ended;

static void flush(void)
{
	size_t at = 0;

	ck_assert(!buf_failed(&out));
	for (int tries = 0; at < out.len && tries < 1000; tries++) {
		ssize_t n = send(client, out.data + at, out.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			at += (size_t)n;
		else if (errno != EAGAIN)
			break;
		rig_turn(&r);
	}
	out.len = 0;
	rig_turn(&r);
	rig_turn(&r);
}

static uint32_t number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void hear(void)
{
	ssize_t n;

	do {
		rig_turn(&r);
		n = recv(client, got + got_len, sizeof(got) - got_len, MSG_DONTWAIT);
		got_len += n > 0 ? (size_t)n : 0;
		ended |= n == 0 || (n < 0 && errno == ECONNRESET);
	} while (n > 0);
	while (got_len - got_at >= 9) {
		const uint8_t *p = got + got_at;
		const size_t len = number(p) >> 8;
		struct frame *f = &frames[n_frames];

		if (got_len - got_at < 9 + len)
			break;
		ck_assert_uint_lt(n_frames, FRAMES_MAX);
		*f = (struct frame){.type = p[3], .flags = p[4], .id = number(p + 5), .len = len};
		if (f->type == H2_RST)
			f->code = number(p + 9);
		if (f->type == H2_GOAWAY)
			f->code = number(p + 13);
		n_frames++;
		got_at += 9 + len;
	}
	if (got_at == got_len)
		got_at = got_len = 0;
}

static const struct frame *find(uint8_t type, uint32_t id)
{
	for (size_t i = 0; i < n_frames; i++)
		if (frames[i].type == type && frames[i].id == id)
			return &frames[i];
	return NULL;
}

static size_t data_of(uint32_t id)
{
	size_t sum = 0;

	for (size_t i = 0; i < n_frames; i++)
		sum += frames[i].type == H2_DATA && frames[i].id == id ? frames[i].len : 0;
	return sum;
}

static bool has_ended(uint32_t id)
{
	for (size_t i = 0; i < n_frames; i++)
		if (frames[i].id == id && frames[i].type < 2 && frames[i].flags & H2_END_STREAM)
			return true;
	return false;
}

static void begin(void)
{
	rig_open(&r);
	client = rig_connect(&r);
	worker = -1;
	n_frames = got_len = got_at = 0;
	ended = false;
	h2_begin(&out);
	flush();
}

static void end(void)
{
	close(client);
	if (worker >= 0)
		close(worker);
	buf_finish(&out);
	rig_close(&r);
}

static void headers(uint32_t id, const struct buf *block, uint8_t flags)
{
	h2_frame(&out, H2_HEADERS, flags | H2_END_HEADERS, id, block->data, block->len);
}

static void ask(uint32_t id, const char *method, uint8_t flags)
{
	struct buf b = BUF_INIT;

	h2_request(&b, method, "/a?q");
	headers(id, &b, flags);
	buf_finish(&b);
}

static int accepted(void)
{
	return accept4(r.worker, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static const char *seen(void)
{
	static char text[65536];

	rig_turn(&r);
	if (worker < 0)
		worker = accepted();
	text[rig_read(worker, text, sizeof(text) - 1)] = '\0';
	return text;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
	rig_turn(&r);
	hear();
}

/* --- what is passed on --- */

START_TEST(one_request)
{
	struct buf b = BUF_INIT;
	const char *text;

	begin();
	h2_request(&b, "GET", "/a?q");
	h2_header(&b, "x-a", "b c");
	h2_header(&b, "cookie", "a=1");
	h2_header(&b, "te", "trailers");
	h2_header(&b, "cookie", "b=2");
	headers(1, &b, H2_END_STREAM);
	buf_finish(&b);
	flush();
	text = seen();
	ck_assert_msg(strstr(text, "GET /a?q HTTP/1.1\r\nhost: h\r\n") == text, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "\r\nx-a: b c\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\ncookie: a=1; b=2\r\n"));
	ck_assert_ptr_null(strstr(text, "te:"));
	ck_assert_ptr_null(strstr(text, "connection"));
	say(worker, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
	ck_assert_ptr_nonnull(find(H2_HEADERS, 1));
	ck_assert(!has_ended(1));
	say(worker, OK);
	ck_assert_uint_eq(data_of(1), 2);
	ck_assert(has_ended(1));
	ck_assert_ptr_null(find(H2_RST, 1));
	end();
}
END_TEST

START_TEST(many_at_once)
{
	int workers[50];

	begin();
	for (uint32_t i = 0; i < 50; i++)
		ask(2 * i + 1, i % 2 ? "GET" : "HEAD", H2_END_STREAM);
	flush();
	for (int i = 0; i < 50; i++) {
		char text[4096];

		workers[i] = accepted();
		if (workers[i] < 0) /* the function starts another worker, on the same socket */
			break;
		text[rig_read(workers[i], text, sizeof(text) - 1)] = '\0';
		ck_assert_ptr_nonnull(strstr(text, "/a?q HTTP/1.1\r\n"));
		say(workers[i],
			strstr(text, "HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : OK);
	}
	for (uint32_t i = 0; i < 50; i++) {
		ck_assert(has_ended(2 * i + 1));
		ck_assert_uint_eq(data_of(2 * i + 1), i % 2 ? 2 : 0);
		close(workers[i]);
	}
	end();
}
END_TEST

START_TEST(bodies)
{
	struct buf b = BUF_INIT;
	const char *text;

	begin();
	ask(1, "POST", 0);
	h2_frame(&out, H2_DATA, 0, 1, "abc", 3);
	flush();
	text = seen();
	ck_assert_ptr_nonnull(strstr(text, "\r\ntransfer-encoding: chunked\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n\r\n3\r\nabc\r\n"));
	/* Trailers are dropped, and end it. */
	h2_header(&b, "x-trailer", "t");
	headers(1, &b, H2_END_STREAM);
	flush();
	ck_assert_str_eq(seen(), "0\r\n\r\n");
	say(worker, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	ck_assert_uint_eq(data_of(1), 5);
	ck_assert(!has_ended(1));
	say(worker, "0\r\n\r\n");
	ck_assert(has_ended(1));
	/* A length is kept to. */
	b.len = 0;
	h2_request(&b, "POST", "/a");
	h2_header(&b, "content-length", "3");
	headers(3, &b, 0);
	h2_frame(&out, H2_DATA, H2_END_STREAM, 3, "abc", 3);
	flush();
	text = seen();
	ck_assert_ptr_nonnull(strstr(text, "\r\ncontent-length: 3\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n\r\nabc"));
	/* Answered before all of it is there: the rest is not wanted. */
	say(worker, OK);
	ck_assert_ptr_null(find(H2_RST, 3));
	ask(5, "POST", 0);
	flush();
	ck_assert_ptr_nonnull(strstr(seen(), "chunked"));
	say(worker, OK);
	ck_assert(has_ended(5));
	ck_assert_ptr_nonnull(find(H2_RST, 5));
	ck_assert_uint_eq(find(H2_RST, 5)->code, 0);
	buf_finish(&b);
	end();
}
END_TEST

/* The preface may come in any pieces, and is nothing else. */
START_TEST(preface)
{
	char text[4096];

	rig_open(&r);
	client = rig_connect(&r);
	worker = -1;
	n_frames = got_len = got_at = 0;
	for (size_t i = 0; i < H2_PREFACE_LEN; i++) {
		ck_assert_int_eq(send(client, &H2_PREFACE[i], 1, 0), 1);
		rig_turn(&r);
	}
	h2_frame(&out, H2_SETTINGS, 0, 0, NULL, 0);
	ask(1, "GET", H2_END_STREAM);
	flush();
	ck_assert_ptr_nonnull(strstr(seen(), "GET /a?q"));
	close(client);
	rig_turn(&r);
	client = rig_connect(&r);
	ck_assert_int_eq(send(client, "PRI * HTTP/2.0\r\n\r\nGET", 21, 0), 21);
	rig_turn(&r);
	text[rig_read(client, text, sizeof(text) - 1)] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "x-noslate-error: bad_version\r\n"));
	end();
}
END_TEST

/* --- smuggling --- */

struct pair {
	const char *name, *value;
};

static const struct smuggled {
	const char *what;
	struct pair headers[8];
	const char *body; /* NULL: none */
} smuggled[] = {
	{"a line end in a value",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x", "a\r\nhost: b"}},
		NULL},
	{"a bare LF",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x", "a\nb: c"}},
		NULL},
	{"a NUL-like control",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x", "a\1"}},
		NULL},
	{"a line end in a name",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x: y\r\nz", "a"}},
		NULL},
	{"a colon in a name",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x:y", "a"}},
		NULL},
	{"a space in a name",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"x y", "a"}},
		NULL},
	{"capitals",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"X", "a"}},
		NULL},
	{"an empty name",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"", "a"}},
		NULL},
	{"a space in the path",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/a HTTP/1.1"},
			{":authority", "h"}},
		NULL},
	{"a line end in the path",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/ HTTP/1.1\r\nx: y"},
			{":authority", "h"}},
		NULL},
	{"a path of another host",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "http://b/"},
			{":authority", "h"}},
		NULL},
	{"no path", {{":method", "GET"}, {":scheme", "http"}, {":path", ""}, {":authority", "h"}},
		NULL},
	{"a path that leaves",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/../x"}, {":authority", "h"}},
		NULL},
	{"a method of two words",
		{{":method", "GET /x"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"}},
		NULL},
	{"CONNECT", {{":method", "CONNECT"}, {":authority", "h:1"}}, NULL},
	{"a line end in the host",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"},
			{":authority", "h\r\nx: y"}},
		NULL},
	{"two hosts",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"host", "b"}},
		NULL},
	{"the host twice",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"host", "h"},
			{"host", "h"}},
		NULL},
	{"no host", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}}, NULL},
	{"a coding",
		{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"transfer-encoding", "chunked"}},
		"0\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n"},
	{"a connection",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"connection", "x"}},
		NULL},
	{"an upgrade",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"upgrade", "websocket"}},
		NULL},
	{"te: gzip",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"te", "gzip"}},
		NULL},
	{"a length that is too short",
		{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"content-length", "1"}},
		"GET / HTTP/1.1\r\nhost: h\r\n\r\n"},
	{"a length that is too long",
		{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"content-length", "1000"}},
		"abc"},
	{"two lengths",
		{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"content-length", "3"}, {"content-length", "3"}},
		"abc"},
	{"no number",
		{{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{"content-length", "+3"}},
		"abc"},
	{"what is behind the others",
		{{":method", "GET"}, {":scheme", "http"}, {"x", "y"}, {":path", "/"},
			{":authority", "h"}},
		NULL},
	{"twice",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":path", "/b"},
			{":authority", "h"}},
		NULL},
	{"an unknown one",
		{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "h"},
			{":x", "y"}},
		NULL},
	{"of a response",
		{{":status", "200"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"},
			{":authority", "h"}},
		NULL},
};

static void smuggle(const struct smuggled *s)
{
	struct buf b = BUF_INIT;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(s->headers) && s->headers[i].name; i++)
		h2_header(&b, s->headers[i].name, s->headers[i].value);
	headers(1, &b, s->body ? 0 : H2_END_STREAM);
	if (s->body)
		h2_frame(&out, H2_DATA, H2_END_STREAM, 1, s->body, strlen(s->body));
	flush();
	hear();
	ck_assert_msg(!*seen(), "%s", s->what);
	/* An error of the stream, of the connection, or of ours, with a status of its own. */
	ck_assert_msg(find(H2_RST, 1) || find(H2_GOAWAY, 0) || has_ended(1), "%s", s->what);
	buf_finish(&b);
	end();
}

START_TEST(nothing_is_smuggled)
{
	for (size_t i = 0; i < ARRAY_SIZE(smuggled); i++)
		smuggle(&smuggled[i]);
}
END_TEST

/* --- limits --- */

START_TEST(windows)
{
	static char much[1 << 17];
	const uint8_t more[4] = {0, 1, 0, 0};
	size_t there = 0;
	ssize_t n;

	begin();
	ask(1, "GET", H2_END_STREAM);
	flush();
	seen();
	say(worker, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
	do {
		n = send(worker, much, sizeof(much), MSG_NOSIGNAL | MSG_DONTWAIT);
		there += n > 0 ? (size_t)n : 0;
		rig_turn(&r);
	} while (n > 0);
	ck_assert_uint_lt(there, 4 << 20);
	hear();
	ck_assert_uint_eq(data_of(1), 65535);
	h2_frame(&out, H2_WINDOW_UPDATE, 0, 1, more, 4);
	h2_frame(&out, H2_WINDOW_UPDATE, 0, 0, more, 4);
	flush();
	hear();
	ck_assert_uint_eq(data_of(1), 65535 + 65536);
	/* What a worker does not read, nobody is asked for. */
	ask(3, "POST", 0);
	for (int i = 0; i < 3; i++)
		h2_frame(&out, H2_DATA, 0, 3, much, 16000);
	flush();
	hear();
	ck_assert(!ended);
	for (int i = 0; i < 40; i++)
		h2_frame(&out, H2_DATA, 0, 3, much, 16000);
	flush();
	hear();
	ck_assert(find(H2_RST, 3) || find(H2_GOAWAY, 0) || find(H2_WINDOW_UPDATE, 3));
	end();
}
END_TEST

START_TEST(too_many_headers)
{
	static char value[20000];
	struct buf b = BUF_INIT;

	memset(value, 'x', sizeof(value));
	begin();
	h2_request(&b, "GET", "/");
	for (int i = 0; i < 200; i++)
		h2_header(&b, "a", "b");
	headers(1, &b, H2_END_STREAM);
	/* Each is good; all together are more than what one request may have. */
	b.len = 0;
	h2_request(&b, "GET", "/");
	for (int i = 0; i < 6; i++)
		h2_header_n(&b, "a", 1, value, 2000);
	h2_frame(&out, H2_HEADERS, H2_END_STREAM, 3, b.data, b.len);
	b.len = 0;
	for (int i = 0; i < 3; i++)
		h2_header_n(&b, "a", 1, value, 4000);
	h2_frame(&out, H2_CONTINUATION, H2_END_HEADERS, 3, b.data, b.len);
	flush();
	hear();
	ck_assert_str_eq(seen(), "");
	ck_assert(has_ended(1));
	ck_assert(has_ended(3));
	ck_assert_ptr_null(find(H2_GOAWAY, 0));
	/* And this one is an attack. */
	b.len = 0;
	h2_request(&b, "GET", "/");
	h2_frame(&out, H2_HEADERS, H2_END_STREAM, 5, b.data, b.len);
	b.len = 0;
	for (int i = 0; i < 4; i++)
		h2_header_n(&b, "a", 1, value, 4000);
	for (int i = 0; i < 100; i++)
		h2_frame(&out, H2_CONTINUATION, 0, 5, b.data, b.len);
	flush();
	hear();
	ck_assert_str_eq(seen(), "");
	ck_assert(find(H2_RST, 5) || find(H2_GOAWAY, 0) || ended);
	buf_finish(&b);
	end();
}
END_TEST

/* CVE-2023-44487: asked and taken back, for ever. */
START_TEST(resets)
{
	struct data_count c;

	begin();
	for (uint32_t i = 1; i < 1000 && !ended; i += 2) {
		ask(i, "GET", H2_END_STREAM);
		h2_frame(&out, H2_RST, 0, i, CANCEL, 4);
		flush();
		hear();
	}
	ck_assert(ended);
	ck_assert_ptr_nonnull(find(H2_GOAWAY, 0));
	ck_assert_uint_eq(find(H2_GOAWAY, 0)->code, CALM);
	data_count(r.plane, &c);
	ck_assert_uint_eq(c.connections + c.requests, 0);
	end();
}
END_TEST

START_TEST(noise)
{
	begin();
	for (int i = 0; i < 5000 && !ended; i++) {
		h2_frame(&out, H2_PING, 0, 0, "12345678", 8);
		if (i % 50)
			continue;
		flush();
		hear();
	}
	ck_assert(ended);
	end();
	begin();
	ask(1, "POST", 0);
	for (int i = 0; i < 5000 && !ended; i++) {
		h2_frame(&out, H2_DATA, 0, 1, NULL, 0);
		if (i % 50)
			continue;
		flush();
		hear();
	}
	ck_assert(ended);
	end();
}
END_TEST

START_TEST(too_many_streams)
{
	begin();
	for (uint32_t i = 0; i < H2_STREAMS_MAX + 1; i++)
		ask(2 * i + 1, "GET", H2_END_STREAM);
	flush();
	hear();
	ck_assert_ptr_nonnull(find(H2_RST, 2 * H2_STREAMS_MAX + 1));
	ck_assert_ptr_null(find(H2_RST, 1));
	end();
}
END_TEST

/* --- ends --- */

START_TEST(worker_breaks_off)
{
	begin();
	ask(1, "GET", H2_END_STREAM);
	flush();
	seen();
	say(worker, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
	shutdown(worker, SHUT_RDWR);
	hear();
	ck_assert_ptr_nonnull(find(H2_RST, 1));
	ck_assert_uint_eq(find(H2_RST, 1)->code, INTERNAL);
	ck_assert(!has_ended(1));
	end();
}
END_TEST

START_TEST(client_takes_it_back)
{
	struct data_count c;

	begin();
	ask(1, "GET", H2_END_STREAM);
	ask(3, "POST", 0);
	flush();
	seen();
	h2_frame(&out, H2_RST, 0, 1, CANCEL, 4);
	flush();
	data_count(r.plane, &c);
	ck_assert_uint_eq(c.requests, 1);
	/* Closing the connection takes all back. */
	close(client);
	rig_turn(&r);
	rig_turn(&r);
	data_count(r.plane, &c);
	ck_assert_uint_eq(c.requests + c.connections, 0);
	client = rig_connect(&r);
	end();
}
END_TEST

static void on_drained(void *arg)
{
	*(bool *)arg = true;
}

START_TEST(draining)
{
	bool drained = false;

	begin();
	ask(1, "GET", H2_END_STREAM);
	flush();
	seen();
	data_drain(r.plane, on_drained, &drained);
	hear();
	ck_assert_ptr_nonnull(find(H2_GOAWAY, 0));
	ck_assert_uint_eq(find(H2_GOAWAY, 0)->code, 0);
	ck_assert(!drained && !ended);
	say(worker, OK);
	hear();
	ck_assert(has_ended(1));
	ck_assert(drained && ended);
	end();
}
END_TEST

UNIT_MAIN("noslated_h2", one_request, many_at_once, bodies, preface, nothing_is_smuggled, windows,
	too_many_headers, resets, noise, too_many_streams, worker_breaks_off, client_takes_it_back,
	draining)
