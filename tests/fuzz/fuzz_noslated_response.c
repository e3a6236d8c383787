/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a worker, as its answer to a request. The first byte says in pieces of which size they come (low
 * six bits), whether the request is HEAD and whether the client speaks HTTP/1.0. What the client gets is a
 * response of its framing, or the connection ends.
 */
#include "seed/noslated/data/head.h"
#include "tests/noslated/fuzz_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char got[1 << 20];

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
		if (h.status >= 200)
			break;
	}
	if (at == 0 || h.status < 200)
		return;
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
	const bool to_head = how & 0x40, old = how & 0x80;
	const size_t step = ((how & 0x3f) + 1u) * 8;
	char request[128], sink[4096];
	int client = rig_connect(r), worker;
	size_t len = 0;

	snprintf(request, sizeof(request),
		"%s /x HTTP/1.%d\r\nHost: h\r\nContent-Length: 1\r\n\r\nx",
		to_head ? "HEAD" : "POST", !old);
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
	check(len, to_head, recv(client, sink, 1, 0) == 0);
	close(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig r;

	if (size == 0)
		return 0;
	rig_open(&r);
	one(&r, data + 1, size - 1, data[0]);
	rig_close(&r);
	return 0;
}
