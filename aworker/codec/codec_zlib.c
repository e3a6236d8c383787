/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, deflate and deflate-raw by zlib. */
#include "aworker/codec/codec_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define WINDOW_BITS  15
#define GZIP_WRAPPER 16
#define MEMORY_LEVEL 8

static void *zlib_alloc(void *c, unsigned n, unsigned size)
{
	size_t bytes;

	if (__builtin_mul_overflow((size_t)n, (size_t)size, &bytes))
		return NULL;
	return codec_alloc(c, bytes);
}

static int window_bits(enum codec_format format)
{
	if (format == CODEC_GZIP)
		return WINDOW_BITS + GZIP_WRAPPER;
	return format == CODEC_DEFLATE_RAW ? -WINDOW_BITS : WINDOW_BITS;
}

static z_stream *new_stream(struct codec *c)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->zalloc = zlib_alloc;
	z->zfree = codec_free;
	z->opaque = c;
	c->stream = z;
	return z;
}

static int deflate_open(struct codec *c, struct err *err)
{
	z_stream *z = new_stream(c);

	if (!z || deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits(c->format),
			  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_oom(err);
	return 0;
}

static int inflate_open(struct codec *c, struct err *err)
{
	z_stream *z = new_stream(c);

	if (!z || inflateInit2(z, window_bits(c->format)) != Z_OK)
		return err_oom(err);
	return 0;
}

static void deflate_close(struct codec *c)
{
	if (c->stream)
		deflateEnd(c->stream);
	free(c->stream);
}

static void inflate_close(struct codec *c)
{
	if (c->stream)
		inflateEnd(c->stream);
	free(c->stream);
}

static unsigned cut(size_t len)
{
	return len > UINT_MAX ? UINT_MAX : (unsigned)len;
}

static int run(struct codec *c, struct codec_io *io, int (*step)(z_stream *, int), int flush)
{
	z_stream *z = c->stream;
	unsigned in = cut(io->in_len), out = cut(io->out_len);
	int rc;

	z->next_in = (Bytef *)(uintptr_t)io->in;
	z->avail_in = in;
	z->next_out = io->out;
	z->avail_out = out;
	rc = step(z, flush);
	io->in += in - z->avail_in;
	io->in_len -= in - z->avail_in;
	io->out += out - z->avail_out;
	io->out_len -= out - z->avail_out;
	if (rc == Z_STREAM_END)
		c->state = CODEC_ENDED;
	else
		c->state = z->avail_out == 0 ? CODEC_HAS_OUTPUT : CODEC_WANTS_INPUT;
	z->next_in = NULL;
	z->next_out = NULL;
	return rc;
}

static int deflate_step(struct codec *c, struct codec_io *io, struct err *err)
{
	int rc = run(c, io, deflate, io->last ? Z_FINISH : Z_NO_FLUSH);

	/* Z_BUF_ERROR: the output was complete when it filled its room exactly. */
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return err_oom(err);
	return 0;
}

static int inflate_step(struct codec *c, struct codec_io *io, struct err *err)
{
	int rc = run(c, io, inflate, Z_NO_FLUSH);

	switch (rc) {
	case Z_OK:
	case Z_STREAM_END:
	case Z_BUF_ERROR: return 0;
	case Z_MEM_ERROR: return err_oom(err);
	case Z_NEED_DICT: return codec_bad(c, "it needs a dictionary", err);
	default: return codec_bad(c, ((z_stream *)c->stream)->msg, err);
	}
}

const struct codec_ops codec_deflate = {
	.open = deflate_open,
	.close = deflate_close,
	.step = deflate_step,
};

const struct codec_ops codec_inflate = {
	.open = inflate_open,
	.close = inflate_close,
	.step = inflate_step,
};
