/* SPDX-License-Identifier: Apache-2.0 */
/* What the decoders of legacy.c look characters up in: the standard's indexes, by its pointers. */
#ifndef AWORKER_CODEC_LEGACY_PRIV_H
#define AWORKER_CODEC_LEGACY_PRIV_H

#include <stdint.h>

struct err;

enum legacy_index {
	INDEX_GB18030,
	INDEX_GB18030_FOUR, /* the ranges below U+10000 */
	INDEX_BIG5,
	INDEX_JIS0208,
	INDEX_JIS0212,
	INDEX_EUC_KR,
	LEGACY_INDEXES,
};

/* Before the first look-up of a call; costs nothing once the index is open. */
int legacy_index_open(enum legacy_index index, struct err *err);

/* The code point behind `pointer`, or -1: none. */
int32_t legacy_index_get(enum legacy_index index, uint32_t pointer);

#endif
