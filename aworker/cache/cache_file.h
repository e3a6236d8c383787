/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file of a cache looks like: functions without state.
 *
 * A file is a row of blocks, CACHE_BLOCK bytes each but the last. Each begins with a header that
 * has its number, how much follows, and a checksum of both. What follows, put together, is the
 * entry: its head, which fits the first block, then the body. The first block is written last and
 * says how long all is. So what is cut off is known when a file is opened, and what is damaged
 * before a byte of the block is used.
 *
 * A head is a list of strings (bytes). That of an entry is
 *   URL and method of the request; status, reason, type and URL of the response, "1" when it was
 *   redirected; milliseconds since 1970 when it was put; the number of the next ones; names and
 *   values of the headers of the request; those of the response.
 */
#ifndef AWORKER_CACHE_CACHE_FILE_H
#define AWORKER_CACHE_CACHE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"

#define CACHE_BLOCK	   65536 /* a multiple of AIO_ALIGN */
#define CACHE_BLOCK_HEADER 40
#define CACHE_PIECE	   (CACHE_BLOCK - CACHE_BLOCK_HEADER) /* of an entry, in a full block */
#define CACHE_HEAD_MAX	   49152			      /* bytes */
#define CACHE_STRINGS_MAX  1024				      /* of a head */
#define CACHE_HEAD_FIXED   9				      /* strings before the headers */
#define CACHE_ENTRY_MAX	   (1ull << 30)			      /* bytes of head and body */

/* What a block says of itself; `len` bytes of the entry stand behind the header. */
struct cache_block {
	uint64_t total;	   /* bytes of the entry; in the first block, else 0 */
	uint32_t head_len; /* likewise */
	uint32_t index;
	uint32_t len;
};

/* Writes the header before the b->len bytes that are there already. */
void cache_block_seal(void *block, const struct cache_block *b);
/* `len` bytes were read where block `index` should be. False: it is damaged. */
bool cache_block_check(const void *block, size_t len, uint32_t index, struct cache_block *ret);
/* How long a file is with `total` bytes in it. */
uint64_t cache_file_size(uint64_t total);

struct cache_head {
	const char *strings[CACHE_STRINGS_MAX]; /* borrowed from the bytes */
	size_t lens[CACHE_STRINGS_MAX];
	size_t n;
};

/* Appends the bytes of a head to *ret. False: it has too many of them, or strings. */
bool cache_head_put(struct buf *ret, const char *const *strings, const size_t *lens, size_t n);
/* False: it is none. */
bool cache_head_parse(const void *bytes, size_t len, struct cache_head *ret);
/* Whether it is that of an entry, and nothing in it can be taken for more than it is. */
bool cache_head_is_entry(const struct cache_head *h);

#endif
