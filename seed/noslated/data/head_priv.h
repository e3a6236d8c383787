/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of bytes, and what heads of both kinds share. */
#ifndef SEED_NOSLATED_DATA_HEAD_PRIV_H
#define SEED_NOSLATED_DATA_HEAD_PRIV_H

#include <stdbool.h>

#include "seed/noslated/data/head.h"

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

/* Case of letters in `a` is ignored. */
bool head_is_small(const char *a, const char *b, size_t len);
/* "HTTP/1.1", at least eight bytes. *e says what is wrong when it is false. */
bool head_parse_version(const char *p, struct head *h, enum data_error *e);
/* The lines from `p` to the empty one, which is the last one before `end`. */
enum data_error head_parse_fields(const char *p, const char *end, struct head *h);
enum data_error head_parse_framing(struct head *h);
void head_parse_connection(struct head *h);
/* A second one of these is no list: it is another opinion. */
bool head_occurs_twice(const struct head *h, enum head_field_id id);

#endif
