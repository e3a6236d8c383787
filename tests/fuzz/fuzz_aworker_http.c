/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds bytes of a client to the HTTP parsers and to the server. The first byte of an
 * input says in pieces of which size they come (low seven bits) and whether they go
 * through a connection of a server (high bit). The parsers must come to the same
 * result whatever the pieces: what depends on them is how smuggling starts.
 */
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aworker/http/http_priv.h"
#include "runtime/base/util.h"

/* Requests looked at in one input. */
#define REQUESTS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- parsers --- */

/* FNV-1a over everything that was understood. */
struct digest {
	uint64_t hash;
};

static void add(struct digest *d, const void *data, size_t len)
{
	for (const uint8_t *p = data; len > 0; len--)
		d->hash = (d->hash ^ *p++) * 0x100000001b3u;
}

static void add_number(struct digest *d, uint64_t v)
{
	add(d, &v, sizeof(v));
}

/* The bytes that a connection has received and not used. */
struct input {
	char *data; /* exactly as long as what has arrived, so that ASan sees every overrun */
	size_t len;
	const uint8_t *rest;
	size_t n_rest;
	size_t step;
};

static bool receive(struct input *in)
{
	size_t n = in->n_rest < in->step ? in->n_rest : in->step;
	char *data;

	if (n == 0)
		return false;
	data = malloc(in->len + n);
	if (!data)
		abort();
	if (in->len > 0)
		memcpy(data, in->data, in->len);
	memcpy(data + in->len, in->rest, n);
	free(in->data);
	in->data = data;
	in->len += n;
	in->rest += n;
	in->n_rest -= n;
	return true;
}

static void use(struct input *in, size_t n)
{
	if (n > in->len)
		abort();
	memmove(in->data, in->data + n, in->len - n);
	in->len -= n;
}

static void add_head(struct digest *d, const struct http_head *h)
{
	struct buf url = BUF_INIT;
	size_t origin_len;

	add(d, h->method, h->method_len);
	for (size_t i = 0; i < h->n_strings; i++) {
		add_number(d, h->lens[i]);
		add(d, h->strings[i], h->lens[i]);
	}
	add_number(d, http_head_url(h, &url, &origin_len));
	add(d, url.data, url.len);
	buf_finish(&url);
}

/* True when a next request may follow. */
static bool one_request(struct input *in, struct digest *d)
{
	struct http_scan scan = {0};
	struct http_head head;
	struct http_body body;
	size_t len = 0, taken;
	int status = 0;

	for (;;) {
		if (in->len > 0)
			status = http_head_scan(&scan, in->data, in->len, &len);
		if (status || len > 0)
			break;
		if (!receive(in))
			return false;
	}
	if (status == 0)
		status = http_head_parse(in->data, len, &head);
	add_number(d, (uint64_t)status);
	if (status)
		return false;
	add_head(d, &head);
	http_body_init(&body, &head);
	use(in, len);
	while (body.state != HTTP_BODY_DONE && body.state != HTTP_BODY_BAD) {
		size_t n;

		if (in->len == 0 && !receive(in))
			break;
		n = http_body_decode(&body, in->data, in->len, &taken);
		if (n > taken)
			abort();
		add(d, in->data, n);
		use(in, taken);
	}
	/* How far a body has come says a piece more or less; how it ended must not. */
	add_number(d, body.state == HTTP_BODY_BAD);
	return body.state == HTTP_BODY_DONE;
}

static uint64_t parse(const uint8_t *data, size_t size, size_t step)
{
	struct input in = {.rest = data, .n_rest = size, .step = step};
	struct digest d = {0xcbf29ce484222325u};
	int n = 0;

	while (n < REQUESTS_MAX && one_request(&in, &d))
		n++;
	free(in.data);
	add_number(&d, (uint64_t)n);
	return d.hash;
}

/* --- server --- */

static struct http_server *server;

static void write_piece(uint64_t id, struct http_piece *piece)
{
	http_write(server, id, piece->bytes, piece->len);
	http_piece_finish(piece);
}

static void on_request(void *data, uint64_t id, const struct http_request *r)
{
	static const struct http_response ok = {.status = 200, .reason = ""};
	struct err err = ERR_INIT;
	struct http_piece piece;
	bool wanted;

	(void)data;
	if (!r->has_body) {
		http_respond(server, id, &ok, "hello", 5, &err);
		return;
	}
	if (http_respond_stream(server, id, &ok, &wanted, &err) < 0 || !wanted)
		return;
	if (http_read(server, id, &piece) == HTTP_READ_PIECE)
		write_piece(id, &piece);
	switch (http_read(server, id, &piece)) {
	case HTTP_READ_PIECE: http_piece_finish(&piece); /* fallthrough */
	case HTTP_READ_END: http_end(server, id); break;
	case HTTP_READ_WAIT: break;
	}
}

static void on_body(void *data, uint64_t id, const struct http_piece *given)
{
	struct http_piece piece = *given;

	(void)data;
	if (piece.len > 0)
		write_piece(id, &piece);
	http_end(server, id);
}

static void on_id(void *data, uint64_t id)
{
	(void)data;
	(void)id;
}

static void on_abort(void *data, uint64_t id, const char *reason)
{
	(void)data;
	(void)reason;
	http_reset(server, id);
}

static void on_turn(void *data)
{
	loop_stop(data);
}

static void turn(struct loop *l)
{
	struct loop_deferred end = {.fn = on_turn, .data = l};
	struct err err;

	loop_defer(l, &end);
	if (loop_run(l, &err) < 0)
		abort();
}

static void serve(const uint8_t *data, size_t size, size_t step)
{
	static const struct http_handler handler = {on_request, on_body, on_id, on_id, on_abort};
	const struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct loop l = {0};
	struct err err;
	char answer[4096];
	int pair[2];

	if (loop_init(&l, &err) < 0 ||
		http_server_create(&l, -1, &limits, &handler, NULL, &server, &err) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	http_server_adopt(server, pair[0]);
	while (size > 0) {
		size_t n = size < step ? size : step;

		if (send(pair[1], data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		turn(&l);
		while (recv(pair[1], answer, sizeof(answer), 0) > 0)
			;
	}
	close(pair[1]);
	/* Events, the step, and the step that frees. */
	for (int i = 0; i < 4; i++)
		turn(&l);
	if (http_server_connections(server) != 0)
		abort();
	http_server_destroy(server);
	if (l.n_alive != 0 || l.n_timers != 0)
		abort();
	loop_close(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step;

	if (size == 0)
		return 0;
	step = (data[0] & 0x7f) + 1u;
	if (data[0] & 0x80)
		serve(data + 1, size - 1, step * 16);
	else if (parse(data + 1, size - 1, step) != parse(data + 1, size - 1, size))
		abort();
	return 0;
}
