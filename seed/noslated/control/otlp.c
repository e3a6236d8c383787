/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/otlp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/util.h"
#include "seed/noslated/stats/spans.h"

#define SCOPE	     "noslated"
#define DEFAULT_PORT 4318

enum kind { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
#define STATUS_ERROR 2

/* --- attributes --- */

static void begin_attribute(struct json_writer *w, const char *key)
{
	json_write_object_begin(w);
	json_write_member_str(w, "key", key);
	json_write_key(w, "value");
	json_write_object_begin(w);
}

static void end_attribute(struct json_writer *w)
{
	json_write_object_end(w);
	json_write_object_end(w);
}

/* What is not there is no attribute. */
static void put_text(struct json_writer *w, const char *key, const char *value)
{
	if (!*value)
		return;
	begin_attribute(w, key);
	json_write_member_str(w, "stringValue", value);
	end_attribute(w);
}

/* Numbers of 64 bits are strings in JSON of protocol buffers. */
static void put_big(struct json_writer *w, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_write_member_str(w, key, text);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
	begin_attribute(w, key);
	put_big(w, "intValue", value);
	end_attribute(w);
}

/* --- spans --- */

static void put_id(struct json_writer *w, const char *key, const char *id, size_t len)
{
	char text[SPANS_TRACE_LEN + 1];

	memcpy(text, id, len);
	text[len] = '\0';
	json_write_member_str(w, key, text);
}

/* Of a span that nobody else has to know: made of that of its parent. */
static void derive_id(const char parent[SPANS_ID_LEN], char which, char ret[SPANS_ID_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)which;

	for (size_t i = 0; i < SPANS_ID_LEN; i++)
		hash = (hash ^ (unsigned char)parent[i]) * UINT64_C(0x100000001b3);
	hash |= 1; /* none is all zeros */
	for (size_t i = 0; i < SPANS_ID_LEN; i++, hash >>= 4)
		ret[i] = digits[hash & 15];
}

static void begin_span(struct json_writer *w, const struct span_record *r, const char *id,
	const char *parent, enum kind kind)
{
	static const char none[SPANS_ID_LEN + 1] = "0000000000000000";

	json_write_object_begin(w);
	put_id(w, "traceId", r->ids.trace, SPANS_TRACE_LEN);
	put_id(w, "spanId", id, SPANS_ID_LEN);
	if (memcmp(parent, none, SPANS_ID_LEN) != 0)
		put_id(w, "parentSpanId", parent, SPANS_ID_LEN);
	json_write_member_u64(w, "kind", kind);
}

static void put_times(struct json_writer *w, const char *name, uint64_t begin, uint64_t end)
{
	json_write_member_str(w, "name", name);
	put_big(w, "startTimeUnixNano", begin);
	put_big(w, "endTimeUnixNano", end < begin ? begin : end);
}

static void put_status(struct json_writer *w, const struct span_record *r)
{
	if (!*r->error && r->status < 500)
		return;
	json_write_key(w, "status");
	json_write_object_begin(w);
	json_write_member_u64(w, "code", STATUS_ERROR);
	if (*r->error)
		json_write_member_str(w, "message", r->error);
	json_write_object_end(w);
}

static void put_server(struct json_writer *w, const struct span_record *r)
{
	char name[sizeof(r->method) + sizeof(r->function) + 1];

	/* Of few different ones: paths are as many as there are clients. */
	snprintf(name, sizeof(name), "%s%s%s", r->method, *r->function ? " " : "", r->function);
	begin_span(w, r, r->ids.server, r->ids.parent, KIND_SERVER);
	put_times(w, name, r->begun, r->ended);
	json_write_key(w, "attributes");
	json_write_array_begin(w);
	put_text(w, "http.request.method", r->method);
	put_text(w, "url.path", r->path);
	put_number(w, "http.response.status_code", r->status);
	put_text(w, "error.type", r->error);
	put_text(w, "client.address", r->client);
	put_text(w, "noslate.function", r->function);
	put_text(w, "noslate.request_id", r->request_id);
	put_number(w, "noslate.received_bytes", r->in);
	put_number(w, "noslate.sent_bytes", r->out);
	json_write_array_end(w);
	put_status(w, r);
	json_write_object_end(w);
}

static void put_inner(struct json_writer *w, const struct span_record *r, char which,
	const char *name, uint64_t begin, uint64_t end)
{
	char id[SPANS_ID_LEN];

	derive_id(r->ids.server, which, id);
	begin_span(w, r, id, r->ids.server, KIND_INTERNAL);
	put_times(w, name, begin, end);
	json_write_object_end(w);
}

static void put_upstream(struct json_writer *w, const struct span_record *r)
{
	begin_span(w, r, r->ids.upstream, r->ids.server, KIND_CLIENT);
	put_times(w, "upstream", r->sent, r->ended);
	json_write_key(w, "attributes");
	json_write_array_begin(w);
	put_text(w, "noslate.worker", r->worker);
	json_write_array_end(w);
	if (r->first) {
		json_write_key(w, "events");
		json_write_array_begin(w);
		json_write_object_begin(w);
		put_big(w, "timeUnixNano", r->first);
		json_write_member_str(w, "name", "first byte");
		json_write_object_end(w);
		json_write_array_end(w);
	}
	json_write_object_end(w);
}

void otlp_put(struct json_writer *w, const struct span_record *r)
{
	put_server(w, r);
	if (r->queued && r->arrived)
		put_inner(w, r, 'q', "queue", r->arrived, r->sent ? r->sent : r->ended);
	if (r->start_begun)
		put_inner(w, r, 's', "start", r->start_begun, r->start_ended);
	if (r->sent)
		put_upstream(w, r);
}

void otlp_begin(struct json_writer *w, const char *service, const char *host)
{
	json_write_object_begin(w);
	json_write_key(w, "resourceSpans");
	json_write_array_begin(w);
	json_write_object_begin(w);
	json_write_key(w, "resource");
	json_write_object_begin(w);
	json_write_key(w, "attributes");
	json_write_array_begin(w);
	put_text(w, "service.name", service);
	put_text(w, "service.version", TURF_VERSION);
	put_text(w, "host.name", host);
	json_write_array_end(w);
	json_write_object_end(w);
	json_write_key(w, "scopeSpans");
	json_write_array_begin(w);
	json_write_object_begin(w);
	json_write_key(w, "scope");
	json_write_object_begin(w);
	json_write_member_str(w, "name", SCOPE);
	json_write_object_end(w);
	json_write_key(w, "spans");
	json_write_array_begin(w);
}

void otlp_end(struct json_writer *w)
{
	json_write_array_end(w);
	json_write_object_end(w);
	json_write_array_end(w);
	json_write_object_end(w);
	json_write_array_end(w);
	json_write_object_end(w);
}

/* --- what comes back --- */

static uint64_t rejected_of(const char *text, size_t len)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *n;
	struct err ignored = ERR_INIT;
	const char *number;
	uint64_t rejected;

	if (json_parse(text, len, &doc, &ignored) < 0)
		return 0;
	n = json_get(json_get(json_root(doc), "partialSuccess"), "rejectedSpans");
	if (n && json_type(n) == JSON_STRING && json_to_str(n, &number, &ignored) == 0)
		return strtoull(number, NULL, 10);
	return n && json_to_u64(n, &rejected, &ignored) == 0 ? rejected : 0;
}

/* NULL: its head has not ended. */
static const char *body_of(const char *text, size_t len)
{
	const char *end = memmem(text, len, "\r\n\r\n", 4);

	return end ? end + 4 : NULL;
}

bool otlp_answer_is_whole(const char *text, size_t len)
{
	static const char key[] = "\r\ncontent-length:";
	const char *body = body_of(text, len);
	const char *at = body ? strcasestr(text, key) : NULL;

	return at && at < body &&
	       strtoull(at + sizeof(key) - 1, NULL, 10) <= len - (size_t)(body - text);
}

void otlp_parse_answer(const char *text, size_t len, struct otlp_answer *ret)
{
	const char *body = body_of(text, len);

	*ret = (struct otlp_answer){0};
	if (!body || !str_after(text, "HTTP/1.") || body - text < 13 || text[8] != ' ')
		return;
	ret->status = atoi(text + 9);
	if (ret->status == 200)
		ret->rejected = rejected_of(body, len - (size_t)(body - text));
}

/* --- where it goes --- */

static int parse_host(const char **at, struct otlp_url *ret)
{
	const bool bracket = **at == '[';
	const char *begin = *at + bracket;
	const size_t len = strcspn(begin, bracket ? "]" : ":/");

	if (len == 0 || len >= sizeof(ret->host) || (bracket && begin[len] != ']'))
		return -EINVAL;
	memcpy(ret->host, begin, len);
	ret->host[len] = '\0';
	if (streq(ret->host, "localhost"))
		strcpy(ret->host, "127.0.0.1");
	*at = begin + len + bracket;
	return 0;
}

static int parse_port(const char **at, struct otlp_url *ret)
{
	char *end;
	long port = DEFAULT_PORT;

	if (**at == ':') {
		port = strtol(*at + 1, &end, 10);
		if (end == *at + 1 || port < 1 || port > 65535)
			return -EINVAL;
		*at = end;
	}
	ret->port = (int)port;
	return **at == '/' || **at == '\0' ? 0 : -EINVAL;
}

static bool is_sane_path(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '#')
			return false;
	return true;
}

int otlp_parse_url(const char *text, const char *append, struct otlp_url *ret, struct err *err)
{
	const char *at = str_after(text, "http://");
	struct otlp_url url;
	size_t len;

	if (!at)
		return err_say(err, EINVAL, "'%s' does not begin with http://", text);
	if (parse_host(&at, &url) < 0 || parse_port(&at, &url) < 0 || !is_sane_path(at))
		return err_say(err, EINVAL, "'%s' is no http://ADDRESS[:PORT][/PATH]", text);
	len = strlen(at);
	if (*append && len > 0 && at[len - 1] == '/')
		len--;
	if (len + strlen(append) + 2 > sizeof(url.path))
		return err_say(err, ENAMETOOLONG, "'%s' is too long", text);
	snprintf(url.path, sizeof(url.path), "%.*s%s", (int)len, at, append);
	if (!*url.path)
		strcpy(url.path, "/");
	*ret = url;
	return 0;
}
