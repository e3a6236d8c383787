/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status line and fields of a response. libcurl has framed them; what it lets pass is
 * judged here: a field without a name is dropped, a folded line is joined, NUL or a lone
 * CR is an error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aworker/fetch/fetch_priv.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *trim(const char *s, size_t *len)
{
	while (*len > 0 && is_blank(*s)) {
		s++;
		--*len;
	}
	while (*len > 0 && is_blank(s[*len - 1]))
		--*len;
	return s;
}

/* RFC 9110: tchar. */
static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
			return false;
	}
	return len > 0;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static int parse_status(const char *line, size_t len, struct fetch_head *ret, struct err *err)
{
	const char *space = memchr(line, ' ', len);
	const char *end = line + len;
	const char *digits = space ? space + 1 : end;

	if (end - digits < 3 || digits[0] < '1' || digits[0] > '9')
		return err_say(err, EBADMSG, "the status line of the response is malformed");
	ret->status = 0;
	for (int i = 0; i < 3; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return err_say(err, EBADMSG, "the status of the response is no number");
		ret->status = ret->status * 10 + digits[i] - '0';
	}
	ret->reason_len = (size_t)(end - digits) - 3;
	ret->reason = trim(digits + 3, &ret->reason_len);
	return 0;
}

static void add_field(struct fetch_head *h, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char **strings = (const char **)h->strings;
	size_t *lens = (size_t *)h->lens;
	size_t name_len = colon ? (size_t)(colon - line) : 0, value_len;

	if (!is_token(line, name_len))
		return;
	value_len = len - name_len - 1;
	strings[h->n_strings] = line;
	lens[h->n_strings] = name_len;
	strings[h->n_strings + 1] = trim(colon + 1, &value_len);
	lens[h->n_strings + 1] = value_len;
	h->n_strings += 2;
}

/* A line that begins with a blank belongs to the one before it. */
static void unfold(char *text, size_t len)
{
	for (size_t i = 0; i + 2 < len; i++) {
		if (text[i] == '\r' && text[i + 1] == '\n' && is_blank(text[i + 2]))
			text[i] = text[i + 1] = ' ';
	}
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

int fetch_head_parse(char *text, size_t len, struct fetch_head *ret, struct err *err)
{
	size_t n = count_lines(text, len), at = 0;
	bool is_first = true;

	unfold(text, len);
	ret->strings = calloc(2 * n, sizeof(*ret->strings));
	ret->lens = calloc(2 * n, sizeof(*ret->lens));
	ret->n_strings = 0;
	if (!ret->strings || !ret->lens)
		return err_oom(err);
	while (at < len) {
		const char *line = text + at;
		const char *end = memchr(line, '\n', len - at);
		size_t line_len = end ? (size_t)(end - line) : len - at;

		at += line_len + 1;
		if (line_len > 0 && line[line_len - 1] == '\r')
			line_len--;
		if (memchr(line, 0, line_len) || memchr(line, '\r', line_len))
			return err_say(err, EBADMSG, "a field of the response has NUL or CR in it");
		if (is_first && parse_status(line, line_len, ret, err) < 0)
			return -err->code;
		if (!is_first)
			add_field(ret, line, line_len);
		is_first = false;
	}
	return is_first ? err_say(err, EBADMSG, "the response has no status line") : 0;
}

void fetch_head_finish(struct fetch_head *h)
{
	free((void *)h->strings);
	free((void *)h->lens);
	h->strings = NULL;
	h->lens = NULL;
	h->n_strings = 0;
}

const char *fetch_head_find(const struct fetch_head *h, const char *name, size_t *ret_len)
{
	const size_t len = strlen(name);

	for (size_t i = 0; i + 1 < h->n_strings; i += 2) {
		if (h->lens[i] == len && strncasecmp(h->strings[i], name, len) == 0) {
			*ret_len = h->lens[i + 1];
			return h->strings[i + 1];
		}
	}
	return NULL;
}
