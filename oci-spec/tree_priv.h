/* SPDX-License-Identifier: Apache-2.0 */
/* Reaching into structs as the tables of schema.h say. */
#ifndef OCI_SPEC_TREE_PRIV_H
#define OCI_SPEC_TREE_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "oci-spec/schema.h"
#include "runtime/base/util.h"

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

/* The value of member `f` of `obj` as the kind's own type. */
static inline const void *field_at(const struct field *f, const void *obj)
{
	return (const char *)obj + f->offset;
}

/* Where the number itself is: behind `set`, which takes as much room as the number is aligned. */
static inline const void *field_number(const struct field *f, const void *obj)
{
	return (const char *)obj + f->offset + (f->optional ? f->size : 0);
}

static inline size_t field_count(const struct field *f, const void *obj)
{
	return *(const size_t *)((const char *)obj + f->n_offset);
}

#endif
