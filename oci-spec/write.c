/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: members in the order of the tables, without those that say "not given". */
#include <inttypes.h>
#include <stdio.h>

#include "oci-spec/schema_priv.h"
#include "oci-spec/tree_priv.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

static const void *pointer_at(const struct field *f, const void *obj)
{
	return *(const void *const *)field_at(f, obj);
}

bool field_is_given(const struct field *f, const void *obj)
{
	if (f->optional)
		return *(const bool *)field_at(f, obj);
	if (f->required || f->zero_given)
		return true;
	switch (f->kind) {
	case FIELD_STR:
	case FIELD_STRS:
	case FIELD_OBJECT: return pointer_at(f, obj) != NULL;
	case FIELD_UINTS:
	case FIELD_LIST:
	case FIELD_MAP: return field_count(f, obj) > 0;
	case FIELD_BOOL: return *(const bool *)field_at(f, obj);
	case FIELD_PART: return true;
	default: return load_unsigned(field_at(f, obj), f->size) != 0;
	}
}

static void write_strs(struct json_writer *w, const char *const *list)
{
	json_write_array_begin(w);
	for (; *list; list++)
		json_write_str(w, *list);
	json_write_array_end(w);
}

static void write_uints(struct json_writer *w, const uint32_t *list, size_t n)
{
	json_write_array_begin(w);
	for (size_t i = 0; i < n; i++)
		json_write_u64(w, list[i]);
	json_write_array_end(w);
}

static void write_amount(struct json_writer *w, const struct amount *a, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 "%s", v, a->unit);
	json_write_str(w, text);
}

static void write_word(struct json_writer *w, const struct words *words, int64_t value)
{
	for (size_t i = 0; i < words->n; i++)
		if (words->list[i].value == value) {
			json_write_str(w, words->list[i].name);
			return;
		}
	BUG("a number that no word stands for");
}

static void write_words(struct json_writer *w, const struct words *words, uint64_t bits)
{
	json_write_array_begin(w);
	for (size_t i = 0; i < words->n; i++)
		if (bits & (uint64_t)words->list[i].value)
			json_write_str(w, words->list[i].name);
	json_write_array_end(w);
}

static void write_list(struct json_writer *w, const struct schema *s, const char *list, size_t n)
{
	json_write_array_begin(w);
	for (size_t i = 0; i < n; i++)
		tree_write(w, s, list + i * s->size);
	json_write_array_end(w);
}

static void write_map(struct json_writer *w, const struct schema *s, const char *list, size_t n)
{
	const size_t size = s ? s->size : sizeof(struct oci_pair);

	json_write_object_begin(w);
	for (size_t i = 0; i < n; i++, list += size) {
		json_write_key(w, *(const char *const *)list);
		if (s)
			tree_write(w, s, list);
		else
			json_write_str(w, ((const struct oci_pair *)list)->value);
	}
	json_write_object_end(w);
}

static void write_field(struct json_writer *w, const struct field *f, const void *obj)
{
	const void *at = field_number(f, obj);

	json_write_key(w, f->key);
	switch (f->kind) {
	case FIELD_STR: json_write_str(w, pointer_at(f, obj)); break;
	case FIELD_STRS: write_strs(w, pointer_at(f, obj)); break;
	case FIELD_BOOL: json_write_bool(w, *(const bool *)at); break;
	case FIELD_UINT: json_write_u64(w, load_unsigned(at, f->size)); break;
	case FIELD_INT: json_write_i64(w, load_signed(at, f->size)); break;
	case FIELD_UINTS: write_uints(w, pointer_at(f, obj), field_count(f, obj)); break;
	case FIELD_AMOUNT: write_amount(w, f->amount, load_unsigned(at, f->size)); break;
	case FIELD_WORD: write_word(w, f->words, load_signed(at, f->size)); break;
	case FIELD_WORDS: write_words(w, f->words, load_unsigned(at, f->size)); break;
	case FIELD_OBJECT: tree_write(w, f->of, pointer_at(f, obj)); break;
	case FIELD_PART: tree_write(w, f->of, at); break;
	case FIELD_LIST: write_list(w, f->of, pointer_at(f, obj), field_count(f, obj)); break;
	case FIELD_MAP: write_map(w, f->of, pointer_at(f, obj), field_count(f, obj)); break;
	}
}

void tree_write(struct json_writer *w, const struct schema *s, const void *obj)
{
	json_write_object_begin(w);
	for (size_t i = 0; i < s->n_fields; i++)
		if (field_is_given(&s->fields[i], obj))
			write_field(w, &s->fields[i], obj);
	json_write_object_end(w);
}
