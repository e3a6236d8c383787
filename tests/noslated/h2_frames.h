/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of HTTP/2 as a client writes them, by hand, so that they can be wrong. */
#ifndef TESTS_NOSLATED_H2_FRAMES_H
#define TESTS_NOSLATED_H2_FRAMES_H

#include <stdint.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "seed/noslated/data/h2.h"

enum {
	H2_DATA = 0,
	H2_HEADERS = 1,
	H2_RST = 3,
	H2_SETTINGS = 4,
	H2_PING = 6,
	H2_GOAWAY = 7,
	H2_WINDOW_UPDATE = 8,
	H2_CONTINUATION = 9
};
enum { H2_END_STREAM = 1, H2_END_HEADERS = 4 };

static inline void h2_frame(
	struct buf *to, uint8_t type, uint8_t flags, uint32_t id, const void *data, size_t len)
{
	const uint8_t head[9] = {(uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type,
		flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

	buf_put(to, head, sizeof(head));
	if (len > 0)
		buf_put(to, data, len);
}

/* Of HPACK, 5.1. */
static inline void h2_integer(struct buf *to, size_t n)
{
	uint8_t c = n < 127 ? (uint8_t)n : 127;

	buf_put(to, &c, 1);
	if (n < 127)
		return;
	for (n -= 127; n >= 128; n >>= 7) {
		c = (uint8_t)(n & 127) | 128;
		buf_put(to, &c, 1);
	}
	c = (uint8_t)n;
	buf_put(to, &c, 1);
}

/* A literal that is in no table. */
static inline void h2_header_n(
	struct buf *to, const char *name, size_t name_len, const char *value, size_t value_len)
{
	buf_put(to, "\0", 1);
	h2_integer(to, name_len);
	buf_put(to, name, name_len);
	h2_integer(to, value_len);
	if (value_len > 0)
		buf_put(to, value, value_len);
}

static inline void h2_header(struct buf *to, const char *name, const char *value)
{
	h2_header_n(to, name, strlen(name), value, strlen(value));
}

/* What every request has. */
static inline void h2_request(struct buf *to, const char *method, const char *path)
{
	h2_header(to, ":method", method);
	h2_header(to, ":scheme", "http");
	h2_header(to, ":path", path);
	h2_header(to, ":authority", "h");
}

static inline void h2_begin(struct buf *to)
{
	buf_put(to, H2_PREFACE, H2_PREFACE_LEN);
	h2_frame(to, H2_SETTINGS, 0, 0, NULL, 0);
}

#endif
