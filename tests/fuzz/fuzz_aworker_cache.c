/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds bytes to what looks at files of a cache. The first byte says what the rest is: a block as
 * it was found; what a block holds, which then gets a right checksum; or a head, which has to come
 * out of its own strings again.
 */
#include <stdint.h>

#include "aworker/cache/cache_file.h"
#include "runtime/base/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const uint8_t *data, size_t size)
{
	static struct cache_head h;
	struct buf again = BUF_INIT;
	size_t total = 0;

	if (!cache_head_parse(data, size, &h))
		return;
	if (h.n > CACHE_STRINGS_MAX)
		abort();
	for (size_t i = 0; i < h.n; i++) {
		if (h.lens[i] > 0 && (h.strings[i] < (const char *)data ||
					     h.strings[i] + h.lens[i] > (const char *)data + size))
			abort();
		total += h.lens[i];
	}
	if (total > size)
		abort();
	if (cache_head_put(&again, h.strings, h.lens, h.n) &&
		(again.len != size || memcmp(again.data ? again.data : "", data, size) != 0))
		abort();
	buf_finish(&again);
	if (!cache_head_is_entry(&h))
		return;
	/* Nothing that becomes a header may end it. */
	for (size_t i = CACHE_HEAD_FIXED; i < h.n; i++)
		if (memchr(h.strings[i], '\n', h.lens[i]) || memchr(h.strings[i], '\0', h.lens[i]))
			abort();
}

static void check_block(const uint8_t *block, size_t size, uint32_t index)
{
	struct cache_block b;

	if (!cache_block_check(block, size, index, &b))
		return;
	if (b.len != size - CACHE_BLOCK_HEADER || b.index != index || b.head_len > b.len)
		abort();
	if (index == 0 && cache_file_size(b.total) < size)
		abort();
	check_head(block + CACHE_BLOCK_HEADER, b.head_len);
}

/* As a writer would seal it. */
static void check_sealed(const uint8_t *data, size_t size)
{
	const struct cache_block b = {.total = size, .head_len = (uint32_t)size / 2, .len = size};
	uint8_t *block = malloc(CACHE_BLOCK_HEADER + size);
	struct cache_block read;

	if (!block)
		abort();
	memcpy(block + CACHE_BLOCK_HEADER, data, size);
	cache_block_seal(block, &b);
	if (!cache_block_check(block, CACHE_BLOCK_HEADER + size, 0, &read) ||
		read.total != b.total || read.head_len != b.head_len)
		abort();
	check_block(block, CACHE_BLOCK_HEADER + size, 0);
	/* One bit is enough to be known. */
	block[(size * 7) % (CACHE_BLOCK_HEADER + size)] ^= 1;
	if (cache_block_check(block, CACHE_BLOCK_HEADER + size, 0, &read))
		abort();
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0] % 4) {
	case 0: check_block(data + 1, size - 1, 0); break;
	case 1: check_block(data + 1, size - 1, 1); break;
	case 2:
		if (size - 1 <= CACHE_HEAD_MAX)
			check_sealed(data + 1, size - 1);
		break;
	default: check_head(data + 1, size - 1);
	}
	return 0;
}
