/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer. An allocation failure is remembered instead of
 * reported at each call: append freely, then ask buf_failed() once.
 */
#ifndef RUNTIME_BASE_BUF_H
#define RUNTIME_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/util.h"

struct buf {
	char *data; /* owned; always NUL-terminated once anything was appended */
	size_t len; /* without that NUL */
	size_t cap;
	bool failed;
};

#define BUF_INIT                  \
	{                         \
		NULL, 0, 0, false \
	}

void buf_finish(struct buf *b);
#define _cleanup_buf_ _cleanup_(buf_finish)

void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Appends `len` zero bytes and returns where they are (NULL on failure); moved by the next append. */
void *buf_extend(struct buf *b, size_t len);
/* Drops the first `len` bytes. */
void buf_consume(struct buf *b, size_t len);

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

/* The bytes as a malloc'd string that the caller owns; NULL when an append failed. */
char *buf_take(struct buf *b);

#endif
