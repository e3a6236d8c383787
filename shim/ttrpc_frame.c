/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/ttrpc_frame.h"

#include <endian.h>
#include <errno.h>

/* What a parser keeps between two messages; what a long one needed is given back. */
#define IDLE_CAPACITY 4096

static uint32_t get_u32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static void put_u32(unsigned char *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

void ttrpc_put_frame(
	struct buf *out, uint32_t stream, enum ttrpc_type type, const void *message, size_t len)
{
	unsigned char header[TTRPC_HEADER];

	put_u32(header, (uint32_t)len);
	put_u32(header + 4, stream);
	header[8] = (unsigned char)type;
	header[9] = 0;
	buf_put(out, header, sizeof(header));
	buf_put(out, message, len);
}

void ttrpc_parser_finish(struct ttrpc_parser *p)
{
	buf_finish(&p->in);
}

static void get_header(struct ttrpc_header *ret, const unsigned char *p)
{
	ret->length = get_u32(p);
	ret->stream = get_u32(p + 4);
	ret->type = p[8];
	ret->flags = p[9];
}

/* Bytes of `data` that are done with: whole frames, and what is passed over of long ones. */
static int take_frames(struct ttrpc_parser *p, const unsigned char *data, size_t len,
	ttrpc_frame_fn *frame, void *arg, size_t *ret_taken)
{
	struct ttrpc_header h;
	size_t at = 0;

	for (;;) {
		size_t skip = p->skip < len - at ? p->skip : len - at;

		p->skip -= skip;
		at += skip;
		if (len - at < TTRPC_HEADER)
			break;
		get_header(&h, data + at);
		if (h.length > TTRPC_MESSAGE_MAX) {
			p->skip = h.length;
			at += TTRPC_HEADER;
			if (!frame(arg, &h, NULL))
				return -ECANCELED;
			continue;
		}
		if (len - at - TTRPC_HEADER < h.length)
			break;
		at += TTRPC_HEADER + h.length;
		if (!frame(arg, &h, data + at - h.length))
			return -ECANCELED;
	}
	*ret_taken = at;
	return 0;
}

int ttrpc_parser_feed(
	struct ttrpc_parser *p, const void *data, size_t len, ttrpc_frame_fn *frame, void *arg)
{
	bool fresh = p->in.len == 0;
	size_t taken;
	int r;

	/* Most often a whole frame arrives at once: it is not copied. */
	if (!fresh) {
		buf_put(&p->in, data, len);
		if (buf_failed(&p->in))
			return -ENOMEM;
		data = p->in.data;
		len = p->in.len;
	}
	r = take_frames(p, data, len, frame, arg, &taken);
	if (r < 0)
		return r;
	if (fresh)
		buf_put(&p->in, (const char *)data + taken, len - taken);
	else
		buf_consume(&p->in, taken);
	if (buf_failed(&p->in))
		return -ENOMEM;
	if (p->in.len == 0 && p->in.cap > IDLE_CAPACITY)
		buf_finish(&p->in);
	return 0;
}
