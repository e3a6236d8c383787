/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of bytes that heads and bodies share. */
#ifndef SEED_NOSLATED_DATA_HEAD_PRIV_H
#define SEED_NOSLATED_DATA_HEAD_PRIV_H

#include <stdbool.h>

enum { HEAD_TOKEN = 1, HEAD_VALUE = 2, HEAD_TARGET = 4, HEAD_HOST = 8 };

extern const unsigned char head_classes[256];

static inline bool head_is_token(char c)
{
	return head_classes[(unsigned char)c] & HEAD_TOKEN;
}

/* No control characters but the tab; those of UTF-8 and Latin-1 (obs-text) pass. */
static inline bool head_is_value(char c)
{
	return head_classes[(unsigned char)c] & HEAD_VALUE;
}

#endif
