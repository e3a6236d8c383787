/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the admin API: whatever the bytes, and however they are cut, the same requests come out, within
 * their limits; and what is decoded of their targets is too.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/web/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
	for (const uint8_t *p = data; len > 0; len--)
		h = (h ^ *p++) * 0x100000001b3u;
	return h;
}

static void look_at_target(const struct web_request *r)
{
	char value[WEB_VALUE_MAX];
	struct web_parts parts;
	struct err err;
	uint64_t n = 0;

	(void)web_path_fits(r->target, "/v1/functions", &parts);
	if (web_path_fits(r->target, "/v1/:/:", &parts))
		require(*parts.text[0] && !strchr(parts.text[0], '/') &&
			!strchr(parts.text[1], '/'));
	if (web_query_check(r->query, "a n follow", &err) < 0)
		require(err.msg[0] != '\0');
	require(web_query_get(r->query, "a", value, &err) <= 1);
	require(strlen(value) < sizeof(value));
	require(web_query_number(r->query, "n", 1000, &n, &err) <= 1 && n <= 1000);
}

static uint64_t add_request(uint64_t h, const struct web_request *r)
{
	require(r->body.len <= WEB_BODY_MAX);
	h = mix(h, &r->method, sizeof(r->method));
	h = mix(h, r->target, strlen(r->target));
	h = mix(h, r->query, strlen(r->query) + 1);
	h = mix(h, r->host, strlen(r->host) + 1);
	return mix(h, r->body.data, r->body.len);
}

/* What was read of it, as a number; in pieces of `piece` bytes. */
static uint64_t read_all(const char *data, size_t size, size_t piece, bool look)
{
	struct web_parser *p = web_parser_create();
	enum web_parsed r = WEB_MORE;
	uint64_t h = 0xcbf29ce484222325u;

	require(p != NULL);
	while (size > 0 && r != WEB_BAD) {
		size_t used;

		r = web_parser_feed(p, data, size < piece ? size : piece, &used);
		require(used <= size);
		data += used;
		size -= used;
		if (r != WEB_WHOLE)
			continue;
		h = add_request(h, web_parser_request(p));
		if (look)
			look_at_target(web_parser_request(p));
		web_parser_next(p);
	}
	require((r == WEB_BAD) == (web_parser_status(p) != 0));
	web_parser_destroy(p);
	return r == WEB_BAD ? mix(h, "bad", 3) : h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const uint64_t whole = read_all(text, size, size ? size : 1, true);

	if (size < WEB_HEAD_MAX)
		require(whole == read_all(text, size, 1, false) &&
			whole == read_all(text, size, 7, false));
	return 0;
}
