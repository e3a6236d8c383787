/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

/* Large requests get a block of their own, so that this much is never wasted on them. */
#define ARENA_BLOCK 4096

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of data */
	alignas(max_align_t) char data[];
};

void arena_finish(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
}

/* The first block of the list is the one that is being filled. */
static struct arena_block *block_add(struct arena *a, size_t size)
{
	bool own = size > ARENA_BLOCK / 4;
	struct arena_block *b;

	if (!own)
		size = ARENA_BLOCK;
	if (size > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->used = 0;
	b->size = size;
	if (own && a->blocks) {
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (size > SIZE_MAX - alignof(max_align_t))
		return NULL;
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!b || b->size - b->used < size)
		b = block_add(a, size);
	if (!b)
		return NULL;
	p = b->data + b->used;
	b->used += size;
	/* Not the block as a whole: what is never used need not be touched. */
	return memset(p, 0, size);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;

	if (p)
		memcpy(p, s, len);
	return p;
}
