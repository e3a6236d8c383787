/* SPDX-License-Identifier: Apache-2.0 */
/* What codec.c and the libraries' corners say to each other. */
#ifndef AWORKER_CODEC_CODEC_PRIV_H
#define AWORKER_CODEC_CODEC_PRIV_H

#include "aworker/codec/codec.h"

/*
 * One library in one direction. `open` fills c->stream or returns -ENOMEM; `close` accepts what
 * a failed open left. `step` is called only when there is something to do: input, output that
 * waits, or the end of a stream that is written; it never sees bytes behind the end.
 */
struct codec_ops {
	int (*open)(struct codec *c, struct err *err);
	void (*close)(struct codec *c);
	int (*step)(struct codec *c, struct codec_io *io, struct err *err);
	size_t (*memory)(const struct codec *c);
};

struct codec {
	const struct codec_ops *ops;
	enum codec_format format;
	enum codec_state state;
	bool decompress;
	void *stream;  /* of the library */
	size_t memory; /* counted by codec_alloc() */
};

extern const struct codec_ops codec_deflate, codec_inflate;
extern const struct codec_ops codec_brotli_encode, codec_brotli_decode;
extern const struct codec_ops codec_zstd_encode, codec_zstd_decode;

/* For libraries that take an allocator; `c` is its opaque argument. */
void *codec_alloc(void *c, size_t size);
void codec_free(void *c, void *p);

/* "the data is not valid gzip", with `detail` when the library has one. Returns -EBADMSG. */
int codec_bad(const struct codec *c, const char *detail, struct err *err);

#endif
