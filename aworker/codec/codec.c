/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that hold for every format: nothing follows the end, nothing is missing before it.
 */
#include "aworker/codec/codec_priv.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "runtime/base/util.h"

static const struct {
	const char *name;
	const struct codec_ops *encode, *decode;
} formats[CODEC_FORMATS] = {
	[CODEC_DEFLATE] = {"deflate", &codec_deflate, &codec_inflate},
	[CODEC_DEFLATE_RAW] = {"deflate-raw", &codec_deflate, &codec_inflate},
	[CODEC_GZIP] = {"gzip", &codec_deflate, &codec_inflate},
	[CODEC_BROTLI] = {"brotli", &codec_brotli_encode, &codec_brotli_decode},
	[CODEC_ZSTD] = {"zstd", &codec_zstd_encode, &codec_zstd_decode},
};

void *codec_alloc(void *c, size_t size)
{
	void *p = malloc(size);

	if (p)
		((struct codec *)c)->memory += malloc_usable_size(p);
	return p;
}

void codec_free(void *c, void *p)
{
	if (p)
		((struct codec *)c)->memory -= malloc_usable_size(p);
	free(p);
}

int codec_bad(const struct codec *c, const char *detail, struct err *err)
{
	const char *name = formats[c->format].name;

	if (detail)
		return err_say(err, EBADMSG, "the data is not valid %s: %s", name, detail);
	return err_say(err, EBADMSG, "the data is not valid %s", name);
}

int codec_create(enum codec_format format, bool decompress, struct codec **ret, struct err *err)
{
	struct codec *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_oom(err);
	c->format = format;
	c->decompress = decompress;
	c->ops = decompress ? formats[format].decode : formats[format].encode;
	rc = c->ops->open(c, err);
	if (rc < 0) {
		codec_destroy(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void codec_destroy(struct codec *c)
{
	if (!c)
		return;
	c->ops->close(c);
	free(c);
}

size_t codec_memory(const struct codec *c)
{
	return sizeof(*c) + (c->ops->memory ? c->ops->memory(c) : c->memory);
}

static bool is_idle(const struct codec *c, const struct codec_io *io)
{
	if (io->in_len > 0 || c->state == CODEC_HAS_OUTPUT)
		return false;
	return c->decompress || !io->last || c->state == CODEC_ENDED;
}

/* A frame of zstd may be followed by another one. */
static bool may_go_on(const struct codec *c)
{
	return c->format == CODEC_ZSTD && c->decompress;
}

int codec_step(struct codec *c, struct codec_io *io, enum codec_state *ret_state, struct err *err)
{
	if (c->state == CODEC_ENDED && io->in_len > 0 && !may_go_on(c))
		return err_say(err, EBADMSG, "there is data behind the end of the %s stream",
			formats[c->format].name);
	if (!is_idle(c, io)) {
		int rc = c->ops->step(c, io, err);

		if (rc < 0)
			return rc;
		/* What is behind the end is refused by the next step, after the output was given. */
		if (c->state == CODEC_WANTS_INPUT && io->in_len > 0)
			c->state = CODEC_HAS_OUTPUT;
	}
	if (io->last && c->decompress && c->state == CODEC_WANTS_INPUT)
		return err_say(
			err, EBADMSG, "the %s stream ends too early", formats[c->format].name);
	*ret_state = c->state;
	return 0;
}
