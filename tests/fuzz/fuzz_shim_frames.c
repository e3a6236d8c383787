/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of ttrpc. However a stream of bytes is cut into pieces, the same frames come out:
 * the first four bytes of an input are the lengths of its pieces, in turn, and what comes
 * out is compared with what comes out of the whole.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "shim/ttrpc_frame.h"

#define LENGTHS	 4
#define SUM_SEED 1469598103934665603u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t sum; /* FNV-1a of all that was seen */
	size_t frames;
	size_t enough; /* frames that are taken */
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void add(struct seen *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		s->sum = (s->sum ^ p[i]) * 1099511628211u;
}

static bool on_frame(void *arg, const struct ttrpc_header *h, const void *message)
{
	struct seen *s = arg;

	require((message == NULL) == (h->length > TTRPC_MESSAGE_MAX));
	add(s, &h->length, sizeof(h->length));
	add(s, &h->stream, sizeof(h->stream));
	add(s, &h->type, sizeof(h->type));
	add(s, &h->flags, sizeof(h->flags));
	if (message)
		add(s, message, h->length);
	return ++s->frames < s->enough;
}

/* Each piece in a block of exactly its size, so that a sanitizer sees the first byte too many. */
static int feed(struct ttrpc_parser *p, const uint8_t *data, size_t len, struct seen *s)
{
	uint8_t *copy = malloc(len ? len : 1);
	int r;

	require(copy != NULL);
	memcpy(copy, data, len);
	r = ttrpc_parser_feed(p, copy, len, on_frame, s);
	free(copy);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ttrpc_parser parts = {0}, whole = {0};
	struct seen by_parts = {SUM_SEED, 0, SIZE_MAX}, at_once = by_parts;
	const uint8_t *lengths = data;
	int r = 0, turn = 0;

	if (size < LENGTHS)
		return 0;
	data += LENGTHS;
	size -= LENGTHS;
	if (lengths[0] == 255)
		by_parts.enough = at_once.enough = 2;
	for (size_t at = 0, n; at < size && r == 0; at += n) {
		n = lengths[turn++ % LENGTHS] + 1u;
		if (n > size - at)
			n = size - at;
		r = feed(&parts, data + at, n, &by_parts);
	}
	require(feed(&whole, data, size, &at_once) == r && (r == 0 || r == -ECANCELED));
	require(by_parts.frames == at_once.frames && by_parts.sum == at_once.sum);
	if (r == 0)
		require(parts.in.len == whole.in.len && parts.skip == whole.skip);
	ttrpc_parser_finish(&parts);
	ttrpc_parser_finish(&whole);
	return 0;
}
