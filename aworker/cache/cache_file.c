/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/cache/cache_file.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAGIC "turfcac1"

/* As it lies in a file: of this machine, as the file is. */
struct header {
	char magic[8];
	uint64_t sum; /* of all that follows */
	uint64_t total;
	uint32_t head_len;
	uint32_t index;
	uint32_t len;
	uint32_t none;
};

_Static_assert(sizeof(struct header) == CACHE_BLOCK_HEADER, "header");

static uint64_t sum_of(const void *block, uint32_t len)
{
	const size_t from = offsetof(struct header, total);

	return XXH3_64bits((const char *)block + from, CACHE_BLOCK_HEADER - from + len);
}

void cache_block_seal(void *block, const struct cache_block *b)
{
	struct header h = {
		.total = b->total, .head_len = b->head_len, .index = b->index, .len = b->len};

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	memcpy(block, &h, sizeof(h));
	h.sum = sum_of(block, b->len);
	memcpy(block, &h, sizeof(h));
}

/* What the first block says has to fit together; the others say nothing. */
static bool is_consistent(const struct header *h)
{
	if (h->index > 0)
		return h->total == 0 && h->head_len == 0;
	return h->total <= CACHE_ENTRY_MAX && h->head_len <= CACHE_HEAD_MAX &&
	       h->head_len <= h->total &&
	       h->len == (h->total < CACHE_PIECE ? h->total : CACHE_PIECE);
}

bool cache_block_check(const void *block, size_t len, uint32_t index, struct cache_block *ret)
{
	struct header h;

	if (len < sizeof(h) || len > CACHE_BLOCK)
		return false;
	memcpy(&h, block, sizeof(h));
	if (memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0 || h.index != index ||
		h.len != len - sizeof(h) || h.none != 0 || !is_consistent(&h) ||
		h.sum != sum_of(block, h.len))
		return false;
	*ret = (struct cache_block){
		.total = h.total, .head_len = h.head_len, .index = h.index, .len = h.len};
	return true;
}

uint64_t cache_file_size(uint64_t total)
{
	uint64_t n = total ? (total + CACHE_PIECE - 1) / CACHE_PIECE : 1;

	return total + n * CACHE_BLOCK_HEADER;
}

/* --- heads --- */

bool cache_head_put(struct buf *ret, const char *const *strings, const size_t *lens, size_t n)
{
	size_t total = 0;

	if (n > CACHE_STRINGS_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (lens[i] > CACHE_HEAD_MAX)
			return false;
		total += sizeof(uint32_t) + lens[i];
	}
	if (total > CACHE_HEAD_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const uint32_t len = (uint32_t)lens[i];

		buf_put(ret, &len, sizeof(len));
		buf_put(ret, strings[i], len);
	}
	return true;
}

bool cache_head_parse(const void *bytes, size_t len, struct cache_head *ret)
{
	const char *at = bytes;
	uint32_t n;

	ret->n = 0;
	for (; len > 0; at += n, len -= n) {
		if (len < sizeof(n) || ret->n == CACHE_STRINGS_MAX)
			return false;
		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		len -= sizeof(n);
		if (n > len)
			return false;
		ret->strings[ret->n] = at;
		ret->lens[ret->n++] = n;
	}
	return true;
}

/* --- what an entry may say: it becomes a message of HTTP again --- */

enum {
	HEAD_URL,
	HEAD_METHOD,
	HEAD_STATUS,
	HEAD_REASON,
	HEAD_TYPE,
	HEAD_RESPONSE_URL,
	HEAD_REDIRECTED,
	HEAD_TIME,
	HEAD_COUNT,
};

_Static_assert(HEAD_COUNT + 1 == CACHE_HEAD_FIXED, "strings before the headers");

static bool is_token(const char *s, size_t len, bool lower)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)s[i];
		const bool upper = c >= 'A' && c <= 'Z';

		if (upper && lower)
			return false;
		if (!upper && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			(c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return len > 0;
}

static bool is_value(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] == '\0' || s[i] == '\r' || s[i] == '\n')
			return false;
	return true;
}

/* JavaScript parses it; what it compares before that has no surprises. */
static bool is_url(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return true;
}

/* A decimal number of at most `digits`; -1: it is none. */
static long long number(const struct cache_head *h, size_t i, size_t digits)
{
	long long n = 0;

	if (h->lens[i] == 0 || h->lens[i] > digits)
		return -1;
	for (size_t k = 0; k < h->lens[i]; k++) {
		if (h->strings[i][k] < '0' || h->strings[i][k] > '9')
			return -1;
		n = n * 10 + (h->strings[i][k] - '0');
	}
	return n;
}

static bool is_type(const char *s, size_t len)
{
	static const char *const types[] = {
		"basic", "cors", "default", "error", "opaque", "opaqueredirect"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i]) == len && memcmp(types[i], s, len) == 0)
			return true;
	return false;
}

bool cache_head_is_entry(const struct cache_head *h)
{
	long long status, count;

	if (h->n < CACHE_HEAD_FIXED || (h->n - CACHE_HEAD_FIXED) % 2)
		return false;
	status = number(h, HEAD_STATUS, 3);
	count = number(h, HEAD_COUNT, 4);
	if (status != 0 && (status < 200 || status > 599))
		return false;
	if (count < 0 || count % 2 || (size_t)count > h->n - CACHE_HEAD_FIXED)
		return false;
	if (!is_url(h->strings[HEAD_URL], h->lens[HEAD_URL]) ||
		!is_url(h->strings[HEAD_RESPONSE_URL], h->lens[HEAD_RESPONSE_URL]) ||
		!is_token(h->strings[HEAD_METHOD], h->lens[HEAD_METHOD], false) ||
		!is_value(h->strings[HEAD_REASON], h->lens[HEAD_REASON]) ||
		!is_type(h->strings[HEAD_TYPE], h->lens[HEAD_TYPE]) ||
		h->lens[HEAD_REDIRECTED] > 1 || number(h, HEAD_TIME, 16) < 0)
		return false;
	for (size_t i = CACHE_HEAD_FIXED; i < h->n; i += 2)
		if (!is_token(h->strings[i], h->lens[i], true) ||
			!is_value(h->strings[i + 1], h->lens[i + 1]))
			return false;
	return true;
}
