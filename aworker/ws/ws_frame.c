/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of WebSocket: a parser that takes bytes as they come, and heads.
 *
 * Memory follows what has arrived, never what a head promises; a promise above the
 * limit is refused at once. Text is checked as it arrives, so that the first wrong
 * byte ends the connection and not the last one.
 */
#include <errno.h>

#include "aworker/ws/websocket.h"

/* A message buffer larger than this is given back when the next one starts. */
#define MESSAGE_KEEP_MAX 16384

#define FIN	    0x80
#define RESERVED    0x70
#define OPCODE	    0x0f
#define MASKED	    0x80
#define LEN_16	    126
#define LEN_64	    127
#define CONTROL_BIT 8

/* --- UTF-8 --- */

static bool utf8_first(struct ws_utf8 *u, uint8_t c)
{
	u->low = 0x80;
	u->high = 0xbf;
	if (c < 0x80) {
		u->need = 0;
	} else if (c >= 0xc2 && c <= 0xdf) {
		u->need = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		u->need = 2;
		if (c == 0xe0)
			u->low = 0xa0;
		if (c == 0xed) /* surrogates */
			u->high = 0x9f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		u->need = 3;
		if (c == 0xf0)
			u->low = 0x90;
		if (c == 0xf4) /* beyond U+10FFFF */
			u->high = 0x8f;
	} else {
		return false;
	}
	return true;
}

bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = data[i];

		if (u->need == 0) {
			if (c >= 0x80 && !utf8_first(u, c))
				return false;
			continue;
		}
		if (c < u->low || c > u->high)
			return false;
		u->low = 0x80;
		u->high = 0xbf;
		u->need--;
	}
	return true;
}

bool ws_utf8_is_whole(const struct ws_utf8 *u)
{
	return u->need == 0;
}

/* --- the parser --- */

void ws_parser_finish(struct ws_parser *p)
{
	buf_finish(&p->message);
}

static bool is_control(enum ws_opcode opcode)
{
	return opcode & CONTROL_BIT;
}

static size_t head_size(const struct ws_parser *p)
{
	size_t n = 2;

	if (p->head_len < 2)
		return n;
	switch (p->head[1] & ~MASKED) {
	case LEN_16: n += 2; break;
	case LEN_64: n += 8; break;
	}
	return n + (p->masked ? WS_MASK_LEN : 0);
}

static uint64_t read_length(const struct ws_parser *p, size_t *ret_at)
{
	uint64_t len = p->head[1] & ~MASKED;
	size_t n = len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0;

	*ret_at = 2 + n;
	if (n == 0)
		return len;
	len = 0;
	for (size_t i = 0; i < n; i++)
		len = len << 8 | p->head[2 + i];
	return len;
}

/* What the first two bytes say already. */
static int check_start(const struct ws_parser *p)
{
	enum ws_opcode opcode = p->head[0] & OPCODE;
	bool fin = p->head[0] & FIN;
	unsigned len = p->head[1] & ~MASKED;

	if ((p->head[0] & RESERVED) || !!(p->head[1] & MASKED) != p->masked)
		return -WS_STATUS_PROTOCOL;
	switch (opcode) {
	case WS_CONTINUATION: return p->running ? 0 : -WS_STATUS_PROTOCOL;
	case WS_TEXT:
	case WS_BINARY: return p->running ? -WS_STATUS_PROTOCOL : 0;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG: return fin && len <= WS_CONTROL_MAX ? 0 : -WS_STATUS_PROTOCOL;
	default: return -WS_STATUS_PROTOCOL;
	}
}

static int start_frame(struct ws_parser *p)
{
	size_t at;

	p->fin = p->head[0] & FIN;
	p->opcode = p->head[0] & OPCODE;
	p->left = read_length(p, &at);
	if (p->masked)
		memcpy(p->mask, p->head + at, WS_MASK_LEN);
	p->mask_at = 0;
	p->head_len = 0;
	p->in_payload = true;
	if (is_control(p->opcode)) {
		p->control_len = 0;
		return 0;
	}
	/* The highest bit of a length is never set (5.2). */
	if (p->left >> 63)
		return -WS_STATUS_PROTOCOL;
	if (p->left > p->message_max - p->message.len)
		return -WS_STATUS_TOO_BIG;
	if (p->opcode != WS_CONTINUATION) {
		p->running = p->opcode;
		p->utf8 = (struct ws_utf8){0};
	}
	return 0;
}

/* Returns how many bytes were taken, or a negative status. */
static ssize_t take_head(struct ws_parser *p, const uint8_t *data, size_t len)
{
	size_t taken = 0;

	while (taken < len && p->head_len < head_size(p)) {
		int r;

		p->head[p->head_len++] = data[taken++];
		r = p->head_len == 2 ? check_start(p) : 0;
		if (r < 0)
			return r;
	}
	if (p->head_len == head_size(p)) {
		int r = start_frame(p);

		if (r < 0)
			return r;
	}
	return (ssize_t)taken;
}

static int take_payload(struct ws_parser *p, uint8_t *data, size_t len)
{
	if (p->masked)
		ws_mask(data, len, p->mask, p->mask_at);
	p->mask_at = (uint8_t)((p->mask_at + len) % WS_MASK_LEN);
	p->left -= len;
	if (is_control(p->opcode)) {
		memcpy(p->control + p->control_len, data, len);
		p->control_len += len;
		return 0;
	}
	if (p->running == WS_TEXT && !ws_utf8_feed(&p->utf8, data, len))
		return -WS_STATUS_DATA;
	buf_put(&p->message, data, len);
	return buf_failed(&p->message) ? -WS_STATUS_INTERNAL : 0;
}

bool ws_status_is_valid(unsigned status)
{
	if (status >= 3000)
		return status <= 4999;
	return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014);
}

static int check_close(const struct ws_parser *p)
{
	struct ws_utf8 utf8 = {0};

	if (p->control_len == 0)
		return WS_CLOSE;
	if (p->control_len == 1 ||
		!ws_status_is_valid((unsigned)p->control[0] << 8 | p->control[1]))
		return -WS_STATUS_PROTOCOL;
	if (!ws_utf8_feed(&utf8, p->control + 2, p->control_len - 2) || !ws_utf8_is_whole(&utf8))
		return -WS_STATUS_DATA;
	return WS_CLOSE;
}

/* A frame is complete: what it completes. */
static int end_frame(struct ws_parser *p, struct ws_message *ret)
{
	enum ws_opcode opcode = p->running;

	p->in_payload = false;
	if (is_control(p->opcode)) {
		*ret = (struct ws_message){p->control, p->control_len};
		return p->opcode == WS_CLOSE ? check_close(p) : (int)p->opcode;
	}
	if (!p->fin)
		return 0;
	if (opcode == WS_TEXT && !ws_utf8_is_whole(&p->utf8))
		return -WS_STATUS_DATA;
	p->running = 0;
	p->delivered = true;
	*ret = (struct ws_message){(const uint8_t *)p->message.data, p->message.len};
	return (int)opcode;
}

static void forget_delivered(struct ws_parser *p)
{
	if (!p->delivered)
		return;
	p->delivered = false;
	if (p->message.cap > MESSAGE_KEEP_MAX)
		buf_finish(&p->message);
	p->message.len = 0;
}

int ws_parse(
	struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_taken, struct ws_message *ret)
{
	size_t at = 0;
	int r = 0;

	forget_delivered(p);
	/* A frame without payload ends with its head, where no byte is left to take. */
	while (r == 0 && (at < len || (p->in_payload && p->left == 0))) {
		if (!p->in_payload) {
			ssize_t n = take_head(p, data + at, len - at);

			if (n < 0)
				r = (int)n;
			else
				at += (size_t)n;
		} else {
			size_t n = p->left < len - at ? (size_t)p->left : len - at;

			r = take_payload(p, data + at, n);
			at += n;
			if (r == 0 && p->left == 0)
				r = end_frame(p, ret);
		}
	}
	*ret_taken = at;
	return r;
}

/* --- heads --- */

size_t ws_frame_head(
	uint8_t ret[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t *mask)
{
	size_t n = len < LEN_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

	ret[0] = (uint8_t)(FIN | opcode);
	ret[1] = (uint8_t)((n == 0 ? len : n == 2 ? LEN_16 : LEN_64) | (mask ? MASKED : 0));
	for (size_t i = 0; i < n; i++)
		ret[2 + i] = (uint8_t)(len >> 8 * (n - 1 - i));
	n += 2;
	if (mask) {
		memcpy(ret + n, mask, WS_MASK_LEN);
		n += WS_MASK_LEN;
	}
	return n;
}

void ws_mask(uint8_t *data, size_t len, const uint8_t mask[WS_MASK_LEN], size_t at)
{
	uint8_t key[8];
	uint64_t word, k;
	size_t i = 0;

	for (size_t j = 0; j < sizeof(key); j++)
		key[j] = mask[(at + j) % WS_MASK_LEN];
	memcpy(&k, key, sizeof(k));
	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		word ^= k;
		memcpy(data + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		data[i] ^= key[i % WS_MASK_LEN];
}
