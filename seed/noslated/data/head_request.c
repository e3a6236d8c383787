/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of requests: the line, what the target and the host are, what is asked for. */
#include "seed/noslated/data/head.h"

#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/head_priv.h"

static void method_traits(struct head *h)
{
	static const char *const idempotent[] = {
		"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

	h->idempotent = false;
	for (size_t i = 0; i < ARRAY_SIZE(idempotent) && !h->idempotent; i++)
		h->idempotent = h->method.len == strlen(idempotent[i]) &&
				memcmp(h->method.at, idempotent[i], h->method.len) == 0;
	h->is_head = h->method.len == 4 && memcmp(h->method.at, "HEAD", 4) == 0;
}

/* In capitals, as all that are registered: "get" would be GET to some and none to others. */
static bool is_method(struct head_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((t.at[i] < 'A' || t.at[i] > 'Z') && t.at[i] != '-' && t.at[i] != '_')
			return false;
	return t.len <= HEAD_LINE_EXTRA / 2 && !head_text_is(t, "connect");
}

/* Two spaces and no more, or somebody else takes what is between them for the target. */
static enum data_error parse_request_line(
	const char *p, const char *end, struct head *h, const char **ret)
{
	const char *at = p;
	enum data_error e;

	while (head_is_token(*p))
		p++;
	if (*p != ' ' || p == at)
		return DATA_BAD_REQUEST;
	h->method = (struct head_text){at, (size_t)(p - at)};
	at = ++p;
	while (head_classes[(unsigned char)*p] & HEAD_TARGET)
		p++;
	h->target = (struct head_text){at, (size_t)(p - at)};
	if (*p++ != ' ' || p == at + 1 || end - p < 10)
		return DATA_BAD_REQUEST;
	if (!head_parse_version(p, h, &e))
		return e;
	if (p[8] != '\r' || p[9] != '\n')
		return DATA_BAD_REQUEST;
	*ret = p + 10;
	method_traits(h);
	if (!is_method(h->method))
		return DATA_BAD_METHOD;
	return h->target.len > HEAD_TARGET_MAX ? DATA_TARGET_TOO_LONG : DATA_OK;
}

static bool is_host(struct head_text t)
{
	if (t.len > HEAD_HOST_MAX)
		return false;
	for (size_t i = 0; i < t.len; i++)
		if (!(head_classes[(unsigned char)t.at[i]] & HEAD_HOST))
			return false;
	return true;
}

/* "." and "..", also written with escapes. */
static bool is_dots(const char *s, size_t len)
{
	unsigned dots = 0;
	size_t i = 0;

	while (i < len) {
		if (s[i] == '.')
			i++;
		else if (len - i >= 3 && head_is_small(s + i, "%2e", 3))
			i += 3;
		else
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

/* Who routes by a path and who serves it must mean the same one; '\' is a '/' to URL parsers. */
static bool is_path(struct head_text t)
{
	const char *at = t.at, *end = t.at + t.len;

	if (t.len == 0 || *at != '/' || memchr(at, '\\', t.len))
		return false;
	while (at) {
		const char *segment = at + 1;

		at = memchr(segment, '/', (size_t)(end - segment));
		if (is_dots(segment, (size_t)((at ? at : end) - segment)))
			return false;
	}
	return true;
}

static enum data_error parse_host(struct head *h)
{
	const struct head_field *f = head_find(h, FIELD_HOST);

	h->host = (struct head_text){"", 0};
	if (!f)
		return h->minor > 0 ? DATA_BAD_HOST : DATA_OK;
	if (head_occurs_twice(h, FIELD_HOST) || !is_host(f->value))
		return DATA_BAD_HOST;
	h->host = f->value;
	return DATA_OK;
}

/* What an absolute target says of the host counts more than the field (RFC 9112, 3.2.2). */
static enum data_error parse_target(struct head *h)
{
	static const char scheme[] = "http://";
	const size_t n = sizeof(scheme) - 1;
	struct head_text *t = &h->target;
	const char *query;

	if (t->len > n && head_is_small(t->at, scheme, n)) {
		struct head_text host = {t->at + n, 0};

		while (host.len < t->len - n && !strchr("/?", host.at[host.len]))
			host.len++;
		if (host.len == 0 || !is_host(host))
			return DATA_BAD_TARGET;
		h->host = host;
		*t = (struct head_text){host.at + host.len, t->len - n - host.len};
		if (t->len == 0)
			*t = (struct head_text){"/", 1};
	} else if (t->len == 1 && *t->at == '*' && head_text_is(h->method, "options")) {
		h->path = (struct head_text){"/", 1};
		return DATA_OK;
	}
	query = memchr(t->at, '?', t->len);
	h->path = (struct head_text){t->at, query ? (size_t)(query - t->at) : t->len};
	return is_path(h->path) ? DATA_OK : DATA_BAD_TARGET;
}

/* Only for WebSocket: h2c would be a tunnel that nobody looks into. */
static void parse_upgrade(struct head *h)
{
	const struct head_field *f = head_find(h, FIELD_UPGRADE);
	const struct head_text name = {"upgrade", 7};

	h->upgrade = f && h->minor > 0 && head_text_is(f->value, "websocket") && !h->chunked &&
		     h->length == 0 && head_text_is(h->method, "get") &&
		     head_connection_names(h, name);
}

enum data_error head_parse_request(const char *data, size_t len, struct head *ret)
{
	const struct head_field *expect;
	const char *p = data;
	enum data_error e;

	e = parse_request_line(data, data + len, ret, &p);
	if (!e)
		e = head_parse_fields(p, data + len, ret);
	if (!e)
		e = head_parse_framing(ret);
	if (!e)
		e = parse_host(ret);
	if (!e)
		e = parse_target(ret);
	if (e)
		return e;
	head_parse_connection(ret);
	parse_upgrade(ret);
	expect = head_find(ret, FIELD_EXPECT);
	if (expect && !head_text_is(expect->value, "100-continue"))
		return DATA_BAD_EXPECTATION;
	ret->expects_continue = expect && ret->minor > 0 && (ret->chunked || ret->length > 0);
	return DATA_OK;
}
