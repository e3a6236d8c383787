/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data/rewrite.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/decimal.h"
#include "seed/noslated/data/head.h"

/* "via: 1.1 noslated": RFC 9110 wants it of gateways in requests, and leaves it to them in responses. */
#define VIA "via: 1.1 noslated\r\n"

struct out {
	char *at, *end; /* NULL: it did not fit */
};

static void put(struct out *o, const char *data, size_t len)
{
	if (!o->at || (size_t)(o->end - o->at) < len) {
		o->at = NULL;
		return;
	}
	memcpy(o->at, data, len);
	o->at += len;
}

#define PUT(o, literal) put((o), (literal), sizeof(literal) - 1)

static void put_string(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

static void put_text(struct out *o, struct head_text t)
{
	put(o, t.at, t.len);
}

static void put_number(struct out *o, uint64_t n)
{
	char digits[DECIMAL_MAX];

	put(o, digits, decimal_put(digits, n));
}

/* --- fields as they came --- */

/*
 * Copies all fields but those whose bit is in `dropped`, in runs. `names`: Connection has more in it than
 * what is known, and may name some of them.
 */
static void put_fields(struct out *o, const struct head *h, uint32_t dropped, bool names)
{
	const char *from = NULL;

	for (unsigned i = 0; i < h->n_fields; i++) {
		const struct head_field *f = &h->fields[i];
		const bool drop =
			dropped >> f->id & 1 ||
			(names && f->id != FIELD_VIA && head_connection_names(h, f->name));

		if (drop && from)
			put(o, from, (size_t)(f->name.at - from));
		if (drop)
			from = NULL;
		else if (!from)
			from = f->name.at;
	}
	if (from) {
		const struct head_field *last = &h->fields[h->n_fields - 1];

		put(o, from, (size_t)(last->value.at + last->value.len - from));
		PUT(o, "\r\n");
	}
}

static bool names_fields(const struct head *h)
{
	for (unsigned i = h->known[FIELD_CONNECTION]; i > 0 && i <= h->n_fields; i++) {
		const struct head_text v = h->fields[i - 1].value;

		if (h->fields[i - 1].id == FIELD_CONNECTION && !head_text_is(v, "close") &&
			!head_text_is(v, "keep-alive") && !head_text_is(v, "upgrade"))
			return true;
	}
	return false;
}

#define BIT(id) (UINT32_C(1) << (id))

static const uint32_t of_one_hop = BIT(FIELD_CONTENT_LENGTH) | BIT(FIELD_TRANSFER_ENCODING) |
				   BIT(FIELD_CONNECTION) | BIT(FIELD_KEEP_ALIVE) | BIT(FIELD_TE) |
				   BIT(FIELD_TRAILER) | BIT(FIELD_UPGRADE) | BIT(FIELD_PROXY) |
				   BIT(FIELD_REQUEST_ID) | BIT(FIELD_ERROR);

/* --- requests --- */

static uint32_t dropped_of(const struct head *h, const struct rewrite_request *with)
{
	uint32_t d = of_one_hop | BIT(FIELD_HOST) | BIT(FIELD_EXPECT) | BIT(FIELD_FUNCTION);

	if (with->traceparent)
		d |= BIT(FIELD_TRACEPARENT) | (with->goes_on ? 0 : BIT(FIELD_TRACESTATE));
	if (!with->trusts_front)
		return d | BIT(FIELD_FORWARDED) | BIT(FIELD_FORWARDED_FOR) |
		       BIT(FIELD_FORWARDED_HOST) | BIT(FIELD_FORWARDED_PROTO);
	return d | BIT(FIELD_FORWARDED_FOR);
}

static void put_forwarded(struct out *o, const struct head *h, const struct rewrite_request *with)
{
	bool first = true;

	for (unsigned i = 0; with->trusts_front && i < h->n_fields; i++) {
		if (h->fields[i].id != FIELD_FORWARDED_FOR)
			continue;
		put_string(o, first ? "x-forwarded-for: " : ", ");
		put_text(o, h->fields[i].value);
		first = false;
	}
	if (*with->client) {
		put_string(o, first ? "x-forwarded-for: " : ", ");
		put_string(o, with->client);
		first = false;
	}
	if (!first)
		PUT(o, "\r\n");
	if (!with->trusts_front || !h->known[FIELD_FORWARDED_PROTO])
		PUT(o, "x-forwarded-proto: http\r\n");
	if (h->host.len > 0 && (!with->trusts_front || !h->known[FIELD_FORWARDED_HOST])) {
		PUT(o, "x-forwarded-host: ");
		put_text(o, h->host);
		PUT(o, "\r\n");
	}
}

static void put_request_framing(struct out *o, const struct head *h)
{
	if (h->chunked) {
		PUT(o, "transfer-encoding: chunked\r\n");
	} else if (h->has_length) {
		PUT(o, "content-length: ");
		put_number(o, h->length);
		PUT(o, "\r\n");
	}
	if (h->expects_continue)
		PUT(o, "expect: 100-continue\r\n");
	if (h->upgrade)
		PUT(o, "connection: upgrade\r\nupgrade: websocket\r\n");
}

size_t rewrite_request(
	const struct head *h, const struct rewrite_request *with, char *to, size_t size)
{
	struct out o = {to, to + size};

	put_text(&o, h->method);
	PUT(&o, " ");
	/* A query alone came from an absolute target. */
	put_text(&o, h->target);
	PUT(&o, " HTTP/1.1\r\nhost: ");
	if (h->host.len > 0 || h->minor > 0)
		put_text(&o, h->host);
	else
		PUT(&o, "localhost");
	PUT(&o, "\r\n");
	put_fields(&o, h, dropped_of(h, with), names_fields(h));
	put_forwarded(&o, h, with);
	PUT(&o, "x-request-id: ");
	put_string(&o, with->request_id);
	if (with->traceparent) {
		PUT(&o, "\r\ntraceparent: ");
		put_string(&o, with->traceparent);
	}
	PUT(&o, "\r\n" VIA);
	put_request_framing(&o, h);
	PUT(&o, "\r\n");
	return o.at ? (size_t)(o.at - to) : 0;
}

/* --- responses --- */

static void put_response_framing(
	struct out *o, const struct head *h, const struct rewrite_response *with)
{
	if (h->status == 101) {
		PUT(o, "connection: upgrade\r\nupgrade: websocket\r\n");
		return;
	}
	if (with->framing == REWRITE_CHUNKED) {
		PUT(o, "transfer-encoding: chunked\r\n");
	} else if (with->framing == REWRITE_LENGTH) {
		PUT(o, "content-length: ");
		put_number(o, h->length);
		PUT(o, "\r\n");
	}
	if (h->status < 200)
		return;
	if (with->close)
		PUT(o, "connection: close\r\n");
	else if (with->old_client)
		PUT(o, "connection: keep-alive\r\n");
}

size_t rewrite_response(
	const struct head *h, const struct rewrite_response *with, char *to, size_t size)
{
	struct out o = {to, to + size};

	PUT(&o, "HTTP/1.1 ");
	put_number(&o, (uint64_t)h->status);
	PUT(&o, " ");
	put_text(&o, h->reason);
	PUT(&o, "\r\n");
	put_fields(&o, h, of_one_hop, names_fields(h));
	if (h->status >= 200 || h->status == 101) {
		PUT(&o, "x-request-id: ");
		put_string(&o, with->request_id);
		PUT(&o, "\r\n");
	}
	put_response_framing(&o, h, with);
	PUT(&o, "\r\n");
	return o.at ? (size_t)(o.at - to) : 0;
}
