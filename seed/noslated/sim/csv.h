/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of comma separated values, for tables with a line of titles. Strict: each line has as many fields
 * as the first one, none is quoted, none holds a control character, no line is empty. Works on bytes in
 * memory that it does not change or copy; no memory of its own but the list of fields.
 *
 * Errors are "FILE:LINE: sentence" and -EINVAL.
 */
#ifndef SEED_NOSLATED_SIM_CSV_H
#define SEED_NOSLATED_SIM_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/util.h"

struct err;

#define CSV_COLUMNS_MAX 4096
#define CSV_FIELD_MAX	1024 /* bytes */
#define CSV_ROWS_MAX	20000000

struct csv_field {
	const char *text; /* without a NUL behind it */
	size_t len;
};

struct csv {
	const char *name; /* borrowed; for errors */
	const char *next, *end;
	unsigned line; /* of the row that is there, from 1 */
	unsigned n_columns;
	struct csv_field *titles; /* owned */
	struct csv_field *fields; /* owned; of the row */
};

#define CSV_INIT  \
	{         \
		0 \
	}

/* Reads the titles. `name` and `data` are borrowed until csv_finish(). */
int csv_init(struct csv *c, const char *name, const char *data, size_t len, struct err *err);
void csv_finish(struct csv *c);
#define _cleanup_csv_ _cleanup_(csv_finish)

/* The column with this title, which has to be there. */
int csv_column(const struct csv *c, const char *title, unsigned *ret, struct err *err);
/* The next row: 1, or 0 at the end. */
int csv_next(struct csv *c, struct err *err);

/* Fields of the row. */
int csv_count(const struct csv *c, unsigned column, uint64_t max, uint64_t *ret, struct err *err);
/* Digits, with a fraction or exponent perhaps; 0 to `max`. */
int csv_number(const struct csv *c, unsigned column, double max, double *ret, struct err *err);
/* Not empty. */
int csv_text(const struct csv *c, unsigned column, struct csv_field *ret, struct err *err);

/* An error of the caller's own about the row. Returns -EINVAL. */
int csv_fail(const struct csv *c, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
