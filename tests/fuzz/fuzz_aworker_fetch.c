/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server sends, after libcurl has framed it: a head, and a body in one of the codings. The
 * first byte of an input says which; for a body also in pieces of which size it comes (high bits).
 * Proxy variables are parsed as well: their text is foreign in a container.
 */
#include <stdint.h>
#include <stdlib.h>

#include "aworker/fetch/fetch_priv.h"
#include "runtime/base/util.h"

/* A few bytes may stand for gigabytes: so much of it is looked at. */
#define DECODED_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void parse_head(const uint8_t *data, size_t size)
{
	struct fetch_head h = {0};
	struct err err = ERR_INIT;
	char *text = malloc(size ? size : 1);
	size_t len;

	memcpy(text, data, size);
	if (fetch_head_parse(text, size, &h, &err) < 0) {
		require(err.msg[0]);
	} else {
		require(h.status >= 100 && h.status <= 999 && h.n_strings % 2 == 0);
		for (size_t i = 0; i < h.n_strings; i += 2) {
			require(h.lens[i] > 0);
			require(!memchr(h.strings[i + 1], '\n', h.lens[i + 1]));
			require(!memchr(h.strings[i + 1], '\r', h.lens[i + 1]));
		}
		fetch_head_find(&h, "content-encoding", &len);
	}
	fetch_head_finish(&h);
	free(text);
}

static void decode(const char *name, const uint8_t *data, size_t size, size_t piece)
{
	static uint8_t out[4096];
	struct fetch_decoder *d;
	struct err err = ERR_INIT;
	size_t end = 0, at = 0, total = 0;

	require(fetch_decoder_create(name, strlen(name), &d));
	while (total < DECODED_MAX) {
		/* A copy of exactly what has come, so that ASan sees every overrun. */
		const size_t have = end - at;
		uint8_t *copy = malloc(have ? have : 1);
		const uint8_t *p = copy;
		size_t left = have, n = 0;
		int r;

		if (have > 0)
			memcpy(copy, data + at, have);
		r = fetch_decode(d, &p, &left, out, sizeof(out), &n, &err);
		free(copy);
		require(n <= sizeof(out) && left <= have);
		total += n;
		at += have - left;
		if (r < 0 || (n == 0 && left == have && end == size))
			break;
		if (n == 0 && left == have)
			end = end + piece < size ? end + piece : size;
	}
	fetch_decoder_destroy(d);
}

static void find_proxy(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *list = NULL, *variable = NULL, *url = NULL;
	struct err err = ERR_INIT;

	require(asprintf(&list, "no_proxy=%s", text) >= 0);
	require(asprintf(&variable, "all_proxy=%s", text) >= 0);
	if (fetch_proxy_for((const char *const[]){list, "all_proxy=p:1", NULL}, "http",
		    "www.example.com", 80, &url, &err) == 0)
		free(url);
	url = NULL;
	if (fetch_proxy_for(
		    (const char *const[]){variable, NULL}, "https", "::1", 443, &url, &err) < 0)
		require(err.msg[0]);
	free(url);
	free(variable);
	free(list);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"gzip", "deflate", "br", "zstd"};
	const uint8_t kind = size > 0 ? data[0] & 7 : 0;
	const size_t piece = size > 0 ? (data[0] >> 3) * 7 + 1 : 1;

	if (size == 0)
		return 0;
	if (kind < ARRAY_SIZE(names))
		decode(names[kind], data + 1, size - 1, piece);
	else if (kind == 4)
		find_proxy(data + 1, size - 1);
	else
		parse_head(data + 1, size - 1);
	return 0;
}
