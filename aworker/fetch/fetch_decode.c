/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Encoding: gzip, deflate (with zlib's head or without), br and zstd. Output is
 * made a piece at a time as its reader asks for it, so that a small body which stands
 * for a huge one costs its reader's patience and no memory.
 */
#include <brotli/decode.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "aworker/fetch/fetch_priv.h"

/* zstd asks for as much memory as a frame's window: RFC 9659 allows 8 MiB on the web. */
#define ZSTD_WINDOW_LOG 23

enum coding { CODING_GZIP, CODING_DEFLATE, CODING_BROTLI, CODING_ZSTD };

struct fetch_decoder {
	enum coding coding;
	bool started, done;
	z_stream z;
	BrotliDecoderState *brotli;
	ZSTD_DStream *zstd;
};

static bool is_name(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

static bool coding_of(const char *name, size_t len, enum coding *ret)
{
	if (is_name(name, len, "gzip") || is_name(name, len, "x-gzip"))
		*ret = CODING_GZIP;
	else if (is_name(name, len, "deflate"))
		*ret = CODING_DEFLATE;
	else if (is_name(name, len, "br"))
		*ret = CODING_BROTLI;
	else if (is_name(name, len, "zstd"))
		*ret = CODING_ZSTD;
	else
		return false;
	return true;
}

bool fetch_decoder_create(const char *name, size_t len, struct fetch_decoder **ret)
{
	enum coding coding;

	*ret = NULL;
	if (!coding_of(name, len, &coding))
		return is_name(name, len, "identity");
	*ret = calloc(1, sizeof(**ret));
	if (*ret)
		(*ret)->coding = coding;
	return *ret != NULL;
}

void fetch_decoder_destroy(struct fetch_decoder *d)
{
	if (!d)
		return;
	if (d->started && d->coding <= CODING_DEFLATE)
		inflateEnd(&d->z);
	if (d->brotli)
		BrotliDecoderDestroyInstance(d->brotli);
	if (d->zstd)
		ZSTD_freeDStream(d->zstd);
	free(d);
}

/* zlib's head is a multiple of 31 and names method 8; many servers send none. */
static int window_bits(const struct fetch_decoder *d, const uint8_t *in)
{
	if (d->coding == CODING_GZIP)
		return 16 + MAX_WBITS;
	return (in[0] & 0x0f) == 8 && (in[0] * 256 + in[1]) % 31 == 0 ? MAX_WBITS : -MAX_WBITS;
}

static bool start(struct fetch_decoder *d, const uint8_t *in)
{
	switch (d->coding) {
	case CODING_BROTLI:
		d->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		return d->brotli;
	case CODING_ZSTD:
		d->zstd = ZSTD_createDStream();
		return d->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
					  d->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
	default: return inflateInit2(&d->z, window_bits(d, in)) == Z_OK;
	}
}

static bool run_zlib(
	struct fetch_decoder *d, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *room)
{
	int r;

	/* The next member of a gzip file, or a rest that means nothing. */
	if (d->done) {
		if (d->coding != CODING_GZIP || **in != 0x1f) {
			*n_in = 0;
			return true;
		}
		d->done = false;
		if (inflateReset(&d->z) != Z_OK)
			return false;
	}
	d->z.next_in = (uint8_t *)*in;
	d->z.avail_in = *n_in > UINT32_MAX ? UINT32_MAX : (uInt)*n_in;
	d->z.next_out = *out;
	d->z.avail_out = (uInt)*room;
	r = inflate(&d->z, Z_NO_FLUSH);
	*n_in -= (size_t)(d->z.next_in - *in);
	*in = d->z.next_in;
	*out = d->z.next_out;
	*room = d->z.avail_out;
	d->done = r == Z_STREAM_END;
	return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
}

static bool run_brotli(
	struct fetch_decoder *d, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *room)
{
	BrotliDecoderResult r;

	if (d->done) {
		*n_in = 0;
		return true;
	}
	r = BrotliDecoderDecompressStream(d->brotli, n_in, in, room, out, NULL);
	d->done = r == BROTLI_DECODER_RESULT_SUCCESS;
	return r != BROTLI_DECODER_RESULT_ERROR;
}

static bool run_zstd(
	struct fetch_decoder *d, const uint8_t **in, size_t *n_in, uint8_t **out, size_t *room)
{
	ZSTD_inBuffer from = {*in, *n_in, 0};
	ZSTD_outBuffer to = {*out, *room, 0};
	const size_t r = ZSTD_decompressStream(d->zstd, &to, &from);

	*in += from.pos;
	*n_in -= from.pos;
	*out += to.pos;
	*room -= to.pos;
	d->done = r == 0;
	return !ZSTD_isError(r);
}

int fetch_decode(struct fetch_decoder *d, const uint8_t **in, size_t *n_in, uint8_t *out,
	size_t max, size_t *ret_n, struct err *err)
{
	size_t room = max;
	bool ok;

	*ret_n = 0;
	if (!d->started) {
		/* deflate is told from its first two bytes. */
		if (*n_in < 2)
			return 0;
		if (!start(d, *in))
			return err_oom(err);
		d->started = true;
	}
	if (*n_in == 0 && d->done)
		ok = true;
	else if (d->coding == CODING_BROTLI)
		ok = run_brotli(d, in, n_in, &out, &room);
	else if (d->coding == CODING_ZSTD)
		ok = run_zstd(d, in, n_in, &out, &room);
	else
		ok = run_zlib(d, in, n_in, &out, &room);
	*ret_n = max - room;
	if (!ok)
		return err_say(err, EBADMSG, "the body is not what its Content-Encoding says");
	return 0;
}

bool fetch_decoder_is_done(const struct fetch_decoder *d)
{
	return d->done || !d->started;
}
