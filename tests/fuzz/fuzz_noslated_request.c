/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client. The first byte says in pieces of which size they come (low seven bits), and whether
 * they go through a data plane (high bit), whose worker must see nothing but whole requests that we would
 * have sent. Else they go through the parser, which must come to the same result whatever the pieces, and
 * take no head for good that llhttp understands in another way.
 */
#include <llhttp/llhttp.h>

#include "seed/noslated/data/head.h"
#include "seed/noslated/data/rewrite.h"
#include "tests/noslated/fuzz_rig.h"

#define REQUESTS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* It knows fewer methods and targets; what it takes it must take as we do. */
static void compare(const char *data, size_t len, const struct head *h)
{
	struct opinion o = {0};
	llhttp_t p;
	llhttp_errno_t e;

	llhttp_init(&p, HTTP_REQUEST, &settings);
	p.data = &o;
	e = llhttp_execute(&p, data, len);
	if (!o.done &&
		(e == HPE_INVALID_METHOD || e == HPE_INVALID_URL || e == HPE_INVALID_CONSTANT))
		return;
	if (!o.done || llhttp_get_error_pos(&p) != data + len || o.fields != h->n_fields ||
		!(p.flags & F_CHUNKED) != !h->chunked ||
		!(p.flags & F_CONTENT_LENGTH) != !h->has_length ||
		(h->has_length && p.content_length != h->length))
		abort();
}

/* --- the parser --- */

static uint64_t hash = 0;

static void add(const void *data, size_t len)
{
	for (const uint8_t *p = data; len > 0; len--)
		hash = (hash ^ *p++) * 0x100000001b3u;
}

static void add_number(uint64_t n)
{
	add(&n, sizeof(n));
}

/* What is sent on is a head of the same framing, and nothing more. */
static void rewrite(const struct head *h)
{
	static struct head again;
	static char to[HEAD_MAX * 2];
	const struct rewrite_request with = {
		.request_id = "i", .traceparent = "t", .client = "c", .trusts_front = h->minor};
	const size_t n = rewrite_request(h, &with, to, sizeof(to));
	struct head_scan scan = {0};
	size_t len;

	if (n == 0)
		abort();
	if (head_scan(&scan, to, n, &len))
		return; /* longer than what we would take */
	if (len != n || head_parse_request(to, n, &again) || again.chunked != h->chunked ||
		again.has_length != (h->has_length && !h->chunked) || again.length != h->length ||
		again.path.len != h->path.len)
		abort();
}

static bool one_body(struct body *b, const char **p, const char *end, size_t step)
{
	while (b->state != BODY_DONE && b->state != BODY_BAD && *p < end) {
		size_t n = (size_t)(end - *p) < step ? (size_t)(end - *p) : step, len;
		const size_t used = body_next(b, *p, n, &len);

		if (used > n || len > used || used == 0)
			abort();
		add(*p + used - len, len);
		*p += used;
	}
	add_number(b->state == BODY_BAD);
	return b->state == BODY_DONE;
}

static bool one_request(const char **p, const char *end, size_t step)
{
	static struct head h;
	struct head_scan scan = {0};
	struct body body;
	enum data_error e = DATA_OK;
	size_t len = 0, have = 0;

	while (!e && len == 0 && have < (size_t)(end - *p)) {
		have += step < (size_t)(end - *p) - have ? step : (size_t)(end - *p) - have;
		e = head_scan(&scan, *p, have, &len);
	}
	if (len == 0) {
		/* Too long is found out sooner or later. */
		add_number(e && have < HEAD_MAX ? 1 : 0);
		return false;
	}
	e = head_parse_request(*p, len, &h);
	add_number(e);
	if (e)
		return false;
	compare(*p, len, &h);
	rewrite(&h);
	add(h.target.at, h.target.len);
	add_number(h.n_fields);
	*p += len;
	body_init_request(&body, &h);
	return one_body(&body, p, end, step);
}

static uint64_t parse(const uint8_t *data, size_t size, size_t step)
{
	/* Exactly as long, so that a sanitizer sees the first byte too many. */
	char *copy = malloc(size + 1);
	const char *p = copy;
	int n = 0;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	hash = 0xcbf29ce484222325u;
	while (n < REQUESTS_MAX && one_request(&p, copy + size, step))
		n++;
	free(copy);
	add_number((uint64_t)n);
	return hash;
}

/* --- the plane --- */

static char seen[1 << 20];

static void serve(const uint8_t *data, size_t size, size_t step)
{
	struct rig r;
	char answer[4096];
	int client, worker = -1;
	size_t len = 0, at = 0;

	rig_open(&r);
	client = rig_connect(&r);
	while (size > 0) {
		const size_t n = size < step ? size : step;

		if (send(client, data, n, MSG_NOSIGNAL) < 0)
			break;
		data += n;
		size -= n;
		rig_turn(&r);
		if (worker < 0)
			worker = accept4(r.worker, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		len += rig_read(worker, seen + len, sizeof(seen) - len);
		at += rig_look(seen + at, len - at, worker);
		rig_turn(&r);
		rig_read(client, answer, sizeof(answer));
	}
	close(client);
	if (worker >= 0)
		close(worker);
	rig_close(&r);
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
