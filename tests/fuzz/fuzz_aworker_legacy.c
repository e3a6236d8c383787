/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in an encoding of East Asia; the first byte chooses which. A stream that comes in pieces is
 * the same text as all of it at once, and no byte becomes more than one unit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aworker/codec/legacy.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void decode(enum legacy_encoding encoding, const uint8_t *data, size_t size, size_t piece,
	struct buf *units)
{
	struct legacy_state state = {0}, fresh = {0};
	struct err err = {0};

	for (size_t i = 0; i < size; i += piece) {
		size_t n = size - i < piece ? size - i : piece;

		require(legacy_decode(encoding, &state, data + i, n, false, false, units, &err) ==
			0);
	}
	require(legacy_decode(encoding, &state, data, 0, true, false, units, &err) == 0);
	require(memcmp(&state, &fresh, sizeof(state)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf whole = BUF_INIT, pieces = BUF_INIT, fatal = BUF_INIT;
	struct legacy_state state = {0};
	struct err err = {0};
	enum legacy_encoding encoding;
	int rc;

	if (size < 2)
		return 0;
	encoding = data[0] % LEGACY_ENCODINGS;
	decode(encoding, data + 1, size - 1, size, &whole);
	decode(encoding, data + 1, size - 1, 1 + data[0] / LEGACY_ENCODINGS % 5, &pieces);
	require(whole.len <= (size - 1) * 2 && whole.len == pieces.len);
	require(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
	rc = legacy_decode(encoding, &state, data + 1, size - 1, true, true, &fatal, &err);
	require(rc < 0 || (fatal.len == whole.len &&
				  (fatal.len == 0 || !memcmp(fatal.data, whole.data, fatal.len))));
	return 0;
}
