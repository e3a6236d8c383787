/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URL ops. They hold no state: JavaScript keeps the serialised URL and the
 * offsets of its parts, and hands the former back for every change. A URL is
 * thus a string in the heap, which snapshots and forks copy like any other.
 *
 * Also the coding of application/x-www-form-urlencoded, for URLSearchParams and
 * form bodies.
 */
#include "aworker/ops/ops.h"

#include <stdint.h>
#include <string.h>

#include "aworker/ada.h"

/* Order of ops.urlSet(href, PART, value, parts); see aworker/js/url.js. */
enum url_part {
	URL_PART_HREF,
	URL_PART_PROTOCOL,
	URL_PART_USERNAME,
	URL_PART_PASSWORD,
	URL_PART_HOST,
	URL_PART_HOSTNAME,
	URL_PART_PORT,
	URL_PART_PATHNAME,
	URL_PART_SEARCH,
	URL_PART_HASH,
};

static void free_url(ada_url *url)
{
	if (*url)
		ada_free(*url);
}

/*
 * Where today's standard percent-encodes what ada 2 does not yet: '^' in a path, and the last of
 * the spaces that an opaque path ends with, which a query or a fragment must follow.
 */
static bool is_outdated(const char *path, size_t len)
{
	if (len == 0)
		return false;
	return path[0] == '/' ? memchr(path, '^', len) != NULL : path[len - 1] == ' ';
}

static void put_path(struct buf *out, const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (path[0] == '/' && path[i] == '^')
			buf_puts(out, "%5E");
		else if (path[0] != '/' && i == len - 1)
			buf_puts(out, "%20");
		else
			buf_put(out, path + i, 1);
	}
}

/* Replaces *url by what today's standard makes of it. False: no memory. */
static bool modernize(ada_url *url)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const ada_url_components *c = ada_get_components(*url);
	ada_string href = ada_get_href(*url);
	size_t start = c->pathname_start, end = href.length;

	if (c->hash_start != UINT32_MAX)
		end = c->hash_start;
	if (c->search_start != UINT32_MAX)
		end = c->search_start;
	if (!is_outdated(href.data + start, end - start))
		return true;
	buf_put(&out, href.data, start);
	put_path(&out, href.data + start, end - start);
	buf_put(&out, href.data + end, href.length - end);
	if (buf_failed(&out))
		return false;
	ada_free(*url);
	*url = ada_parse(out.data, out.len);
	return true;
}

/* Result: href; its offsets go to argument `parts_i`, 8 integers of 32 bits. */
static int return_url(struct op_call *call, ada_url *url, int parts_i)
{
	const ada_url_components *c;
	ada_string href;
	uint8_t *parts;
	size_t len;

	if (!modernize(url))
		return op_throw(call, "RangeError", "out of memory");
	c = ada_get_components(*url);
	href = ada_get_href(*url);
	if (op_arg_bytes(call, parts_i, &parts, &len) < 0)
		return -1;
	if (len != sizeof(*c))
		return op_throw(call, "TypeError", "the offsets of a URL need %zu bytes, not %zu",
			sizeof(*c), len);
	memcpy(parts, c, sizeof(*c));
	op_ret_latin1(call, href.data, href.length);
	return 0;
}

/* Arguments input, base or null. *ret is owned by the caller and may be no valid URL. */
static int parse_args(struct op_call *call, ada_url *ret)
{
	const char *input, *base;
	size_t input_len, base_len;

	if (op_arg_string(call, 0, &input, &input_len) < 0)
		return -1;
	if (op_arg_is_nullish(call, 1)) {
		*ret = ada_parse(input, input_len);
		return 0;
	}
	if (op_arg_string(call, 1, &base, &base_len) < 0)
		return -1;
	*ret = ada_parse_with_base(input, input_len, base, base_len);
	return 0;
}

/* urlParse(input, base | null, parts): href, or undefined when it is no URL */
static int op_url_parse(struct op_call *call)
{
	__attribute__((cleanup(free_url))) ada_url url = NULL;

	if (parse_args(call, &url) < 0)
		return -1;
	if (!url || !ada_is_valid(url))
		return 0;
	return return_url(call, &url, 2);
}

/* urlCanParse(input, base | null) */
static int op_url_can_parse(struct op_call *call)
{
	const char *input, *base;
	size_t input_len, base_len;

	if (op_arg_string(call, 0, &input, &input_len) < 0)
		return -1;
	if (op_arg_is_nullish(call, 1)) {
		op_ret_bool(call, ada_can_parse(input, input_len));
		return 0;
	}
	if (op_arg_string(call, 1, &base, &base_len) < 0)
		return -1;
	op_ret_bool(call, ada_can_parse_with_base(input, input_len, base, base_len));
	return 0;
}

/* False only when href itself was refused; the other setters ignore what does not fit. */
static bool set_part(ada_url url, enum url_part part, const char *v, size_t len)
{
	switch (part) {
	case URL_PART_HREF: return ada_set_href(url, v, len);
	case URL_PART_PROTOCOL: ada_set_protocol(url, v, len); break;
	case URL_PART_USERNAME: ada_set_username(url, v, len); break;
	case URL_PART_PASSWORD: ada_set_password(url, v, len); break;
	case URL_PART_HOST: ada_set_host(url, v, len); break;
	case URL_PART_HOSTNAME: ada_set_hostname(url, v, len); break;
	case URL_PART_PORT: ada_set_port(url, v, len); break;
	case URL_PART_PATHNAME: ada_set_pathname(url, v, len); break;
	case URL_PART_SEARCH: ada_set_search(url, v, len); break;
	case URL_PART_HASH: ada_set_hash(url, v, len); break;
	}
	return true;
}

/* urlSet(href, part, value, parts): the new href, or undefined when a new href is no URL */
static int op_url_set(struct op_call *call)
{
	__attribute__((cleanup(free_url))) ada_url url = NULL;
	const char *href, *value;
	size_t href_len, value_len;
	int64_t part;

	if (op_arg_latin1(call, 0, &href, &href_len) < 0 || op_arg_i64(call, 1, &part) < 0 ||
		op_arg_string(call, 2, &value, &value_len) < 0)
		return -1;
	if (part < URL_PART_HREF || part > URL_PART_HASH)
		return op_throw(call, "RangeError", "no part %lld of a URL", (long long)part);
	url = ada_parse(href, href_len);
	if (!url || !ada_is_valid(url))
		return op_throw(
			call, "TypeError", "'%.*s' is no serialised URL", (int)href_len, href);
	if (!set_part(url, (enum url_part)part, value, value_len))
		return 0;
	return return_url(call, &url, 3);
}

/* urlOrigin(href) */
static int op_url_origin(struct op_call *call)
{
	__attribute__((cleanup(free_url))) ada_url url = NULL;
	ada_owned_string origin;
	const char *href;
	size_t len;

	if (op_arg_latin1(call, 0, &href, &len) < 0)
		return -1;
	url = ada_parse(href, len);
	if (!url || !ada_is_valid(url))
		return op_throw(call, "TypeError", "'%.*s' is no serialised URL", (int)len, href);
	origin = ada_get_origin(url);
	op_ret_latin1(call, origin.data, origin.length);
	ada_free_owned_string(origin);
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* formDecode(string): '+' is a space, %XX a byte, the bytes UTF-8 (U+FFFD where they are not) */
static int op_form_decode(struct op_call *call)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *in;
	size_t len;
	char *to;

	if (op_arg_string(call, 0, &in, &len) < 0)
		return -1;
	to = buf_extend(&out, len);
	if (buf_failed(&out))
		return op_throw(call, "RangeError", "out of memory");
	for (size_t i = 0; i < len; i++) {
		if (in[i] == '%' && i + 2 < len && hex_value(in[i + 1]) >= 0 &&
			hex_value(in[i + 2]) >= 0) {
			*to++ = (char)(hex_value(in[i + 1]) << 4 | hex_value(in[i + 2]));
			i += 2;
		} else {
			*to++ = in[i] == '+' ? ' ' : in[i];
		}
	}
	op_ret_string(call, len ? out.data : "", len ? (size_t)(to - out.data) : 0);
	return 0;
}

static bool is_form_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '*' || c == '-' || c == '.' || c == '_';
}

/* formEncode(string): the other direction */
static int op_form_encode(struct op_call *call)
{
	static const char digits[] = "0123456789ABCDEF";
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *in;
	size_t len;
	char *to;

	if (op_arg_string(call, 0, &in, &len) < 0)
		return -1;
	to = len > SIZE_MAX / 3 ? NULL : buf_extend(&out, len * 3);
	if (len && !to)
		return op_throw(call, "RangeError", "out of memory");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)in[i];

		if (is_form_plain(c)) {
			*to++ = (char)c;
		} else if (c == ' ') {
			*to++ = '+';
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	op_ret_latin1(call, len ? out.data : "", len ? (size_t)(to - out.data) : 0);
	return 0;
}

const struct engine_op ops_url[] = {
	{"urlParse", op_url_parse},
	{"urlCanParse", op_url_can_parse},
	{"urlSet", op_url_set},
	{"urlOrigin", op_url_origin},
	{"formDecode", op_form_decode},
	{"formEncode", op_form_encode},
	{NULL, NULL},
};
