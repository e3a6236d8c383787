/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoders of the encodings of East Asia, as the Encoding Standard has them: its
 * state machines, byte by byte. What a pair of bytes stands for comes from ICU,
 * one character at a time, and is kept; where ICU's tables are of another edition,
 * legacy_index.c corrects them.
 *
 * A stream has no state here but struct legacy_state, which belongs to the caller
 * and may be copied like any bytes: between processes, too.
 */
#ifndef AWORKER_CODEC_LEGACY_H
#define AWORKER_CODEC_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

/* Their order is that of aworker/js/encoding.js. */
enum legacy_encoding {
	LEGACY_GB18030, /* gbk is decoded so, too */
	LEGACY_BIG5,
	LEGACY_EUC_JP,
	LEGACY_ISO_2022_JP,
	LEGACY_SHIFT_JIS,
	LEGACY_EUC_KR,
	LEGACY_ENCODINGS,
};

/* All zero at the beginning of a stream, and whatever the bytes it is made from say. */
struct legacy_state {
	uint8_t lead, second, third;
	uint8_t flag; /* EUC-JP: the lead is of JIS X 0212; ISO-2022-JP: an escape was the last thing */
	uint8_t mode, output_mode; /* ISO-2022-JP */
};

/*
 * Appends what `bytes` are to `units`, as UTF-16 in the byte order of little-endian machines;
 * `flush`: they are the last of the stream, whose state then is that of a new one. What is malformed
 * becomes U+FFFD, or with `fatal` the error -EILSEQ. -ENOMEM, -ENOENT: ICU lacks its table.
 */
int legacy_decode(enum legacy_encoding encoding, struct legacy_state *state, const uint8_t *bytes,
	size_t len, bool flush, bool fatal, struct buf *units, struct err *err);

#endif
