/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/ctl/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/utf8.h"

#define CELL_MAX 512
#define GAP	 2

struct cell {
	enum table_tone tone;
	size_t at, len; /* of the text of all */
	size_t width;	/* characters */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct buf text;
	struct buf cells;
	size_t *widths;
};

static size_t width_of(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

struct table *table_create(const struct table_column *columns, size_t n)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t || !(t->widths = calloc(n, sizeof(*t->widths)))) {
		free(t);
		return NULL;
	}
	t->columns = columns;
	t->n_columns = n;
	for (size_t i = 0; i < n; i++)
		t->widths[i] = strlen(columns[i].title);
	return t;
}

void table_destroy(struct table *t)
{
	if (!t)
		return;
	buf_finish(&t->text);
	buf_finish(&t->cells);
	free(t->widths);
	free(t);
}

static const struct cell *cells_of(const struct table *t)
{
	return (const struct cell *)(const void *)t->cells.data;
}

static size_t n_cells(const struct table *t)
{
	return t->cells.len / sizeof(struct cell);
}

size_t table_rows(const struct table *t)
{
	return n_cells(t) / t->n_columns;
}

void table_put_safely(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		const unsigned char c = (unsigned char)text[i];
		const size_t n = c < 0x80 ? 1 : utf8_sequence(text + i, len - i);

		/* Also those of eight bits, C2 80 to C2 9F. */
		if (n == 0 || c < 0x20 || c == 0x7f ||
			(c == 0xc2 && (unsigned char)text[i + 1] < 0xa0))
			buf_puts(out, "?");
		else
			buf_put(out, text + i, n);
		i += n ? n : 1;
	}
}

void table_put(struct table *t, enum table_tone tone, const char *text)
{
	size_t *width = &t->widths[n_cells(t) % t->n_columns];
	struct cell c = {.tone = tone, .at = t->text.len};

	table_put_safely(&t->text, text, strlen(text));
	c.len = t->text.len - c.at;
	c.width = c.len > 0 && t->text.data ? width_of(t->text.data + c.at, c.len) : 0;
	if (c.width > *width)
		*width = c.width;
	buf_put(&t->cells, &c, sizeof(c));
}

void table_printf(struct table *t, const char *fmt, ...)
{
	char text[CELL_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	table_put(t, TABLE_PLAIN, text);
}

/* --- writing --- */

struct line {
	struct buf *out;
	size_t at, width;
	bool colour;
};

static const char *const tones[] = {
	[TABLE_GOOD] = "\033[32m", [TABLE_ODD] = "\033[33m", [TABLE_BAD] = "\033[31m"};

static void put_blanks(struct line *l, size_t n)
{
	for (; n > 0 && l->at < l->width; n--, l->at++)
		buf_puts(l->out, " ");
}

/* As many of its characters as the line has room for. */
static void put_text(struct line *l, const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (l->at < l->width || ((unsigned char)text[n] & 0xc0) == 0x80))
		l->at += ((unsigned char)text[n++] & 0xc0) != 0x80;
	buf_put(l->out, text, n);
}

static void put_cell(struct line *l, const struct table *t, size_t column, enum table_tone tone,
	const char *before, const char *text, size_t len, size_t width)
{
	const size_t room = t->widths[column] - width;
	const bool last = column + 1 == t->n_columns;
	const char *colour = before ? before : tone != TABLE_PLAIN ? tones[tone] : NULL;

	if (t->columns[column].right)
		put_blanks(l, room);
	if (colour && l->colour)
		buf_puts(l->out, colour);
	put_text(l, text, len);
	if (colour && l->colour)
		buf_puts(l->out, "\033[0m");
	if (!last)
		put_blanks(l, (t->columns[column].right ? 0 : room) + GAP);
}

static void put_titles(struct line *l, const struct table *t)
{
	for (size_t i = 0; i < t->n_columns; i++) {
		const char *title = t->columns[i].title;

		put_cell(l, t, i, TABLE_PLAIN, "\033[1m", title, strlen(title), strlen(title));
	}
	buf_puts(l->out, "\n");
}

bool table_write(const struct table *t, bool colour, size_t width, size_t rows, struct buf *out)
{
	struct line l = {.out = out, .width = width ? width : SIZE_MAX, .colour = colour};
	const struct cell *c = cells_of(t);

	if (buf_failed(&t->text) || buf_failed(&t->cells))
		return false;
	put_titles(&l, t);
	for (size_t i = 0; i < table_rows(t) && (rows == 0 || i < rows); i++) {
		l.at = 0;
		for (size_t j = 0; j < t->n_columns; j++, c++)
			put_cell(&l, t, j, c->tone, NULL, c->len > 0 ? t->text.data + c->at : "",
				c->len, c->width);
		buf_puts(out, "\n");
	}
	return !buf_failed(out);
}

/* --- how amounts look --- */

const char *table_time(uint64_t ns, char ret[TABLE_AMOUNT_MAX])
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};

	if (ns == 0)
		return "-";
	if (ns == UINT64_MAX)
		return ">100s";
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const double n = (double)ns / (double)units[i].ns;

		if (n >= 1 || i + 1 == ARRAY_SIZE(units)) {
			snprintf(ret, TABLE_AMOUNT_MAX, n < 10 ? "%.1f%s" : "%.0f%s", n,
				units[i].unit);
			break;
		}
	}
	return ret;
}

const char *table_bytes(uint64_t bytes, char ret[TABLE_AMOUNT_MAX])
{
	static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti"};
	double n = (double)bytes;
	size_t i = 0;

	if (bytes == 0)
		return "-";
	while (n >= 1024 && i + 1 < ARRAY_SIZE(units)) {
		n /= 1024;
		i++;
	}
	snprintf(ret, TABLE_AMOUNT_MAX, n < 10 && i > 0 ? "%.1f%s" : "%.0f%s", n, units[i]);
	return ret;
}
