/* SPDX-License-Identifier: Apache-2.0 */
/* zstd, without the threads that its library may have. */
#include "aworker/codec/codec_priv.h"

#include <zstd.h>
#include <zstd_errors.h>

static int failed(const struct codec *c, size_t rc, struct err *err)
{
	if (ZSTD_getErrorCode(rc) == ZSTD_error_memory_allocation)
		return err_oom(err);
	return codec_bad(c, ZSTD_getErrorName(rc), err);
}

static void advance(struct codec_io *io, const ZSTD_inBuffer *in, const ZSTD_outBuffer *out)
{
	io->in += in->pos;
	io->in_len -= in->pos;
	io->out += out->pos;
	io->out_len -= out->pos;
}

static int encode_open(struct codec *c, struct err *err)
{
	c->stream = ZSTD_createCStream();
	if (!c->stream || ZSTD_isError(ZSTD_CCtx_setParameter(c->stream, ZSTD_c_checksumFlag, 1)))
		return err_oom(err);
	return 0;
}

static void encode_close(struct codec *c)
{
	ZSTD_freeCStream(c->stream);
}

static int encode_step(struct codec *c, struct codec_io *io, struct err *err)
{
	ZSTD_inBuffer in = {io->in, io->in_len, 0};
	ZSTD_outBuffer out = {io->out, io->out_len, 0};
	size_t left =
		ZSTD_compressStream2(c->stream, &out, &in, io->last ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(left))
		return failed(c, left, err);
	advance(io, &in, &out);
	if (io->last && left == 0)
		c->state = CODEC_ENDED;
	else
		c->state = io->last || io->out_len == 0 ? CODEC_HAS_OUTPUT : CODEC_WANTS_INPUT;
	return 0;
}

static size_t encode_memory(const struct codec *c)
{
	return ZSTD_sizeof_CStream(c->stream);
}

static int decode_open(struct codec *c, struct err *err)
{
	c->stream = ZSTD_createDStream();
	if (!c->stream || ZSTD_isError(ZSTD_DCtx_setParameter(
				  c->stream, ZSTD_d_windowLogMax, CODEC_WINDOW_LOG_MAX)))
		return err_oom(err);
	return 0;
}

static void decode_close(struct codec *c)
{
	ZSTD_freeDStream(c->stream);
}

static int decode_step(struct codec *c, struct codec_io *io, struct err *err)
{
	ZSTD_inBuffer in = {io->in, io->in_len, 0};
	ZSTD_outBuffer out = {io->out, io->out_len, 0};
	size_t left = ZSTD_decompressStream(c->stream, &out, &in);

	if (ZSTD_isError(left))
		return failed(c, left, err);
	advance(io, &in, &out);
	/* 0: the end of a frame, all of which was given. */
	if (left == 0)
		c->state = CODEC_ENDED;
	else
		c->state = io->out_len == 0 ? CODEC_HAS_OUTPUT : CODEC_WANTS_INPUT;
	return 0;
}

static size_t decode_memory(const struct codec *c)
{
	return ZSTD_sizeof_DStream(c->stream);
}

const struct codec_ops codec_zstd_encode = {
	.open = encode_open,
	.close = encode_close,
	.step = encode_step,
	.memory = encode_memory,
};

const struct codec_ops codec_zstd_decode = {
	.open = decode_open,
	.close = decode_close,
	.step = decode_step,
	.memory = decode_memory,
};
