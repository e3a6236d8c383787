/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once: for trees whose parts live and die
 * together. Nothing is ever moved or freed singly.
 */
#ifndef RUNTIME_BASE_ARENA_H
#define RUNTIME_BASE_ARENA_H

#include <stddef.h>

#include "runtime/base/util.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned */
};

#define ARENA_INIT   \
	{            \
		NULL \
	}

void arena_finish(struct arena *a);
#define _cleanup_arena_ _cleanup_(arena_finish)

/* Zeroed, aligned for any type; NULL when there is no memory. */
void *arena_alloc(struct arena *a, size_t size);
/* `n` elements; NULL as well when the product overflows. */
void *arena_calloc(struct arena *a, size_t n, size_t size);
/* A copy of `len` bytes with a NUL behind it. */
char *arena_strndup(struct arena *a, const char *s, size_t len);

#endif
