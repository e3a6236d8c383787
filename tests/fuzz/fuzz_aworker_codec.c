/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds foreign bytes to the decompressors. The first byte of an input says which format (low
 * three bits), and in pieces of which size the rest comes and goes (high five). The output must be
 * the same whatever the pieces, an error too; and what was packed by us must come back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aworker/codec/codec.h"
#include "runtime/base/buf.h"

/* What one input may blow up to, so that a run stays fast. */
#define OUTPUT_MAX ((size_t)64 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
	size_t in, out;
};

/* One step in memory that is exactly as long as it says, so that ASan sees every overrun. */
static int step(struct codec *c, struct codec_io *io, size_t room, struct buf *result,
	enum codec_state *state)
{
	uint8_t *in = malloc(io->in_len + 1), *out = malloc(room);
	struct codec_io part = {in, io->in_len, out, room, io->last};
	struct err err = ERR_INIT;
	int rc;

	if (!in || !out)
		abort();
	if (io->in_len > 0)
		memcpy(in, io->in, io->in_len);
	rc = codec_step(c, &part, state, &err);
	if (rc < 0 && (rc != -EBADMSG || err.msg[0] == '\0'))
		abort();
	if (rc == 0) {
		if (part.in_len > io->in_len || part.out_len > room)
			abort();
		io->in += io->in_len - part.in_len;
		io->in_len = part.in_len;
		buf_put(result, out, room - part.out_len);
	}
	free(in);
	free(out);
	return rc;
}

/* All of `data`, then the end: 0, -EBADMSG, or -EFBIG beyond OUTPUT_MAX. */
static int run(enum codec_format format, bool decompress, struct pieces pieces, const uint8_t *data,
	size_t size, struct buf *result)
{
	enum codec_state state = CODEC_WANTS_INPUT;
	struct codec *c = NULL;
	struct err err = ERR_INIT;
	int rc = codec_create(format, decompress, &c, &err);

	if (rc < 0)
		abort();
	do {
		size_t n = size < pieces.in ? size : pieces.in;
		struct codec_io io = {.in = data, .in_len = n, .last = n == size};

		data += n;
		size -= n;
		do
			rc = step(c, &io, pieces.out, result, &state);
		while (rc == 0 && (state == CODEC_HAS_OUTPUT || io.in_len > 0) &&
			result->len <= OUTPUT_MAX);
		if (rc == 0 && result->len > OUTPUT_MAX)
			rc = -EFBIG;
	} while (rc == 0 && size > 0);
	if (codec_memory(c) == 0)
		abort();
	codec_destroy(c);
	return rc;
}

static void check_same(const struct buf *a, const struct buf *b)
{
	if (a->len != b->len || (a->len > 0 && memcmp(a->data, b->data, a->len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pieces whole = {SIZE_MAX, 65536};
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT, packed = BUF_INIT, back = BUF_INIT;
	enum codec_format format;
	struct pieces pieces;
	int rc;

	if (size == 0 || (data[0] & 7) >= CODEC_FORMATS)
		return 0;
	format = data[0] & 7;
	pieces = (struct pieces){(data[0] >> 3) + 1u, (data[0] >> 3) * 31u + 1u};
	data++;
	size--;
	rc = run(format, true, whole, data, size, &a);
	if (rc != -EFBIG) {
		if (run(format, true, pieces, data, size, &b) != rc)
			abort();
		if (rc == 0)
			check_same(&a, &b);
	}
	if (run(format, false, pieces, data, size, &packed) < 0 ||
		run(format, true, whole, (uint8_t *)packed.data, packed.len, &back) < 0)
		abort();
	if (back.len != size || (size > 0 && memcmp(back.data, data, size) != 0))
		abort();
	return 0;
}
