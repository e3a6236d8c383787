/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of requests: of a length, or chunked (RFC 9112 section 7.1).
 *
 * Chunks are decoded by hand and strictly: hexadecimal digits, an extension that
 * is dropped, CRLF and nothing but CRLF. Decoding happens in place: the bytes
 * of a body are never longer than what carried them, so they slide down over
 * the framing. Trailer fields are dropped; they are counted, as are extensions,
 * because a peer could send them for ever.
 */
#include "aworker/http/http_priv.h"

#include <string.h>

/* A chunk size of more digits than this fits no 64-bit number. */
#define CHUNK_DIGITS_MAX 15

void http_body_init(struct http_body *b, const struct http_head *h)
{
	*b = (struct http_body){0};
	if (h->chunked) {
		b->state = HTTP_BODY_SIZE;
	} else if (h->length > 0) {
		b->state = HTTP_BODY_LENGTH;
		b->left = h->length;
	} else {
		b->state = HTTP_BODY_DONE;
	}
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

static enum http_body_state on_size(struct http_body *b, char c)
{
	int digit = hex_digit(c);

	if (digit >= 0) {
		if (b->digits++ == CHUNK_DIGITS_MAX)
			return HTTP_BODY_BAD;
		b->left = b->left * 16 + (unsigned)digit;
		return HTTP_BODY_SIZE_MORE;
	}
	if (b->state == HTTP_BODY_SIZE)
		return HTTP_BODY_BAD;
	if (c == '\r')
		return HTTP_BODY_SIZE_LF;
	/* White space before the extension is "bad", but senders are known that pad. */
	return c == ';' || c == ' ' || c == '\t' ? HTTP_BODY_EXTENSION : HTTP_BODY_BAD;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static enum http_body_state on_extension(struct http_body *b, char c)
{
	if (c == '\r')
		return HTTP_BODY_SIZE_LF;
	if (++b->extensions > HTTP_CHUNK_EXTENSIONS_MAX || (is_control(c) && c != '\t'))
		return HTTP_BODY_BAD;
	return HTTP_BODY_EXTENSION;
}

static enum http_body_state on_trailer(struct http_body *b, char c)
{
	if (++b->trailer > HTTP_TRAILER_MAX)
		return HTTP_BODY_BAD;
	if (c == '\r' && b->state == HTTP_BODY_TRAILER)
		return HTTP_BODY_END_LF;
	/* A line that is no field may be a request to whoever sits in front of us. */
	if (b->state != HTTP_BODY_TRAILER_LINE) {
		if (c == ':' && b->state == HTTP_BODY_TRAILER_NAME)
			return HTTP_BODY_TRAILER_LINE;
		return http_is_token(&c, 1) ? HTTP_BODY_TRAILER_NAME : HTTP_BODY_BAD;
	}
	if (c == '\r')
		return HTTP_BODY_TRAILER_LF;
	return is_control(c) && c != '\t' ? HTTP_BODY_BAD : HTTP_BODY_TRAILER_LINE;
}

/* One byte of framing. */
static enum http_body_state on_frame(struct http_body *b, char c)
{
	switch (b->state) {
	case HTTP_BODY_SIZE:
	case HTTP_BODY_SIZE_MORE: return on_size(b, c);
	case HTTP_BODY_EXTENSION: return on_extension(b, c);
	case HTTP_BODY_SIZE_LF:
		if (c != '\n')
			return HTTP_BODY_BAD;
		return b->left > 0 ? HTTP_BODY_DATA : HTTP_BODY_TRAILER;
	case HTTP_BODY_DATA_CR: return c == '\r' ? HTTP_BODY_DATA_LF : HTTP_BODY_BAD;
	case HTTP_BODY_DATA_LF: b->digits = 0; return c == '\n' ? HTTP_BODY_SIZE : HTTP_BODY_BAD;
	case HTTP_BODY_TRAILER:
	case HTTP_BODY_TRAILER_NAME:
	case HTTP_BODY_TRAILER_LINE: return on_trailer(b, c);
	case HTTP_BODY_TRAILER_LF: return c == '\n' ? HTTP_BODY_TRAILER : HTTP_BODY_BAD;
	case HTTP_BODY_END_LF: return c == '\n' ? HTTP_BODY_DONE : HTTP_BODY_BAD;
	default: return HTTP_BODY_BAD;
	}
}

size_t http_body_decode(struct http_body *b, char *data, size_t len, size_t *ret_taken)
{
	size_t in = 0, out = 0;

	while (in < len && b->state != HTTP_BODY_DONE && b->state != HTTP_BODY_BAD) {
		size_t n = len - in;

		if (b->state != HTTP_BODY_DATA && b->state != HTTP_BODY_LENGTH) {
			b->state = on_frame(b, data[in++]);
			continue;
		}
		if (n > b->left)
			n = (size_t)b->left;
		memmove(data + out, data + in, n);
		in += n;
		out += n;
		b->left -= n;
		if (b->left == 0)
			b->state = b->state == HTTP_BODY_DATA ? HTTP_BODY_DATA_CR : HTTP_BODY_DONE;
	}
	*ret_taken = in;
	return out;
}
