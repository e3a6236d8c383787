/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of WebSocket. SHA-1 proves there that the other end speaks the protocol
 * and nothing else, so that a library of ciphers is not worth its start.
 */
#include <endian.h>
#include <stdio.h>
#include <sys/random.h>

#include "aworker/http/http_priv.h"
#include "aworker/ws/websocket.h"

#define SHA1_BLOCK 64
#define SHA1_LEN   20

/* Room for the key, the constant, and the padding. */
#define SHA1_INPUT_MAX ((size_t)2 * SHA1_BLOCK)

static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void sha1_block(uint32_t h[5], const uint8_t *block)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int i = 0; i < 16; i++) {
		memcpy(&w[i], block + 4 * i, 4);
		w[i] = be32toh(w[i]);
	}
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 80; i++) {
		uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
			     : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
			     : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
				      : (b ^ c ^ d) + 0xca62c1d6;
		uint32_t t = rotate(a, 5) + f + e + w[i];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* Of a text that leaves room for the padding in SHA1_INPUT_MAX. */
static void sha1_short(const char *text, size_t len, uint8_t ret[SHA1_LEN])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	uint8_t input[SHA1_INPUT_MAX] = {0};
	size_t n = len + 9 > SHA1_BLOCK ? SHA1_INPUT_MAX : SHA1_BLOCK;
	uint64_t bits = htobe64((uint64_t)len * 8);

	memcpy(input, text, len);
	input[len] = 0x80;
	memcpy(input + n - sizeof(bits), &bits, sizeof(bits));
	for (size_t at = 0; at < n; at += SHA1_BLOCK)
		sha1_block(h, input + at);
	for (int i = 0; i < 5; i++) {
		h[i] = htobe32(h[i]);
		memcpy(ret + (size_t)4 * (size_t)i, &h[i], 4);
	}
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64(const uint8_t *data, size_t len, char *ret)
{
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)data[i + 1] << 8;
		if (i + 2 < len)
			v |= data[i + 2];
		*ret++ = alphabet[v >> 18];
		*ret++ = alphabet[v >> 12 & 63];
		*ret++ = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
		*ret++ = i + 2 < len ? alphabet[v & 63] : '=';
	}
	*ret = '\0';
}

void ws_accept(const char *key, char ret[WS_ACCEPT_SIZE])
{
	char text[WS_KEY_LEN + sizeof(magic)];
	uint8_t digest[SHA1_LEN];
	int n = snprintf(text, sizeof(text), "%.*s%s", WS_KEY_LEN, key, magic);

	sha1_short(text, (size_t)n, digest);
	base64(digest, sizeof(digest), ret);
}

bool ws_make_key(char ret[WS_KEY_LEN + 1])
{
	uint8_t nonce[16];

	if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
		return false;
	base64(nonce, sizeof(nonce), ret);
	return true;
}

/* 16 bytes in base64. */
static bool is_key(const char *s, size_t len)
{
	if (len != WS_KEY_LEN || s[len - 1] != '=' || s[len - 2] != '=')
		return false;
	for (size_t i = 0; i < len - 2; i++) {
		if (s[i] == '\0' || !strchr(alphabet, s[i]))
			return false;
	}
	return true;
}

const char *ws_request_key(const char *const *strings, const size_t *lens, size_t n)
{
	bool upgrade = false, connection = false, version = false;
	const char *key = NULL;
	unsigned keys = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		const char *value = strings[i + 1];
		size_t len = lens[i + 1];

		if (http_name_is(strings[i], lens[i], "upgrade")) {
			upgrade |= http_list_has(value, len, "websocket");
		} else if (http_name_is(strings[i], lens[i], "connection")) {
			connection |= http_list_has(value, len, "upgrade");
		} else if (http_name_is(strings[i], lens[i], "sec-websocket-version")) {
			version |= http_name_is(value, len, "13");
		} else if (http_name_is(strings[i], lens[i], "sec-websocket-key")) {
			keys++;
			key = is_key(value, len) ? value : NULL;
		}
	}
	return upgrade && connection && version && keys == 1 ? key : NULL;
}
