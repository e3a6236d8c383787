/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: of a length, chunked (RFC 9112 section 7.1), or until the end. Chunks are decoded strictly:
 * hexadecimal digits, an extension that is dropped, CRLF and nothing but CRLF. The pieces of a body stay
 * where they are: whoever sends them on does so from there. Trailer fields are dropped; they are counted,
 * as are extensions, because a peer could send them for ever.
 */
#include "seed/noslated/data/head.h"

#include <string.h>

#include "seed/noslated/data/head_priv.h"

/* A chunk size of more digits than this fits no 64-bit number. */
#define CHUNK_DIGITS_MAX 15

static void body_init(struct body *b, const struct head *h)
{
	*b = (struct body){0};
	if (h->chunked) {
		b->state = BODY_SIZE;
	} else if (h->length > 0) {
		b->state = BODY_LENGTH;
		b->left = h->length;
	}
}

void body_init_request(struct body *b, const struct head *h)
{
	body_init(b, h);
}

void body_init_response(struct body *b, const struct head *h, bool no_body)
{
	*b = (struct body){0};
	if (no_body || h->status == 204 || h->status == 304)
		return;
	body_init(b, h);
	if (!h->chunked && !h->has_length)
		b->state = BODY_CLOSE;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum body_state on_size(struct body *b, char c)
{
	const int digit = hex_digit(c);

	if (digit >= 0) {
		if (b->digits++ == CHUNK_DIGITS_MAX)
			return BODY_BAD;
		b->left = b->left * 16 + (unsigned)digit;
		return BODY_SIZE_MORE;
	}
	if (b->state == BODY_SIZE)
		return BODY_BAD;
	if (c == '\r')
		return BODY_SIZE_LF;
	/* White space before the extension is "bad", but senders are known that pad. */
	return c == ';' || c == ' ' || c == '\t' ? BODY_EXTENSION : BODY_BAD;
}

static enum body_state on_extension(struct body *b, char c)
{
	if (c == '\r')
		return BODY_SIZE_LF;
	if (++b->extensions > BODY_EXTENSIONS_MAX || !head_is_value(c))
		return BODY_BAD;
	return BODY_EXTENSION;
}

static enum body_state on_trailer(struct body *b, char c)
{
	if (++b->trailer > BODY_TRAILER_MAX)
		return BODY_BAD;
	if (c == '\r' && b->state == BODY_TRAILER)
		return BODY_END_LF;
	/* A line that is no field may be a request to whoever sits in front of us. */
	if (b->state != BODY_TRAILER_LINE) {
		if (c == ':' && b->state == BODY_TRAILER_NAME)
			return BODY_TRAILER_LINE;
		return head_is_token(c) ? BODY_TRAILER_NAME : BODY_BAD;
	}
	if (c == '\r')
		return BODY_TRAILER_LF;
	return head_is_value(c) ? BODY_TRAILER_LINE : BODY_BAD;
}

/* One byte of framing. */
static enum body_state on_frame(struct body *b, char c)
{
	switch (b->state) {
	case BODY_SIZE:
	case BODY_SIZE_MORE: return on_size(b, c);
	case BODY_EXTENSION: return on_extension(b, c);
	case BODY_SIZE_LF:
		if (c != '\n')
			return BODY_BAD;
		return b->left > 0 ? BODY_DATA : BODY_TRAILER;
	case BODY_DATA_CR: return c == '\r' ? BODY_DATA_LF : BODY_BAD;
	case BODY_DATA_LF: b->digits = 0; return c == '\n' ? BODY_SIZE : BODY_BAD;
	case BODY_TRAILER:
	case BODY_TRAILER_NAME:
	case BODY_TRAILER_LINE: return on_trailer(b, c);
	case BODY_TRAILER_LF: return c == '\n' ? BODY_TRAILER : BODY_BAD;
	case BODY_END_LF: return c == '\n' ? BODY_DONE : BODY_BAD;
	default: return BODY_BAD;
	}
}

size_t body_next(struct body *b, const char *data, size_t len, size_t *ret_len)
{
	size_t at = 0, n;

	*ret_len = 0;
	while (at < len && b->state != BODY_DONE && b->state != BODY_BAD) {
		if (b->state != BODY_DATA && b->state != BODY_LENGTH && b->state != BODY_CLOSE) {
			b->state = on_frame(b, data[at++]);
			continue;
		}
		n = len - at;
		if (b->state != BODY_CLOSE) {
			n = n > b->left ? (size_t)b->left : n;
			b->left -= n;
			if (b->left == 0)
				b->state = b->state == BODY_DATA ? BODY_DATA_CR : BODY_DONE;
		}
		*ret_len = n;
		return at + n;
	}
	return at;
}
