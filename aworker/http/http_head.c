/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of requests: bytes -> request line, fields, framing.
 *
 * llhttp judges grammar and framing. Before it sees a byte the whole head is here,
 * and each line was held against what RFC 9112 lets a strict recipient refuse: a bare CR
 * or LF, white space before a colon, folded lines, control characters. Parsers that let
 * these pass differ in what they make of them, and request smuggling lives on that
 * difference (llhttp 8.1.0, which distributions ship, is among them: CVE-2023-30589,
 * CVE-2024-27982).
 *
 * Nothing is copied: every string of struct http_head points into the input.
 */
#include "aworker/http/http_priv.h"

#include <ctype.h>
#include <llhttp/llhttp.h>
#include <strings.h>

#include "runtime/base/util.h"

/* What a request line has beside its target: the longest method, two spaces, "HTTP/1.1". */
#define REQUEST_LINE_EXTRA 64

/* --- small grammar --- */

static bool is_tchar(unsigned char c)
{
	return isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool http_is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!is_tchar((unsigned char)s[i]))
			return false;
	}
	return len > 0;
}

bool http_name_is(const char *a, size_t len, const char *b)
{
	return len == strlen(b) && strncasecmp(a, b, len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **s, size_t *len)
{
	while (*len > 0 && is_blank((*s)[0])) {
		(*s)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*s)[*len - 1]))
		(*len)--;
}

bool http_list_has(const char *list, size_t len, const char *token)
{
	const char *end = list + len;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *item = list;
		size_t n = (size_t)((comma ? comma : end) - list);

		trim(&item, &n);
		if (http_name_is(item, n, token))
			return true;
		list = comma ? comma + 1 : end;
	}
	return false;
}

/* --- finding the end --- */

static int scan_line(struct http_scan *scan, const char *line, size_t len)
{
	if (len == 0 || line[len - 1] != '\r')
		return 400;
	if (scan->lines == 0 && len > HTTP_TARGET_MAX + REQUEST_LINE_EXTRA)
		return 414;
	/* The request line and the empty one at the end are no fields. */
	if (++scan->lines > HTTP_HEADERS_MAX + 2)
		return 431;
	return 0;
}

int http_head_scan(struct http_scan *scan, const char *data, size_t len, size_t *ret_len)
{
	*ret_len = 0;
	for (;;) {
		const char *from = data + scan->at + scan->seen;
		const char *lf = memchr(from, '\n', len - scan->at - scan->seen);
		size_t n;
		int r;

		if (!lf) {
			scan->seen = len - scan->at;
			if (scan->lines == 0 && scan->seen > HTTP_TARGET_MAX + REQUEST_LINE_EXTRA)
				return 414;
			return len >= HTTP_HEAD_MAX ? 431 : 0;
		}
		n = (size_t)(lf - (data + scan->at));
		r = scan_line(scan, data + scan->at, n);
		if (r)
			return r;
		scan->at += n + 1;
		scan->seen = 0;
		if (scan->at > HTTP_HEAD_MAX)
			return 431;
		if (n == 1) {
			*ret_len = scan->at;
			return 0;
		}
	}
}

/* --- strict checks, before llhttp --- */

/* No control characters; those of UTF-8 and Latin-1 (obs-text) pass. */
static bool is_clean(const char *s, size_t len, bool tab)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == 0x7f || (c < 0x20 && !(tab && c == '\t')))
			return false;
	}
	return true;
}

static bool is_version(const char *s, size_t len)
{
	return len == 8 && memcmp(s, "HTTP/", 5) == 0 && isdigit((unsigned char)s[5]) &&
	       s[6] == '.' && isdigit((unsigned char)s[7]);
}

static int check_request_line(const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	const char *last = memrchr(line, ' ', len);

	/* Two spaces and no more, or somebody else takes what is between them for the target. */
	if (!is_clean(line, len, false) || !space || space + 1 >= last ||
		memchr(space + 1, ' ', (size_t)(last - space) - 1))
		return 400;
	if (!http_is_token(line, (size_t)(space - line)))
		return 400;
	if (!is_version(last + 1, (size_t)(line + len - last - 1)))
		return 400;
	return last[6] == '1' && (last[8] == '1' || last[8] == '0') ? 0 : 505;
}

static int check_lines(const char *data, size_t len)
{
	const char *end = data + len - 2; /* without the empty line */
	bool first = true;

	while (data < end) {
		const char *lf = memchr(data, '\n', (size_t)(end - data));
		size_t n = (size_t)(lf - data) - 1;
		const char *colon = memchr(data, ':', n);

		if (first) {
			int r = check_request_line(data, n);

			if (r)
				return r;
		} else if (!colon || !http_is_token(data, (size_t)(colon - data)) ||
			   !is_clean(colon, n - (size_t)(colon - data), true)) {
			return 400;
		}
		first = false;
		data = lf + 1;
	}
	return first ? 400 : 0;
}

/* --- llhttp --- */

struct parse {
	llhttp_t llhttp;
	struct http_head *head;
	bool headers_done;
};

static struct http_head *head_of(llhttp_t *p)
{
	return ((struct parse *)p->data)->head;
}

static int on_method(llhttp_t *p, const char *at, size_t len)
{
	head_of(p)->method = at;
	head_of(p)->method_len = len;
	return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
	head_of(p)->target = at;
	head_of(p)->target_len = len;
	return 0;
}

static int on_field(llhttp_t *p, const char *at, size_t len)
{
	struct http_head *h = head_of(p);

	/* An empty value makes no call of on_value: the slot is filled here. */
	if (h->n_strings + 2 > ARRAY_SIZE(h->strings))
		return -1;
	h->strings[h->n_strings] = at;
	h->lens[h->n_strings++] = len;
	h->strings[h->n_strings] = "";
	h->lens[h->n_strings++] = 0;
	return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
	struct http_head *h = head_of(p);

	if (h->n_strings < 2 || h->lens[h->n_strings - 1] != 0)
		return -1;
	trim(&at, &len);
	h->strings[h->n_strings - 1] = at;
	h->lens[h->n_strings - 1] = len;
	return 0;
}

static int on_headers_complete(llhttp_t *p)
{
	((struct parse *)p->data)->headers_done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t parse_settings = {
	.on_method = on_method,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
};

/* --- what the fields mean --- */

/* "1.2.3.4:80", "[::1]", "example.org": nothing that could start a path or hold a user. */
static bool is_host(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!isalnum(c) && (c == 0 || !strchr("-._~!$&'()*+,;=:[]%", c)))
			return false;
	}
	return len > 0;
}

static int take_host(struct http_head *h, const char *value, size_t len)
{
	if (h->host || (len > 0 && !is_host(value, len)))
		return 400;
	h->host = value;
	h->host_len = len;
	return 0;
}

static int take_fields(struct http_head *h)
{
	unsigned encodings = 0;

	for (size_t i = 0; i < h->n_strings; i += 2) {
		const char *name = h->strings[i], *value = h->strings[i + 1];
		size_t n = h->lens[i], len = h->lens[i + 1];

		if (http_name_is(name, n, "host")) {
			int r = take_host(h, value, len);

			if (r)
				return r;
		} else if (http_name_is(name, n, "transfer-encoding")) {
			if (!http_name_is(value, len, "chunked"))
				return 501;
			if (++encodings > 1 || h->minor == 0)
				return 400;
		} else if (http_name_is(name, n, "expect")) {
			if (!http_name_is(value, len, "100-continue"))
				return 417;
			h->expects_continue = h->minor > 0;
		}
	}
	if (h->minor > 0 && !h->host)
		return 400;
	return h->chunked == (encodings > 0) ? 0 : 400;
}

static int status_of_error(llhttp_errno_t e)
{
	switch (e) {
	case HPE_INVALID_METHOD: return 501;
	case HPE_INVALID_VERSION: return 505;
	default: return 400;
	}
}

int http_head_parse(const char *data, size_t len, struct http_head *ret)
{
	struct parse p = {.head = ret};
	llhttp_errno_t e;
	int r;

	r = check_lines(data, len);
	if (r)
		return r;
	ret->n_strings = 0;
	ret->host = NULL;
	ret->host_len = 0;
	ret->target_len = 0;
	ret->expects_continue = false;
	llhttp_init(&p.llhttp, HTTP_REQUEST, &parse_settings);
	p.llhttp.data = &p;
	e = llhttp_execute(&p.llhttp, data, len);
	if (!p.headers_done)
		return status_of_error(e);
	/* It must have seen the same end as we. */
	if (e != HPE_PAUSED || llhttp_get_error_pos(&p.llhttp) != data + len)
		return 400;
	if (p.llhttp.method == HTTP_CONNECT)
		return 501;
	if (ret->target_len > HTTP_TARGET_MAX)
		return 414;
	ret->minor = p.llhttp.http_minor;
	ret->chunked = p.llhttp.flags & F_CHUNKED;
	ret->has_length = p.llhttp.flags & F_CONTENT_LENGTH;
	ret->length = ret->has_length ? p.llhttp.content_length : 0;
	ret->keep_alive = ret->minor > 0 ? !(p.llhttp.flags & F_CONNECTION_CLOSE)
					 : (p.llhttp.flags & F_CONNECTION_KEEP_ALIVE) != 0;
	if (ret->chunked && ret->has_length)
		return 400;
	return take_fields(ret);
}

/* --- URL --- */

/* Bytes that are no ASCII as a URL writes them: what they mean is no matter of encoding then. */
static void put_target(struct buf *ret, const char *text, size_t len)
{
	size_t plain = 0;

	for (size_t i = 0; i < len; i++) {
		if (!(text[i] & 0x80))
			continue;
		buf_put(ret, text + plain, i - plain);
		buf_printf(ret, "%%%02X", (unsigned char)text[i]);
		plain = i + 1;
	}
	buf_put(ret, text + plain, len - plain);
}

/*
 * Whether a URL parser would leave path and query as they are. It says no to some that it would:
 * escapes, which can be dots, and all segments that begin with a dot.
 */
static bool is_plain(const char *text, size_t len)
{
	if (text[0] != '/')
		return false;
	for (size_t i = 1; i < len; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (c == '.' ? text[i - 1] == '/' : !strchr("/?-_~!$&()*+,;=:@", c) || !c)
			return false;
	}
	return true;
}

/* What a URL parser would make of a missing host, or of a user before it, nobody else would. */
static bool is_authority(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] != '/' && text[n] != '?')
		n++;
	return is_host(text, n);
}

bool http_head_url(const struct http_head *h, struct buf *ret, size_t *ret_origin_len)
{
	static const char scheme[] = "http://";
	size_t n = sizeof(scheme) - 1;

	*ret_origin_len = 0;
	/* A fragment never leaves a client: who takes it for a part of the path sees another one. */
	if (memchr(h->target, '#', h->target_len))
		return false;
	if (h->target_len > n && strncasecmp(h->target, scheme, n) == 0) {
		if (!is_authority(h->target + n, h->target_len - n))
			return false;
		put_target(ret, h->target, h->target_len);
		return true;
	}
	/* "*" of OPTIONS stands for the server as a whole. */
	if (h->target_len == 0 ||
		(h->target[0] != '/' && !(h->target_len == 1 && h->target[0] == '*')))
		return false;
	buf_puts(ret, scheme);
	if (h->host_len > 0)
		buf_put(ret, h->host, h->host_len);
	else
		buf_puts(ret, "localhost");
	if (is_plain(h->target, h->target_len))
		*ret_origin_len = ret->len;
	if (h->target[0] == '*')
		buf_puts(ret, "/");
	put_target(ret, h->target, h->target[0] == '*' ? 0 : h->target_len);
	return true;
}
