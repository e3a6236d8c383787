/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_NEXT  NAME_FIRST "0123456789."
#define BLANKS	   " \t\r"

struct parser {
	const char *p; /* ends with a NUL */
	const char *name;
	unsigned line;
};

struct vector {
	char **items;
	size_t n;
	size_t n_given; /* that a file does not change */
};

static void skip_blanks(struct parser *s)
{
	s->p += strspn(s->p, BLANKS);
}

/* The item "NAME=..." of the same name as `pair`; n when there is none. */
static size_t find(const struct vector *v, const char *pair)
{
	size_t len = (size_t)(strchr(pair, '=') + 1 - pair), i;

	for (i = 0; i < v->n; i++)
		if (strncmp(v->items[i], pair, len) == 0)
			break;
	return i;
}

/* Takes `pair` over. */
static int put(struct vector *v, char *pair, struct err *err)
{
	size_t i = pair ? find(v, pair) : 0;
	char **items;

	if (!pair)
		return err_oom(err);
	if (i < v->n_given) {
		free(pair);
		return 0;
	}
	if (i < v->n) {
		free(v->items[i]);
		v->items[i] = pair;
		return 0;
	}
	items = realloc(v->items, (v->n + 2) * sizeof(*items));
	if (!items) {
		free(pair);
		return err_oom(err);
	}
	v->items = items;
	items[v->n++] = pair;
	items[v->n] = NULL;
	return 0;
}

static char unescape(char c)
{
	switch (c) {
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return c;
	}
}

static int read_quoted(struct parser *s, struct buf *out, struct err *err)
{
	const unsigned line = s->line;
	const char quote = *s->p++;

	for (; *s->p && *s->p != quote; s->p++) {
		char c = *s->p;

		if (c == '\n')
			s->line++;
		if (c == '\\' && quote == '"' && s->p[1] && strchr("nrt\"\\$", s->p[1]))
			c = unescape(*++s->p);
		buf_put(out, &c, 1);
	}
	if (!*s->p)
		return err_say(
			err, EINVAL, "%s:%u: the quote %c is not closed", s->name, line, quote);
	s->p++;
	skip_blanks(s);
	if (*s->p && *s->p != '\n' && *s->p != '#')
		return err_say(
			err, EINVAL, "%s:%u: text behind the closing quote", s->name, s->line);
	return 0;
}

static void read_plain(struct parser *s, struct buf *out)
{
	const char *start = s->p, *end = s->p;

	for (; *s->p && *s->p != '\n'; s->p++) {
		if (*s->p == '#' && (s->p == start || strchr(BLANKS, s->p[-1])))
			break;
		if (!strchr(BLANKS, *s->p))
			end = s->p + 1;
	}
	buf_put(out, start, (size_t)(end - start));
}

static const char *after_export(const char *p)
{
	const char *rest = str_after(p, "export");

	return rest && (*rest == ' ' || *rest == '\t') ? rest + strspn(rest, BLANKS) : p;
}

static int read_line(struct parser *s, struct vector *v, struct err *err)
{
	struct buf pair = BUF_INIT;
	size_t len;
	int r = 0;

	s->p = after_export(s->p);
	len = strchr(NAME_FIRST, *s->p) ? strspn(s->p, NAME_NEXT) : 0;
	buf_put(&pair, s->p, len);
	buf_puts(&pair, "=");
	s->p += len;
	skip_blanks(s);
	if (len == 0 || *s->p != '=') {
		buf_finish(&pair);
		return err_say(err, EINVAL, "%s:%u: NAME=VALUE is expected", s->name, s->line);
	}
	s->p++;
	skip_blanks(s);
	if (*s->p == '"' || *s->p == '\'' || *s->p == '`')
		r = read_quoted(s, &pair, err);
	else
		read_plain(s, &pair);
	if (r < 0) {
		buf_finish(&pair);
		return r;
	}
	s->p = strchrnul(s->p, '\n');
	return put(v, buf_take(&pair), err);
}

static int read_lines(struct parser *s, struct vector *v, struct err *err)
{
	for (;; s->line++, s->p++) {
		skip_blanks(s);
		if (*s->p == '#')
			s->p = strchrnul(s->p, '\n');
		else if (*s->p && *s->p != '\n' && read_line(s, v, err) < 0)
			return -err->code;
		if (!*s->p)
			return 0;
	}
}

int env_file_parse(const char *text, size_t len, const char *name, const char *const *env,
	char ***ret, struct err *err)
{
	const char *bom = str_after(text, "\xef\xbb\xbf");
	struct parser s = {.p = bom ? bom : text, .name = name, .line = 1};
	struct vector v = {.items = calloc(1, sizeof(*v.items))};

	if (!v.items)
		return err_oom(err);
	if (strlen(text) < len) {
		free(v.items);
		return err_say(err, EINVAL, "%s: holds a NUL", name);
	}
	for (; env && *env; env++) {
		/* What has no "=" cannot be looked up either. */
		if (strchr(*env, '=') && put(&v, strdup(*env), err) < 0)
			goto fail;
	}
	v.n_given = v.n;
	if (read_lines(&s, &v, err) < 0)
		goto fail;
	*ret = v.items;
	return 0;
fail:
	strv_free(v.items);
	return -err->code;
}

int env_file_load(const char *path, const char *const *env, char ***ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, ENV_FILE_MAX, &text, &len, err) < 0)
		return err_wrap(err, "environment");
	return env_file_parse(text, len, path, env, ret, err);
}
