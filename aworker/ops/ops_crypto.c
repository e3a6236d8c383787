/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes and base64. Randomness comes from the kernel on every call: there is
 * no pool that two clones of one seed could share.
 */
#include "aworker/ops/ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int fill_random(struct op_call *call, void *data, size_t len)
{
	uint8_t *p = data;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return op_throw(call, "Error", "getrandom: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* randomFill(bytes) */
static int op_random_fill(struct op_call *call)
{
	uint8_t *bytes;
	size_t len;

	if (op_arg_bytes(call, 0, &bytes, &len) < 0)
		return -1;
	return fill_random(call, bytes, len);
}

/* randomUuid(): RFC 9562 version 4 */
static int op_random_uuid(struct op_call *call)
{
	uint8_t b[16];
	char text[37];

	if (fill_random(call, b, sizeof(b)) < 0)
		return -1;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(text, sizeof(text),
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
	op_ret_latin1(call, text, sizeof(text) - 1);
	return 0;
}

/* --- base64 (Infra standard: forgiving) --- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

static bool is_base64_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Drops white space and up to two '=' that complete four; SIZE_MAX when the form is wrong. */
static size_t base64_strip(const char *in, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (!is_base64_space(in[i]))
			out[n++] = in[i];
	if (n % 4 == 0)
		for (int i = 0; i < 2 && n > 0 && out[n - 1] == '='; i++)
			n--;
	return n % 4 == 1 ? SIZE_MAX : n;
}

/* base64Decode(string): a byte string, or undefined */
static int op_base64_decode(struct op_call *call)
{
	_cleanup_buf_ struct buf work = BUF_INIT;
	uint32_t bits = 0;
	size_t len, n, out = 0;
	const char *in;
	int have = 0;

	if (op_arg_latin1(call, 0, &in, &len) < 0)
		return -1;
	buf_extend(&work, len + 1);
	if (buf_failed(&work))
		return op_throw(call, "RangeError", "out of memory");
	n = base64_strip(in, len, work.data);
	if (n == SIZE_MAX)
		return 0;
	/* In place: the bytes are fewer than the characters read so far. */
	for (size_t i = 0; i < n; i++) {
		int v = base64_value(work.data[i]);

		if (v < 0)
			return 0;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			work.data[out++] = (char)(bits >> have);
		}
	}
	op_ret_latin1(call, work.data, out);
	return 0;
}

static size_t base64_encode(const uint8_t *in, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)in[i] << 16;

		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		out[n++] = alphabet[v >> 18];
		out[n++] = alphabet[v >> 12 & 63];
		out[n++] = left > 1 ? alphabet[v >> 6 & 63] : '=';
		out[n++] = left > 2 ? alphabet[v & 63] : '=';
	}
	return n;
}

/* base64Encode(byte string) */
static int op_base64_encode(struct op_call *call)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *in;
	size_t len;

	if (op_arg_latin1(call, 0, &in, &len) < 0)
		return -1;
	buf_extend(&out, len / 3 * 4 + 5);
	if (buf_failed(&out))
		return op_throw(call, "RangeError", "out of memory");
	op_ret_latin1(call, out.data, base64_encode((const uint8_t *)in, len, out.data));
	return 0;
}

const struct engine_op ops_crypto[] = {
	{"randomFill", op_random_fill},
	{"randomUuid", op_random_uuid},
	{"base64Decode", op_base64_decode},
	{"base64Encode", op_base64_encode},
	{NULL, NULL},
};
