/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops of TextEncoder and TextDecoder. UTF-8 and UTF-16 are done here, the
 * encodings of East Asia in legacy.c. Single-byte encodings are tables in
 * aworker/js/encoding.js.
 *
 * Decoding a stream keeps nothing in C: JavaScript holds back the bytes of an
 * unfinished character of UTF-8 and UTF-16, and the few of struct legacy_state.
 */
#include "aworker/ops/ops.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "aworker/codec/legacy.h"

/* --- UTF-8 --- */

/* Bytes of the sequence that starts with `c`; 0 when none does. */
static unsigned utf8_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* Whether `second` may follow `first`: no overlong form, surrogate or more than U+10FFFF. */
static bool utf8_second_fits(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xbf;

	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	return second >= low && second <= high;
}

/* How many of the `n` bytes at `p` are the good beginning of one sequence of `want` bytes. */
static unsigned utf8_prefix(const uint8_t *p, size_t n, unsigned want)
{
	unsigned i;

	if (n < 2 || want < 2)
		return n ? 1 : 0;
	if (!utf8_second_fits(p[0], p[1]))
		return 1;
	for (i = 2; i < want && i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			break;
	return i;
}

static bool utf8_valid(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		unsigned want;

		while (i + 8 <= n) {
			uint64_t word;

			memcpy(&word, p + i, 8);
			if (word & 0x8080808080808080u)
				break;
			i += 8;
		}
		if (i == n)
			break;
		want = utf8_length(p[i]);
		if (want == 0 || n - i < want || utf8_prefix(p + i, n - i, want) != want)
			return false;
		i += want;
	}
	return true;
}

/* textDecodeUtf8(bytes, fatal): a string; a TypeError when fatal and not UTF-8 */
static int op_text_decode_utf8(struct op_call *call)
{
	uint8_t *bytes;
	size_t len;
	bool fatal;

	if (op_arg_bytes(call, 0, &bytes, &len) < 0 || op_arg_bool(call, 1, &fatal) < 0)
		return -1;
	if (fatal && !utf8_valid(bytes, len))
		return op_throw(call, "TypeError", "The encoded data was not valid utf-8 data");
	op_ret_string(call, (const char *)bytes, len);
	return 0;
}

/* textUtf8Tail(bytes): how many bytes at the end are the beginning of a character */
static int op_text_utf8_tail(struct op_call *call)
{
	uint8_t *bytes;
	size_t len;
	unsigned tail = 0;

	if (op_arg_bytes(call, 0, &bytes, &len) < 0)
		return -1;
	for (unsigned back = 1; back <= 3 && back <= len; back++) {
		const uint8_t *p = bytes + len - back;

		if ((*p & 0xc0) == 0x80)
			continue;
		if (utf8_length(*p) > back && utf8_prefix(p, back, utf8_length(*p)) == back)
			tail = back;
		break;
	}
	op_ret_f64(call, tail);
	return 0;
}

/* textEncode(string): its UTF-8 */
static int op_text_encode(struct op_call *call)
{
	const char *s;
	size_t len;

	if (op_arg_string(call, 0, &s, &len) < 0)
		return -1;
	op_ret_bytes(call, s, len);
	return 0;
}

/* textLatin1(bytes): a string with one character for each byte */
static int op_text_latin1(struct op_call *call)
{
	uint8_t *bytes;
	size_t len;

	if (op_arg_bytes(call, 0, &bytes, &len) < 0)
		return -1;
	op_ret_latin1(call, (const char *)bytes, len);
	return 0;
}

/* textEncodeInto(string, bytes): [UTF-16 units read, bytes written], whole characters only */
static int op_text_encode_into(struct op_call *call)
{
	const char *s;
	uint8_t *bytes;
	size_t len, room, written = 0;
	double result[2], units = 0;

	if (op_arg_string(call, 0, &s, &len) < 0 || op_arg_bytes(call, 1, &bytes, &room) < 0)
		return -1;
	while (written < len) {
		unsigned n = utf8_length((unsigned char)s[written]);

		if (written + n > room)
			break;
		written += n;
		units += n == 4 ? 2 : 1;
	}
	if (written)
		memcpy(bytes, s, written);
	result[0] = units;
	result[1] = (double)written;
	op_ret_f64_array(call, result, 2);
	return 0;
}

/* --- UTF-16 --- */

static void put_code_point(struct buf *out, uint32_t c)
{
	char b[4];
	size_t n = 0;

	if (c < 0x80) {
		b[n++] = (char)c;
	} else if (c < 0x800) {
		b[n++] = (char)(0xc0 | c >> 6);
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		b[n++] = (char)(0xe0 | c >> 12);
		b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		b[n++] = (char)(0xf0 | c >> 18);
		b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		b[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_put(out, b, n);
}

static uint32_t utf16_unit(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/* Appends UTF-8, U+FFFD for what is broken. False when anything was. */
static bool utf16_to_utf8(const uint8_t *p, size_t len, bool big, struct buf *out)
{
	bool good = true;
	size_t i = 0;

	for (; i + 2 <= len; i += 2) {
		uint32_t c = utf16_unit(p + i, big);

		if (c >= 0xd800 && c <= 0xdbff && i + 4 <= len) {
			uint32_t low = utf16_unit(p + i + 2, big);

			if (low >= 0xdc00 && low <= 0xdfff) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		if (c >= 0xd800 && c <= 0xdfff) {
			c = 0xfffd;
			good = false;
		}
		put_code_point(out, c);
	}
	/* Half a unit; after half a pair it is the same one error. */
	if (i < len) {
		if (i < 2 || (utf16_unit(p + i - 2, big) & 0xfc00) != 0xd800)
			put_code_point(out, 0xfffd);
		good = false;
	}
	return good;
}

/* textDecodeUtf16(bytes, bigEndian, fatal) */
static int op_text_decode_utf16(struct op_call *call)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint8_t *bytes;
	size_t len;
	bool big, fatal, good;

	if (op_arg_bytes(call, 0, &bytes, &len) < 0 || op_arg_bool(call, 1, &big) < 0 ||
		op_arg_bool(call, 2, &fatal) < 0)
		return -1;
	good = utf16_to_utf8(bytes, len, big, &out);
	if (fatal && !good)
		return op_throw(call, "TypeError", "The encoded data was not valid utf-16%s data",
			big ? "be" : "le");
	if (buf_failed(&out))
		return op_throw(call, "RangeError", "out of memory");
	op_ret_string(call, out.len ? out.data : "", out.len);
	return 0;
}

/* --- encodings of East Asia --- */

/* textDecodeLegacy(encoding, state, bytes, fatal, flush): a string; `state` is 6 bytes of the stream */
static int op_text_decode_legacy(struct op_call *call)
{
	_cleanup_buf_ struct buf units = BUF_INIT, out = BUF_INIT;
	struct legacy_state state;
	struct err err = {0};
	uint8_t *bytes, *held;
	size_t len, held_len;
	bool fatal, flush;
	int64_t encoding;
	int rc;

	if (op_arg_i64(call, 0, &encoding) < 0 || op_arg_bytes(call, 1, &held, &held_len) < 0 ||
		op_arg_bytes(call, 2, &bytes, &len) < 0 || op_arg_bool(call, 3, &fatal) < 0 ||
		op_arg_bool(call, 4, &flush) < 0)
		return -1;
	if (encoding < 0 || encoding >= LEGACY_ENCODINGS || held_len != sizeof(state))
		return op_throw(call, "RangeError", "no such encoding");
	memcpy(&state, held, sizeof(state));
	rc = legacy_decode(
		(enum legacy_encoding)encoding, &state, bytes, len, flush, fatal, &units, &err);
	if (rc < 0)
		return op_throw(call, rc == -EILSEQ ? "TypeError" : "RangeError", "%s", err.msg);
	memcpy(held, &state, sizeof(state));
	utf16_to_utf8((const uint8_t *)units.data, units.len, false, &out);
	if (buf_failed(&out))
		return op_throw(call, "RangeError", "out of memory");
	op_ret_string(call, out.len ? out.data : "", out.len);
	return 0;
}

const struct engine_op ops_text[] = {
	{"textDecodeUtf8", op_text_decode_utf8},
	{"textUtf8Tail", op_text_utf8_tail},
	{"textEncode", op_text_encode},
	{"textLatin1", op_text_latin1},
	{"textEncodeInto", op_text_encode_into},
	{"textDecodeUtf16", op_text_decode_utf16},
	{"textDecodeLegacy", op_text_decode_legacy},
	{NULL, NULL},
};
