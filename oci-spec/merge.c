/* SPDX-License-Identifier: Apache-2.0 */
/* One struct of config.h over another, by the tables. */
#include "oci-spec/schema_priv.h"
#include "oci-spec/tree_priv.h"
#include "runtime/base/arena.h"
#include "runtime/base/util.h"

/* A number that is there but 0 is no change, unless 0 is a value like others. */
static bool changes(const struct field *f, const void *change)
{
	if (!field_is_given(f, change))
		return false;
	if (f->optional && !f->zero_given && (f->kind == FIELD_INT || f->kind == FIELD_UINT))
		return load_unsigned(field_number(f, change), f->size) != 0;
	return true;
}

static int merge_pointer(const struct field *f, struct arena *arena, const void **at,
	const void *change, struct err *err)
{
	void *copy;

	if (!*at) {
		*at = change;
		return 0;
	}
	copy = arena_alloc(arena, f->of->size);
	if (!copy)
		return err_oom(err);
	memcpy(copy, *at, f->of->size);
	*at = copy;
	return tree_merge(f->of, arena, copy, change, err);
}

/* Both lists are sorted by name, and so is the union. */
static int merge_map(
	const struct field *f, struct arena *arena, void *obj, const void *change, struct err *err)
{
	const size_t size = f->of ? f->of->size : sizeof(struct oci_pair);
	const char *a = *(const char *const *)field_at(f, obj);
	const char *b = *(const char *const *)field_at(f, change);
	size_t n_a = field_count(f, obj), n_b = field_count(f, change), n = 0;
	char *list = arena_calloc(arena, n_a + n_b, size);

	if (!list)
		return err_oom(err);
	while (n_a > 0 || n_b > 0) {
		int order = n_a == 0   ? 1
			    : n_b == 0 ? -1
				       : strcmp(*(const char *const *)a, *(const char *const *)b);

		/* Of two with one name the new one. */
		memcpy(list + n++ * size, order < 0 ? a : b, size);
		if (order <= 0) {
			a += size;
			n_a--;
		}
		if (order >= 0) {
			b += size;
			n_b--;
		}
	}
	*(const void **)((char *)obj + f->offset) = list;
	*(size_t *)((char *)obj + f->n_offset) = n;
	return 0;
}

static int merge_field(
	const struct field *f, struct arena *arena, void *obj, const void *change, struct err *err)
{
	void *at = (char *)obj + f->offset;
	const void *from = field_at(f, change);

	switch (f->kind) {
	case FIELD_OBJECT: return merge_pointer(f, arena, at, *(const void *const *)from, err);
	case FIELD_PART: return tree_merge(f->of, arena, at, from, err);
	case FIELD_MAP: return merge_map(f, arena, obj, change, err);
	case FIELD_LIST:
	case FIELD_UINTS:
		memcpy(at, from, sizeof(void *));
		*(size_t *)((char *)obj + f->n_offset) = field_count(f, change);
		return 0;
	case FIELD_STR:
	case FIELD_STRS: memcpy(at, from, sizeof(void *)); return 0;
	case FIELD_BOOL: memcpy(at, from, f->optional ? sizeof(struct oci_bool) : 1); return 0;
	default: memcpy(at, from, f->optional ? 2u * f->size : f->size); return 0;
	}
}

int tree_merge(
	const struct schema *s, struct arena *arena, void *obj, const void *change, struct err *err)
{
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];

		if (changes(f, change) && merge_field(f, arena, obj, change, err) < 0)
			return -err->code;
	}
	return 0;
}
