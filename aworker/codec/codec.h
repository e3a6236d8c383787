/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression as a stream: bytes in, bytes out, a step at a time. Whoever calls says how much
 * room there is for the result, so that what a few bytes blow up to is never in memory at once.
 *
 * Knows nothing of JavaScript (aworker/ops/ops_codec.c) and of sockets. Holds memory only, so a
 * stream that is in the middle goes on in a fork and from an image of the process.
 */
#ifndef AWORKER_CODEC_CODEC_H
#define AWORKER_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct codec;

enum codec_format {
	CODEC_DEFLATE,	   /* with the header of zlib (RFC 1950), as HTTP names it */
	CODEC_DEFLATE_RAW, /* RFC 1951 */
	CODEC_GZIP,	   /* RFC 1952, one member */
	CODEC_BROTLI,	   /* RFC 7932 */
	CODEC_ZSTD,	   /* RFC 8878, any number of frames */
	CODEC_FORMATS,
};

enum codec_state {
	CODEC_WANTS_INPUT, /* all input is used and all output given */
	CODEC_HAS_OUTPUT,  /* there may be more: step again, with what is left of the input */
	CODEC_ENDED,	   /* the format's end was written or read */
};

struct codec_io {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
	bool last; /* no input follows */
};

/* What a window of a foreign stream may take: RFC 9659 allows no more on the web. */
#define CODEC_WINDOW_LOG_MAX 23

/* -ENOMEM. */
int codec_create(enum codec_format format, bool decompress, struct codec **ret, struct err *err);
/* Accepts NULL. */
void codec_destroy(struct codec *c);
/*
 * Moves io->in and io->out forward by what was read and written. -EBADMSG: the input is not of the
 * format, goes on behind its end, or `last` was said before it; -ENOMEM. After a failure only
 * codec_destroy() may follow.
 */
int codec_step(struct codec *c, struct codec_io *io, enum codec_state *ret_state, struct err *err);
/* Bytes that the stream holds now, nearly. */
size_t codec_memory(const struct codec *c);

#endif
