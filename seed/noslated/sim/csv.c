/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/err.h"

#define SHOWN_MAX 40 /* characters of a field that an error shows */

int csv_fail(const struct csv *c, struct err *err, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_say(err, EINVAL, "%s:%u: %s", c->name, c->line, text);
}

static int fail_field(const struct csv *c, unsigned column, const char *what, struct err *err)
{
	const struct csv_field *f = &c->fields[column], *t = &c->titles[column];
	const bool cut = f->len > SHOWN_MAX;

	return csv_fail(c, err, "column '%.*s' has '%.*s%s', which is %s",
		(int)(t->len > SHOWN_MAX ? SHOWN_MAX : t->len), t->text,
		(int)(cut ? SHOWN_MAX : f->len), f->text, cut ? "..." : "", what);
}

/* One field of [*next, end), which it leaves behind. */
static int take_field(
	struct csv *c, const char **next, const char *end, struct csv_field *ret, struct err *err)
{
	const char *p = *next;

	for (; p < end && *p != ','; p++) {
		if (*p == '"')
			return csv_fail(c, err, "quoted fields are not supported");
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return csv_fail(c, err, "a control character (%d)", *p);
	}
	if (p - *next > CSV_FIELD_MAX)
		return csv_fail(c, err, "a field of more than %d bytes", CSV_FIELD_MAX);
	*ret = (struct csv_field){*next, (size_t)(p - *next)};
	*next = p;
	return 0;
}

/* The fields of the next line, `max` at most. Their number, or a negative errno. */
static int take_line(struct csv *c, struct csv_field *fields, unsigned max, struct err *err)
{
	const char *p = c->next;
	const char *newline = memchr(p, '\n', (size_t)(c->end - p));
	const char *end = newline ?: c->end;
	unsigned n = 0;
	int r;

	c->line++;
	c->next = newline ? newline + 1 : c->end;
	if (end > p && end[-1] == '\r')
		end--;
	if (p == end)
		return csv_fail(c, err, "an empty line");
	for (;;) {
		if (n == max)
			return csv_fail(c, err, "more than %u columns", max);
		r = take_field(c, &p, end, &fields[n], err);
		if (r < 0)
			return r;
		n++;
		if (p == end)
			return (int)n;
		p++;
	}
}

int csv_init(struct csv *c, const char *name, const char *data, size_t len, struct err *err)
{
	int n;

	*c = (struct csv){.name = name, .next = data, .end = data + len};
	if (len == 0)
		return err_say(err, EINVAL, "%s: is empty", name);
	c->titles = calloc(CSV_COLUMNS_MAX, sizeof(*c->titles));
	c->fields = calloc(CSV_COLUMNS_MAX, sizeof(*c->fields));
	if (!c->titles || !c->fields) {
		csv_finish(c);
		return err_oom(err);
	}
	n = take_line(c, c->titles, CSV_COLUMNS_MAX, err);
	if (n < 0) {
		csv_finish(c);
		return n;
	}
	c->n_columns = (unsigned)n;
	return 0;
}

void csv_finish(struct csv *c)
{
	free_clear(&c->titles);
	free_clear(&c->fields);
}

int csv_column(const struct csv *c, const char *title, unsigned *ret, struct err *err)
{
	const size_t len = strlen(title);

	for (unsigned i = 0; i < c->n_columns; i++)
		if (c->titles[i].len == len && memcmp(c->titles[i].text, title, len) == 0) {
			*ret = i;
			return 0;
		}
	return err_say(err, EINVAL, "%s:1: no column '%s'", c->name, title);
}

int csv_next(struct csv *c, struct err *err)
{
	int n;

	if (c->next == c->end)
		return 0;
	if (c->line > CSV_ROWS_MAX)
		return csv_fail(c, err, "more than %d rows", CSV_ROWS_MAX);
	n = take_line(c, c->fields, CSV_COLUMNS_MAX, err);
	if (n < 0)
		return n;
	if ((unsigned)n != c->n_columns)
		return csv_fail(c, err, "%d columns where the first line has %u", n, c->n_columns);
	return 1;
}

int csv_count(const struct csv *c, unsigned column, uint64_t max, uint64_t *ret, struct err *err)
{
	const struct csv_field *f = &c->fields[column];
	uint64_t v = 0;

	for (size_t i = 0; i < f->len; i++) {
		const char d = f->text[i];

		if (d < '0' || d > '9')
			return fail_field(c, column, "no whole number", err);
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(d - '0'), &v))
			return fail_field(c, column, "too much", err);
	}
	if (f->len == 0)
		return fail_field(c, column, "no whole number", err);
	if (v > max)
		return fail_field(c, column, "too much", err);
	*ret = v;
	return 0;
}

int csv_number(const struct csv *c, unsigned column, double max, double *ret, struct err *err)
{
	const struct csv_field *f = &c->fields[column];
	char text[64], *end;
	double v;

	if (f->len == 0 || f->len >= sizeof(text))
		return fail_field(c, column, "no number", err);
	memcpy(text, f->text, f->len);
	text[f->len] = '\0';
	/* strtod() would take blanks, hexadecimal digits, "inf" and "nan", too. */
	if (strspn(text, "0123456789.eE+-") != f->len)
		return fail_field(c, column, "no number", err);
	v = strtod(text, &end);
	if (*end || end == text)
		return fail_field(c, column, "no number", err);
	if (v < 0)
		return fail_field(c, column, "negative", err);
	if (!(v <= max))
		return fail_field(c, column, "too much", err);
	*ret = v;
	return 0;
}

int csv_text(const struct csv *c, unsigned column, struct csv_field *ret, struct err *err)
{
	if (c->fields[column].len == 0)
		return fail_field(c, column, "empty", err);
	*ret = c->fields[column];
	return 0;
}
