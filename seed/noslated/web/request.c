/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/web/request.h"

#include <errno.h>
#include <llhttp/llhttp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/util.h"

#define NAME_MAX_KEPT 16

enum header { HEADER_OTHER, HEADER_HOST, HEADER_EXPECT, HEADER_ACCEPT };

struct web_parser {
	llhttp_t parser;
	struct web_request request;
	size_t target_len, name_len, value_len, head_len;
	char name[NAME_MAX_KEPT];
	char expect[NAME_MAX_KEPT];
	enum header header;
	bool amid, in_body, asked, whole;
	unsigned hosts;
	int status; /* 0: nothing was wrong */
};

static int refuse(struct web_parser *p, int status)
{
	p->status = status;
	return HPE_USER;
}

/* --- callbacks --- */

static int on_begin(llhttp_t *l)
{
	((struct web_parser *)l->data)->amid = true;
	return HPE_OK;
}

static int on_target(llhttp_t *l, const char *at, size_t len)
{
	struct web_parser *p = l->data;

	if (len >= sizeof(p->request.target) - p->target_len)
		return refuse(p, 414);
	memcpy(p->request.target + p->target_len, at, len);
	p->target_len += len;
	return HPE_OK;
}

static int on_name(llhttp_t *l, const char *at, size_t len)
{
	struct web_parser *p = l->data;

	for (size_t i = 0; i < len && p->name_len < sizeof(p->name); i++)
		p->name[p->name_len++] = at[i];
	return HPE_OK;
}

static bool is_called(const struct web_parser *p, const char *name)
{
	return p->name_len == strlen(name) && strncasecmp(p->name, name, p->name_len) == 0;
}

static int on_name_end(llhttp_t *l)
{
	struct web_parser *p = l->data;

	p->header = is_called(p, "host")     ? HEADER_HOST
		    : is_called(p, "expect") ? HEADER_EXPECT
		    : is_called(p, "accept") ? HEADER_ACCEPT
					     : HEADER_OTHER;
	p->name_len = p->value_len = 0;
	if (p->header == HEADER_HOST && ++p->hosts > 1)
		return refuse(p, 400);
	return HPE_OK;
}

static int take_accept(struct web_parser *p, const char *at, size_t len)
{
	const size_t room = sizeof(p->request.accept) - 1 - p->value_len;
	const size_t n = len < room ? len : room;

	memcpy(p->request.accept + p->value_len, at, n);
	p->value_len += n;
	p->request.accept[p->value_len] = '\0';
	return HPE_OK;
}

static int on_value(llhttp_t *l, const char *at, size_t len)
{
	struct web_parser *p = l->data;
	char *to = p->header == HEADER_HOST ? p->request.host : p->expect;
	const size_t size = p->header == HEADER_HOST ? sizeof(p->request.host) : sizeof(p->expect);

	if (p->header == HEADER_OTHER)
		return HPE_OK;
	if (p->header == HEADER_ACCEPT)
		return take_accept(p, at, len);
	if (len >= size - p->value_len)
		return refuse(p, p->header == HEADER_HOST ? 431 : 417);
	memcpy(to + p->value_len, at, len);
	p->value_len += len;
	to[p->value_len] = '\0';
	return HPE_OK;
}

static enum web_method method_of(const llhttp_t *l)
{
	switch (llhttp_get_method((llhttp_t *)l)) {
	case HTTP_GET: return WEB_GET;
	case HTTP_PUT: return WEB_PUT;
	case HTTP_POST: return WEB_POST;
	case HTTP_DELETE: return WEB_DELETE;
	default: return WEB_OTHER;
	}
}

static int on_head(llhttp_t *l)
{
	struct web_parser *p = l->data;
	char *query = strchr(p->request.target, '?');

	p->in_body = true;
	if (l->http_major != 1 || l->http_minor != 1)
		return refuse(p, 505);
	p->request.method = method_of(l);
	if (query)
		*query++ = '\0';
	p->request.query = query ? query : p->request.target + p->target_len;
	p->request.keep_alive = llhttp_should_keep_alive(l) && !llhttp_get_upgrade(l);
	if ((l->flags & F_CONTENT_LENGTH) && l->content_length > WEB_BODY_MAX)
		return refuse(p, 413);
	if (*p->expect && strcasecmp(p->expect, "100-continue") != 0)
		return refuse(p, 417);
	if (llhttp_get_upgrade(l))
		return refuse(p, 400);
	p->asked = *p->expect != '\0';
	return p->asked ? HPE_PAUSED : HPE_OK;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
	struct web_parser *p = l->data;

	if (len > WEB_BODY_MAX - p->request.body.len)
		return refuse(p, 413);
	buf_put(&p->request.body, at, len);
	return buf_failed(&p->request.body) ? refuse(p, 503) : HPE_OK;
}

static int on_whole(llhttp_t *l)
{
	((struct web_parser *)l->data)->whole = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;

	llhttp_settings_init(&s);
	s.on_message_begin = on_begin;
	s.on_url = on_target;
	s.on_header_field = on_name;
	s.on_header_field_complete = on_name_end;
	s.on_header_value = on_value;
	s.on_headers_complete = on_head;
	s.on_body = on_body;
	s.on_message_complete = on_whole;
	return &s;
}

/* --- the parser --- */

static void begin(struct web_parser *p)
{
	struct buf body = p->request.body;

	/* A large one is not kept for small ones that follow. */
	if (body.cap > WEB_HEAD_MAX)
		buf_finish(&body);
	body.len = 0;
	memset(p, 0, sizeof(*p));
	p->request.body = body;
	p->request.query = "";
	llhttp_init(&p->parser, HTTP_REQUEST, settings());
	p->parser.data = p;
}

struct web_parser *web_parser_create(void)
{
	struct web_parser *p = calloc(1, sizeof(*p));

	if (p)
		begin(p);
	return p;
}

void web_parser_destroy(struct web_parser *p)
{
	if (!p)
		return;
	buf_finish(&p->request.body);
	free(p);
}

void web_parser_next(struct web_parser *p)
{
	begin(p);
}

bool web_parser_is_amid(const struct web_parser *p)
{
	return p->amid;
}

const struct web_request *web_parser_request(const struct web_parser *p)
{
	return &p->request;
}

int web_parser_status(const struct web_parser *p)
{
	return p->status;
}

/* A head is counted with what frames it. Trailers are behind the body, which is counted by itself. */
static bool head_is_too_large(struct web_parser *p, size_t len)
{
	if (p->in_body)
		return false;
	p->head_len += len;
	return p->head_len > WEB_HEAD_MAX;
}

enum web_parsed web_parser_feed(
	struct web_parser *p, const char *data, size_t len, size_t *ret_used)
{
	const size_t take = p->in_body || len < WEB_HEAD_MAX ? len : WEB_HEAD_MAX;
	llhttp_errno_t e;

	*ret_used = 0;
	if (p->status || p->whole)
		return p->status ? WEB_BAD : WEB_WHOLE;
	if (p->asked && llhttp_get_errno(&p->parser) == HPE_PAUSED)
		llhttp_resume(&p->parser);
	e = llhttp_execute(&p->parser, data, take);
	*ret_used = e == HPE_OK ? take : (size_t)(llhttp_get_error_pos(&p->parser) - data);
	if (p->whole)
		return WEB_WHOLE;
	if (e == HPE_PAUSED)
		return WEB_CONTINUE;
	if (e == HPE_OK && !head_is_too_large(p, take))
		return WEB_MORE;
	if (!p->status)
		p->status = e == HPE_OK ? 431 : 400;
	return WEB_BAD;
}

/* --- the target --- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `plus` is a blank, as in queries. False: it is too long, or has a false escape or a NUL. */
static bool decode(const char *s, size_t len, bool plus, char ret[WEB_VALUE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			const int high = i + 2 < len ? hex_of(s[i + 1]) : -1;
			const int low = i + 2 < len ? hex_of(s[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0' || n == WEB_VALUE_MAX - 1)
			return false;
		ret[n++] = c;
	}
	ret[n] = '\0';
	return true;
}

bool web_path_fits(const char *path, const char *pattern, struct web_parts *ret)
{
	size_t n = 0;

	while (*path == '/' && *pattern == '/') {
		const size_t got = strcspn(++path, "/"), wanted = strcspn(++pattern, "/");

		if (wanted == 1 && *pattern == ':') {
			if (n == WEB_PARTS_MAX || got == 0 ||
				!decode(path, got, false, ret->text[n]) ||
				strchr(ret->text[n], '/'))
				return false;
			n++;
		} else if (got != wanted || memcmp(path, pattern, got) != 0) {
			return false;
		}
		path += got;
		pattern += wanted;
	}
	return *path == '\0' && *pattern == '\0';
}

/* "a=b" of "a=b&c=d", and on to the next one. */
struct pair {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool next_pair(const char **at, struct pair *ret)
{
	const char *s = *at;
	const size_t len = strcspn(s, "&");

	if (*s == '\0')
		return false;
	ret->key = s;
	ret->key_len = strcspn(s, "=&");
	ret->value = s[ret->key_len] == '=' ? s + ret->key_len + 1 : s + ret->key_len;
	ret->value_len = (size_t)(s + len - ret->value);
	*at = s[len] ? s + len + 1 : s + len;
	return true;
}

static bool is_key(const struct pair *p, const char *key, size_t len)
{
	return p->key_len == len && memcmp(p->key, key, len) == 0;
}

static unsigned count_key(const char *query, const char *key, size_t len)
{
	struct pair p;
	unsigned n = 0;

	while (next_pair(&query, &p))
		n += is_key(&p, key, len);
	return n;
}

static bool is_known(const struct pair *p, const char *known)
{
	while (*known) {
		const size_t len = strcspn(known, " ");

		if (is_key(p, known, len))
			return true;
		known += len + (known[len] == ' ');
	}
	return false;
}

int web_query_check(const char *query, const char *known, struct err *err)
{
	const char *at = query;
	struct pair p;

	while (next_pair(&at, &p)) {
		if (!is_known(&p, known))
			return err_say(err, EINVAL, "'%.*s' is no parameter here",
				(int)(p.key_len < 64 ? p.key_len : 64), p.key);
		if (count_key(query, p.key, p.key_len) > 1)
			return err_say(err, EINVAL, "'%.*s' is there twice", (int)p.key_len, p.key);
	}
	return 0;
}

int web_query_get(const char *query, const char *key, char ret[WEB_VALUE_MAX], struct err *err)
{
	struct pair p;

	ret[0] = '\0';
	while (next_pair(&query, &p)) {
		if (!is_key(&p, key, strlen(key)))
			continue;
		if (!decode(p.value, p.value_len, true, ret))
			return err_say(err, EINVAL, "'%s' is too long or has a false escape", key);
		return 1;
	}
	return 0;
}

int web_query_number(
	const char *query, const char *key, uint64_t max, uint64_t *ret, struct err *err)
{
	char text[WEB_VALUE_MAX];
	const int r = web_query_get(query, key, text, err);
	unsigned long long n;

	if (r <= 0)
		return r;
	errno = 0;
	n = strtoull(text, NULL, 10);
	if (!*text || strspn(text, "0123456789") != strlen(text) || errno || n > max)
		return err_say(
			err, EINVAL, "'%s' is no number up to %llu", key, (unsigned long long)max);
	*ret = n;
	return 1;
}
