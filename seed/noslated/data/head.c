/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of heads: where one ends, its first line, its fields. */
#include "seed/noslated/data/head.h"

#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/head_priv.h"

#define K HEAD_TOKEN
#define V HEAD_VALUE
#define G HEAD_TARGET
#define H HEAD_HOST

/* A fragment ('#') never leaves a client: it is in no target. */
const unsigned char head_classes[256] = {
	['\t'] = V,
	[' '] = V,
	['!'] = K | V | G | H,
	['"'] = V | G,
	['#'] = K | V,
	['$' ... '\''] = K | V | G | H,
	['(' ... ')'] = V | G | H,
	['*' ... '+'] = K | V | G | H,
	[','] = V | G | H,
	['-' ... '.'] = K | V | G | H,
	['/'] = V | G,
	['0' ... '9'] = K | V | G | H,
	[':' ... ';'] = V | G | H,
	['<'] = V | G,
	['='] = V | G | H,
	['>' ... '@'] = V | G,
	['A' ... 'Z'] = K | V | G | H,
	['['] = V | G | H,
	['\\'] = V | G,
	[']'] = V | G | H,
	['^'] = K | V | G,
	['_'] = K | V | G | H,
	['`'] = K | V | G,
	['a' ... 'z'] = K | V | G | H,
	['{'] = V | G,
	['|'] = K | V | G,
	['}'] = V | G,
	['~'] = K | V | G | H,
	[0x80 ... 0xff] = V | G,
};

#undef K
#undef V
#undef G
#undef H

/* --- finding the end --- */

static enum data_error scan_line(struct head_scan *scan, const char *line, size_t len)
{
	if (len == 0 || line[len - 1] != '\r')
		return DATA_BAD_REQUEST;
	if (scan->lines == 0 && len > HEAD_TARGET_MAX + HEAD_LINE_EXTRA)
		return DATA_TARGET_TOO_LONG;
	/* The first line and the empty one at the end are no fields. */
	return ++scan->lines > HEAD_FIELDS_MAX + 2 ? DATA_HEAD_TOO_LARGE : DATA_OK;
}

enum data_error head_scan(struct head_scan *scan, const char *data, size_t len, size_t *ret_len)
{
	*ret_len = 0;
	for (;;) {
		const char *from = data + scan->at + scan->seen;
		const char *lf = memchr(from, '\n', len - scan->at - scan->seen);
		enum data_error e;
		size_t n;

		if (!lf) {
			scan->seen = len - scan->at;
			if (scan->lines == 0 && scan->seen > HEAD_TARGET_MAX + HEAD_LINE_EXTRA)
				return DATA_TARGET_TOO_LONG;
			return len >= HEAD_MAX ? DATA_HEAD_TOO_LARGE : DATA_OK;
		}
		n = (size_t)(lf - (data + scan->at));
		e = scan_line(scan, data + scan->at, n);
		if (e)
			return e;
		scan->at += n + 1;
		scan->seen = 0;
		if (scan->at > HEAD_MAX)
			return DATA_HEAD_TOO_LARGE;
		if (n == 1) {
			*ret_len = scan->at;
			return DATA_OK;
		}
	}
}

/* --- texts --- */

static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool head_is_small(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (small(a[i]) != b[i])
			return false;
	return true;
}

bool head_text_is(struct head_text a, const char *b)
{
	return a.len == strlen(b) && head_is_small(a.at, b, a.len);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct head_text trim(struct head_text t)
{
	while (t.len > 0 && is_blank(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len > 0 && is_blank(t.at[t.len - 1]))
		t.len--;
	return t;
}

/* The next item of a comma-separated list, which becomes what is behind it. */
static struct head_text next_item(struct head_text *list)
{
	const char *comma = memchr(list->at, ',', list->len);
	const size_t n = comma ? (size_t)(comma - list->at) : list->len;
	const struct head_text item = {list->at, n};

	list->at += n + (comma ? 1 : 0);
	list->len -= n + (comma ? 1 : 0);
	return trim(item);
}

bool head_list_has(struct head_text list, const char *token)
{
	while (list.len > 0)
		if (head_text_is(next_item(&list), token))
			return true;
	return false;
}

const struct head_field *head_find(const struct head *h, enum head_field_id id)
{
	return h->known[id] ? &h->fields[h->known[id] - 1] : NULL;
}

static bool same_text(struct head_text a, struct head_text b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (small(a.at[i]) != small(b.at[i]))
			return false;
	return true;
}

bool head_connection_names(const struct head *h, struct head_text name)
{
	for (unsigned i = h->known[FIELD_CONNECTION]; i > 0 && i <= h->n_fields; i++) {
		struct head_text list = h->fields[i - 1].value;

		if (h->fields[i - 1].id != FIELD_CONNECTION)
			continue;
		while (list.len > 0)
			if (same_text(next_item(&list), name))
				return true;
	}
	return false;
}

/* --- fields --- */

/* By length. */
static const struct known {
	const char *name;
	size_t len;
	enum head_field_id id;
} known_fields[] = {
#define KNOWN(name, id)                    \
	{                                  \
		name, sizeof(name) - 1, id \
	}
	KNOWN("te", FIELD_TE),
	KNOWN("via", FIELD_VIA),
	KNOWN("host", FIELD_HOST),
	KNOWN("proxy", FIELD_PROXY),
	KNOWN("expect", FIELD_EXPECT),
	KNOWN("trailer", FIELD_TRAILER),
	KNOWN("upgrade", FIELD_UPGRADE),
	KNOWN("forwarded", FIELD_FORWARDED),
	KNOWN("connection", FIELD_CONNECTION),
	KNOWN("keep-alive", FIELD_KEEP_ALIVE),
	KNOWN("tracestate", FIELD_TRACESTATE),
	KNOWN("traceparent", FIELD_TRACEPARENT),
	KNOWN("x-request-id", FIELD_REQUEST_ID),
	KNOWN("content-length", FIELD_CONTENT_LENGTH),
	KNOWN("x-forwarded-for", FIELD_FORWARDED_FOR),
	KNOWN("x-noslate-error", FIELD_ERROR),
	KNOWN("x-forwarded-host", FIELD_FORWARDED_HOST),
	KNOWN("transfer-encoding", FIELD_TRANSFER_ENCODING),
	KNOWN("x-forwarded-proto", FIELD_FORWARDED_PROTO),
	KNOWN("x-noslate-function", FIELD_FUNCTION),
#undef KNOWN
};

static enum head_field_id id_of(struct head_text name)
{
	static const char proxy[] = "proxy-";

	for (size_t i = 0; i < ARRAY_SIZE(known_fields) && known_fields[i].len <= name.len; i++)
		if (known_fields[i].len == name.len &&
			head_is_small(name.at, known_fields[i].name, name.len))
			return known_fields[i].id;
	if (name.len >= sizeof(proxy) - 1 && head_is_small(name.at, proxy, sizeof(proxy) - 1))
		return FIELD_PROXY;
	return FIELD_OTHER;
}

/* `at` is the start of a line; NULL: it is no field. Else the start of the next line. */
static const char *parse_field(const char *at, struct head_field *f)
{
	const char *p = at;

	while (head_is_token(*p))
		p++;
	if (*p != ':' || p == at)
		return NULL;
	f->name = (struct head_text){at, (size_t)(p - at)};
	at = ++p;
	while (head_is_value(*p))
		p++;
	if (p[0] != '\r' || p[1] != '\n')
		return NULL;
	f->value = trim((struct head_text){at, (size_t)(p - at)});
	f->id = id_of(f->name);
	return p + 2;
}

/* The bytes end in an empty line, so no loop over a class of bytes leaves them. */
enum data_error head_parse_fields(const char *p, const char *end, struct head *h)
{
	h->n_fields = 0;
	memset(h->known, 0, sizeof(h->known));
	while (p < end - 2) {
		struct head_field *f = &h->fields[h->n_fields];

		if (h->n_fields == HEAD_FIELDS_MAX)
			return DATA_HEAD_TOO_LARGE;
		p = parse_field(p, f);
		if (!p)
			return DATA_BAD_REQUEST;
		h->n_fields++;
		if (f->id != FIELD_OTHER && !h->known[f->id])
			h->known[f->id] = h->n_fields;
	}
	return p == end - 2 && p[0] == '\r' && p[1] == '\n' ? DATA_OK : DATA_BAD_REQUEST;
}

/* --- framing --- */

static bool parse_length(struct head_text t, uint64_t *ret)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || n > (INT64_MAX - 9) / 10)
			return false;
		n = n * 10 + (unsigned)(t.at[i] - '0');
	}
	*ret = n;
	return t.len > 0;
}

/* A second one of these is no list: it is another opinion. */
bool head_occurs_twice(const struct head *h, enum head_field_id id)
{
	for (unsigned i = h->known[id]; i > 0 && i < h->n_fields; i++)
		if (h->fields[i].id == id)
			return true;
	return false;
}

enum data_error head_parse_framing(struct head *h)
{
	const struct head_field *length = head_find(h, FIELD_CONTENT_LENGTH);
	const struct head_field *coding = head_find(h, FIELD_TRANSFER_ENCODING);

	h->has_length = length != NULL;
	h->chunked = coding != NULL;
	h->length = 0;
	if (!length && !coding)
		return DATA_OK;
	if ((length && coding) || head_occurs_twice(h, FIELD_CONTENT_LENGTH) ||
		head_occurs_twice(h, FIELD_TRANSFER_ENCODING))
		return DATA_BAD_FRAMING;
	if (length)
		return parse_length(length->value, &h->length) ? DATA_OK : DATA_BAD_FRAMING;
	if (h->minor == 0)
		return DATA_BAD_FRAMING;
	return head_text_is(coding->value, "chunked") ? DATA_OK : DATA_BAD_CODING;
}

void head_parse_connection(struct head *h)
{
	bool close = false, keep = false;

	for (unsigned i = h->known[FIELD_CONNECTION]; i > 0 && i <= h->n_fields; i++) {
		if (h->fields[i - 1].id != FIELD_CONNECTION)
			continue;
		close |= head_list_has(h->fields[i - 1].value, "close");
		keep |= head_list_has(h->fields[i - 1].value, "keep-alive");
	}
	h->keep_alive = !close && (h->minor > 0 || keep);
}

bool head_parse_version(const char *p, struct head *h, enum data_error *e)
{
	if (memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' || p[6] != '.' || p[7] < '0' ||
		p[7] > '9') {
		*e = DATA_BAD_REQUEST;
		return false;
	}
	*e = p[5] == '1' && (p[7] == '0' || p[7] == '1') ? DATA_OK : DATA_BAD_VERSION;
	h->minor = p[7] - '0';
	return *e == DATA_OK;
}

/* --- responses --- */

bool head_parse_response(const char *data, size_t len, struct head *ret)
{
	const char *p = data, *reason;
	enum data_error e;

	/* "HTTP/1.1 200" and two line ends. */
	if (len < 16 || !head_parse_version(p, ret, &e) || p[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	ret->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	p += 12;
	if (*p == ' ')
		p++;
	else if (*p != '\r')
		return false;
	reason = p;
	while (head_is_value(*p))
		p++;
	ret->reason = (struct head_text){reason, (size_t)(p - reason)};
	if (p[0] != '\r' || p[1] != '\n' || ret->status < 100 || ret->status > 599)
		return false;
	if (head_parse_fields(p + 2, data + len, ret) || head_parse_framing(ret))
		return false;
	head_parse_connection(ret);
	return true;
}
