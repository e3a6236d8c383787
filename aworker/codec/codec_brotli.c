/* SPDX-License-Identifier: Apache-2.0 */
/* brotli by Google's library. Its large windows, which no browser reads, stay off. */
#include "aworker/codec/codec_priv.h"

#include <brotli/decode.h>
#include <brotli/encode.h>

/* What servers use for answers that are made on the fly: denser than gzip and as fast. */
#define QUALITY 5

static int encode_open(struct codec *c, struct err *err)
{
	c->stream = BrotliEncoderCreateInstance(codec_alloc, codec_free, c);
	if (!c->stream || !BrotliEncoderSetParameter(c->stream, BROTLI_PARAM_QUALITY, QUALITY))
		return err_oom(err);
	return 0;
}

static void encode_close(struct codec *c)
{
	BrotliEncoderDestroyInstance(c->stream);
}

static int encode_step(struct codec *c, struct codec_io *io, struct err *err)
{
	if (!BrotliEncoderCompressStream(c->stream,
		    io->last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &io->in_len,
		    &io->in, &io->out_len, &io->out, NULL))
		return err_oom(err);
	if (BrotliEncoderIsFinished(c->stream))
		c->state = CODEC_ENDED;
	else if (BrotliEncoderHasMoreOutput(c->stream) || io->out_len == 0)
		c->state = CODEC_HAS_OUTPUT;
	else
		c->state = CODEC_WANTS_INPUT;
	return 0;
}

static int decode_open(struct codec *c, struct err *err)
{
	c->stream = BrotliDecoderCreateInstance(codec_alloc, codec_free, c);
	return c->stream ? 0 : err_oom(err);
}

static void decode_close(struct codec *c)
{
	BrotliDecoderDestroyInstance(c->stream);
}

static bool is_out_of_memory(BrotliDecoderErrorCode code)
{
	return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
	       code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static int decode_step(struct codec *c, struct codec_io *io, struct err *err)
{
	BrotliDecoderErrorCode code;

	switch (BrotliDecoderDecompressStream(
		c->stream, &io->in_len, &io->in, &io->out_len, &io->out, NULL)) {
	case BROTLI_DECODER_RESULT_SUCCESS: c->state = CODEC_ENDED; return 0;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT: c->state = CODEC_WANTS_INPUT; return 0;
	case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT: c->state = CODEC_HAS_OUTPUT; return 0;
	case BROTLI_DECODER_RESULT_ERROR: break;
	}
	code = BrotliDecoderGetErrorCode(c->stream);
	if (is_out_of_memory(code))
		return err_oom(err);
	return codec_bad(c, BrotliDecoderErrorString(code), err);
}

const struct codec_ops codec_brotli_encode = {
	.open = encode_open,
	.close = encode_close,
	.step = encode_step,
};

const struct codec_ops codec_brotli_decode = {
	.open = decode_open,
	.close = decode_close,
	.step = decode_step,
};
