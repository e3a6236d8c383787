/* SPDX-License-Identifier: Apache-2.0 */
/* Structs from a JSON tree and back, whatever the table says they are. */
#ifndef OCI_SPEC_TREE_PRIV_H
#define OCI_SPEC_TREE_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/err.h"

struct arena;
struct json_node;
struct json_writer;
struct field;
struct schema;

/* Fills the zeroed `obj`; what it points to comes from the arena. */
int tree_read(const struct json_node *n, const struct schema *s, struct arena *arena, void *obj,
	struct err *err);

void tree_write(struct json_writer *w, const struct schema *s, const void *obj);

/*
 * Puts what `change` has into `obj`, which is changed in place; what they point to
 * is shared or comes from the arena. Members of maps go one by one, other lists as a
 * whole. -ENOMEM.
 */
int tree_merge(const struct schema *s, struct arena *arena, void *obj, const void *change,
	struct err *err);

/* False for what the writer leaves out. */
bool field_is_given(const struct field *f, const void *obj);

/* Numbers of members, by size: 1, 2, 4 or 8. */
static inline void store_number(void *at, size_t size, int64_t value)
{
	switch (size) {
	case 1: memcpy(at, &(int8_t){(int8_t)value}, 1); break;
	case 2: memcpy(at, &(int16_t){(int16_t)value}, 2); break;
	case 4: memcpy(at, &(int32_t){(int32_t)value}, 4); break;
	case 8: memcpy(at, &value, 8); break;
	default: BUG("a number of odd size");
	}
}

static inline int64_t load_signed(const void *at, size_t size)
{
	switch (size) {
	case 1: return *(const int8_t *)at;
	case 2: return *(const int16_t *)at;
	case 4: return *(const int32_t *)at;
	default: return *(const int64_t *)at;
	}
}

static inline uint64_t load_unsigned(const void *at, size_t size)
{
	switch (size) {
	case 1: return *(const uint8_t *)at;
	case 2: return *(const uint16_t *)at;
	case 4: return *(const uint32_t *)at;
	default: return *(const uint64_t *)at;
	}
}

#endif
