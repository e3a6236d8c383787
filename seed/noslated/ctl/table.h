/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people: columns as wide as their widest cell, numbers to the right. What comes from functions and
 * their workers cannot move the cursor: control characters are shown as '?'.
 */
#ifndef SEED_NOSLATED_CTL_TABLE_H
#define SEED_NOSLATED_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/util.h"

struct buf;

enum table_tone { TABLE_PLAIN, TABLE_GOOD, TABLE_ODD, TABLE_BAD };

struct table_column {
	const char *title;
	bool right; /* of numbers */
};

struct table;

/* `columns` is borrowed. NULL: out of memory. */
struct table *table_create(const struct table_column *columns, size_t n);
void table_destroy(struct table *t);

static inline void table_destroy_ptr_(struct table **t)
{
	table_destroy(*t);
}
#define _cleanup_table_ _cleanup_(table_destroy_ptr_)

/* The next cell, row by row. A failed allocation is told by table_write(). */
void table_put(struct table *t, enum table_tone tone, const char *text);
void table_printf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
size_t table_rows(const struct table *t);

/*
 * Lines of at most `width` characters (0: any), `rows` of them after the titles (0: all). False: out of
 * memory.
 */
bool table_write(const struct table *t, bool colour, size_t width, size_t rows, struct buf *out);

/* Copies text, without what a terminal would take for a command. */
void table_put_safely(struct buf *out, const char *text, size_t len);

/* --- how amounts look --- */

#define TABLE_AMOUNT_MAX 24
/* "1.5ms", "12s"; "-" for none (UINT64_MAX: beyond what is measured) */
const char *table_time(uint64_t ns, char ret[TABLE_AMOUNT_MAX]);
/* "12.3Mi"; "-" for 0 */
const char *table_bytes(uint64_t bytes, char ret[TABLE_AMOUNT_MAX]);

#endif
