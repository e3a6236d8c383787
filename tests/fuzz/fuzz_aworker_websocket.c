/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds bytes to the parser of WebSocket frames. The first byte of an input says in pieces of
 * which size they come (low seven bits) and whether they must be masked (high bit). Whatever the
 * pieces, the same messages have to come out, and the same end.
 */
#include <stdint.h>

#include "aworker/ws/websocket.h"
#include "runtime/base/util.h"

#define MESSAGE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* FNV-1a over everything that was understood. */
static uint64_t add(uint64_t hash, const void *data, size_t len)
{
	for (const uint8_t *p = data; len > 0; len--)
		hash = (hash ^ *p++) * 0x100000001b3u;
	return hash;
}

static void check_message(int opcode, const struct ws_message *m)
{
	struct ws_utf8 utf8 = {0};

	if (m->len > (opcode >= WS_CLOSE ? WS_CONTROL_MAX : MESSAGE_MAX))
		abort();
	if (opcode == WS_TEXT &&
		(!ws_utf8_feed(&utf8, m->data, m->len) || !ws_utf8_is_whole(&utf8)))
		abort();
}

static uint64_t parse(const uint8_t *data, size_t size, size_t step, bool masked)
{
	struct ws_parser p = {.message_max = MESSAGE_MAX, .masked = masked};
	uint64_t hash = 0xcbf29ce484222325u;
	int r = 0;

	while (size > 0 && r >= 0) {
		size_t n = size < step ? size : step, at = 0;
		uint8_t *piece = malloc(n); /* so that ASan sees every overrun */

		if (!piece)
			abort();
		memcpy(piece, data, n);
		while (at < n && r >= 0) {
			struct ws_message m = {NULL, 0};
			size_t taken;

			r = ws_parse(&p, piece + at, n - at, &taken, &m);
			if (taken > n - at || (taken == 0 && r >= 0))
				abort();
			at += taken;
			if (r == 0)
				continue;
			hash = add(hash, &r, sizeof(r));
			if (r > 0) {
				check_message(r, &m);
				hash = add(hash, m.data, m.len);
			}
		}
		free(piece);
		data += n;
		size -= n;
	}
	ws_parser_finish(&p);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size > 0 ? data[0] & 0x7f : 0;
	bool masked = size > 0 && data[0] & 0x80;

	if (size < 2)
		return 0;
	data++;
	size--;
	if (parse(data, size, step ? step : 1, masked) != parse(data, size, size, masked))
		abort();
	return 0;
}
