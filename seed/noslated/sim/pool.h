/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one size that come and go often: each has a place that does not move, and a number. Memory is
 * taken a block at a time and given back at the end.
 */
#ifndef SEED_NOSLATED_SIM_POOL_H
#define SEED_NOSLATED_SIM_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_BLOCK_BITS 12
#define POOL_BLOCK	(UINT32_C(1) << POOL_BLOCK_BITS)
#define POOL_NONE	UINT32_MAX

struct pool {
	size_t size; /* of an object, 4 bytes at least */
	uint32_t max;
	char **blocks; /* owned */
	uint32_t n_blocks, first_free;
	uint32_t used;
};

void pool_init(struct pool *p, size_t size, uint32_t max);
void pool_finish(struct pool *p);
/* -ENOMEM, or -E2BIG when there are `max` already. */
int pool_grow(struct pool *p);

static inline void *pool_at(const struct pool *p, uint32_t i)
{
	return p->blocks[i >> POOL_BLOCK_BITS] + (i & (POOL_BLOCK - 1)) * p->size;
}

/* What is in it is left from before. 0, or as pool_grow(). */
static inline int pool_take(struct pool *p, uint32_t *ret)
{
	if (p->first_free == POOL_NONE) {
		int r = pool_grow(p);

		if (r < 0)
			return r;
	}
	*ret = p->first_free;
	p->first_free = *(const uint32_t *)pool_at(p, *ret);
	p->used++;
	return 0;
}

static inline void pool_give(struct pool *p, uint32_t i)
{
	*(uint32_t *)pool_at(p, i) = p->first_free;
	p->first_free = i;
	p->used--;
}

#endif
