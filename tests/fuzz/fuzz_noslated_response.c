/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a worker, as its answer to a request. The first byte says in pieces of which size they come (low
 * five bits), whether the request asks for a WebSocket, is HEAD, and whether the client speaks HTTP/1.0. What the
 * client gets is a response of its framing, or the connection ends; and no head is taken for good that llhttp
 * understands in another way.
 */
#include <llhttp/llhttp.h>

#include "seed/noslated/data/head.h"
#include "tests/noslated/fuzz_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char got[1 << 20];

/* --- the other opinion --- */

struct opinion {
	unsigned fields;
	bool done;
};

static int on_field(llhttp_t *p)
{
	((struct opinion *)p->data)->fields++;
	return 0;
}

static int on_done(llhttp_t *p)
{
	((struct opinion *)p->data)->done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_header_field_complete = on_field,
	.on_headers_complete = on_done,
};

static void compare(const char *data, size_t size)
{
	static struct head h;
	struct head_scan scan = {0};
	struct opinion o = {0};
	llhttp_t p;
	size_t len;

	if (head_scan(&scan, data, size, &len) || len == 0 || !head_parse_response(data, len, &h))
		return;
	llhttp_init(&p, HTTP_RESPONSE, &settings);
	p.data = &o;
	llhttp_execute(&p, data, len);
	if (!o.done || llhttp_get_error_pos(&p) != data + len || o.fields != h.n_fields ||
		p.status_code != h.status || !(p.flags & F_CHUNKED) != !h.chunked ||
		!(p.flags & F_CONTENT_LENGTH) != !h.has_length ||
		(h.has_length && p.content_length != h.length))
		abort();
}

/* --- the plane --- */

/* Interim responses, then one; behind it comes nothing. */
static void check(size_t len, bool to_head, bool ended)
{
	static struct head h;
	struct body body;
	size_t at = 0, n, piece;

	while (at < len) {
		struct head_scan scan = {0};
		const enum data_error e = head_scan(&scan, got + at, len - at, &n);

		/* Ours come to those of the worker, and it may have had as many as we take. */
		if (e == DATA_HEAD_TOO_LARGE)
			return;
		if (e)
			abort();
		if (n == 0) {
			/* Half a head only where the connection was cut, or is slow. */
			return;
		}
		if (!head_parse_response(got + at, n, &h))
			abort();
		at += n;
		if (h.status >= 200 || h.status == 101)
			break;
	}
	if (at == 0 || h.status < 200)
		return; /* also a tunnel, whose bytes are the worker's */
	body_init_response(&body, &h, to_head);
	while (at < len && body.state != BODY_DONE) {
		at += body_next(&body, got + at, len - at, &piece);
		if (body.state == BODY_BAD)
			abort();
	}
	if (body.state == BODY_DONE && at != len)
		abort();
	if (!ended && body.state == BODY_CLOSE && at != len)
		abort();
}

static void one(struct rig *r, const uint8_t *data, size_t size, uint8_t how)
{
	static const char upgrade[] = "GET /x HTTP/1.1\r\nHost: h\r\nConnection: "
				      "upgrade\r\nUpgrade: websocket\r\n\r\nabc";
	const bool to_head = how & 0x40, old = how & 0x80;
	const size_t step = ((how & 0x1f) + 1u) * 8;
	char request[128], sink[4096];
	int client = rig_connect(r), worker;
	size_t len = 0;

	snprintf(request, sizeof(request),
		"%s /x HTTP/1.%d\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
		to_head ? "HEAD" : "POST", !old);
	if (how & 0x20)
		snprintf(request, sizeof(request), "%s", upgrade);
	send(client, request, strlen(request), MSG_NOSIGNAL);
	rig_turn(r);
	worker = accept4(r->worker, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (worker < 0)
		abort();
	rig_read(worker, sink, sizeof(sink));
	while (size > 0) {
		const size_t n = size < step ? size : step;

		if (send(worker, data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		rig_turn(r);
		len += rig_read(client, got + len, sizeof(got) - len);
	}
	close(worker);
	rig_turn(r);
	len += rig_read(client, got + len, sizeof(got) - len);
	check(len, to_head && !(how & 0x20), recv(client, sink, 1, 0) == 0);
	close(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig r;

	if (size == 0)
		return 0;
	compare((const char *)data + 1, size - 1);
	rig_open(&r);
	one(&r, data + 1, size - 1, data[0]);
	rig_close(&r);
	return 0;
}
