/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/util.h"

void pool_init(struct pool *p, size_t size, uint32_t max)
{
	*p = (struct pool){.size = size, .max = max, .first_free = POOL_NONE};
}

void pool_finish(struct pool *p)
{
	for (uint32_t i = 0; i < p->n_blocks; i++)
		free(p->blocks[i]);
	free_clear(&p->blocks);
	p->n_blocks = p->used = 0;
	p->first_free = POOL_NONE;
}

int pool_grow(struct pool *p)
{
	const uint32_t n = p->n_blocks;
	char **blocks;

	if (((uint64_t)n + 1) << POOL_BLOCK_BITS > p->max)
		return -E2BIG;
	blocks = reallocarray(p->blocks, n + 1, sizeof(*blocks));
	if (!blocks)
		return -ENOMEM;
	p->blocks = blocks;
	blocks[n] = malloc(POOL_BLOCK * p->size);
	if (!blocks[n])
		return -ENOMEM;
	p->n_blocks++;
	for (uint32_t i = 0; i < POOL_BLOCK; i++)
		*(uint32_t *)(blocks[n] + i * p->size) =
			i + 1 < POOL_BLOCK ? (n << POOL_BLOCK_BITS) + i + 1 : p->first_free;
	p->first_free = n << POOL_BLOCK_BITS;
	return 0;
}
