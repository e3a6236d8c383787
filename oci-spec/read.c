/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills the structs of config.h from a JSON tree by walking the tables of
 * schema_priv.h. Keys that no table knows are ignored, as the specification
 * demands; everything that one knows is checked.
 */
#include <errno.h>

#include "oci-spec/schema_priv.h"
#include "oci-spec/tree_priv.h"
#include "runtime/base/arena.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

struct reader {
	struct arena *arena;
	struct err *err;
};

static int read_object(
	struct reader *r, const struct json_node *n, const struct schema *s, void *obj);

static void *member(const struct field *f, void *obj)
{
	return (char *)obj + f->offset;
}

/* The number of a field, and its `set`, which is always the first member. */
static void *number(const struct field *f, void *obj)
{
	if (f->optional)
		*(bool *)member(f, obj) = true;
	return (char *)member(f, obj) + (f->optional ? f->size : 0);
}

static void store_list(const struct field *f, void *obj, const void *list, size_t n)
{
	*(const void **)member(f, obj) = list;
	*(size_t *)((char *)obj + f->n_offset) = n;
}

static int check_form(struct reader *r, const struct json_node *n, form_fn form, const char *s)
{
	const char *wrong = form ? form(s) : NULL;

	return wrong ? json_fail(n, r->err, "'%s' %s", s, wrong) : 0;
}

static int copy_str(struct reader *r, const char *s, const char **ret)
{
	*ret = arena_strndup(r->arena, s, strlen(s));
	return *ret ? 0 : err_oom(r->err);
}

static int read_str(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	const char *s;
	int rc = json_to_str(n, &s, r->err);

	if (rc < 0)
		return rc;
	if (!*s)
		return f->required ? json_fail(n, r->err, "empty") : 0;
	rc = check_form(r, n, f->form, s);
	return rc < 0 ? rc : copy_str(r, s, member(f, obj));
}

static int read_strs(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	const char **list, **p;
	int rc = json_is_array(n, r->err);

	if (rc < 0)
		return rc;
	list = p = arena_calloc(r->arena, json_count(n) + 1, sizeof(*list));
	if (!list)
		return err_oom(r->err);
	json_for_each (child, n) {
		const char *s;

		rc = json_to_str(child, &s, r->err);
		if (rc == 0)
			rc = check_form(r, child, f->form, s);
		if (rc == 0)
			rc = copy_str(r, s, p++);
		if (rc < 0)
			return rc;
	}
	*(const char *const **)member(f, obj) = list;
	return 0;
}

static int read_bool(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	bool value;
	int rc = json_to_bool(n, &value, r->err);

	if (rc < 0)
		return rc;
	*(bool *)number(f, obj) = value;
	return 0;
}

static int fail_range(struct reader *r, const struct json_node *n, const struct field *f)
{
	if (f->max >= INT32_MAX)
		return json_fail(n, r->err, "less than %lld", (long long)f->min);
	return json_fail(
		n, r->err, "not between %lld and %lld", (long long)f->min, (long long)f->max);
}

static int read_uint(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	uint64_t v = 0;
	uint32_t v32 = 0;
	uint16_t v16 = 0;
	int rc = f->size == 8	? json_to_u64(n, &v, r->err)
		 : f->size == 4 ? json_to_u32(n, &v32, r->err)
				: json_to_u16(n, &v16, r->err);

	if (rc < 0)
		return rc;
	v = f->size == 8 ? v : f->size == 4 ? v32 : v16;
	if (f->max && (v < (uint64_t)f->min || v > (uint64_t)f->max))
		return fail_range(r, n, f);
	store_number(number(f, obj), f->size, (int64_t)v);
	return 0;
}

static int read_int(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	int64_t v = 0;
	int32_t v32 = 0;
	int rc = f->size == 8 ? json_to_i64(n, &v, r->err) : json_to_i32(n, &v32, r->err);

	if (rc < 0)
		return rc;
	v = f->size == 8 ? v : v32;
	if (f->max && (v < f->min || v > f->max))
		return fail_range(r, n, f);
	store_number(number(f, obj), f->size, v);
	return 0;
}

static int read_amount(
	struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	const char *s;
	uint64_t v;
	int rc = json_to_str(n, &s, r->err);

	if (rc < 0)
		return rc;
	rc = f->amount->parse(s, &v);
	if (rc < 0 || (f->max && (v < (uint64_t)f->min || v > (uint64_t)f->max)))
		return json_fail(n, r->err, "'%s' is not %s", s, f->amount->what);
	store_number(number(f, obj), f->size, (int64_t)v);
	return 0;
}

static int read_uints(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	uint32_t *list, *p;
	int rc = json_is_array(n, r->err);

	if (rc < 0)
		return rc;
	list = p = arena_calloc(r->arena, json_count(n), sizeof(*list));
	if (!list)
		return err_oom(r->err);
	json_for_each (child, n) {
		rc = json_to_u32(child, p++, r->err);
		if (rc < 0)
			return rc;
	}
	store_list(f, obj, list, json_count(n));
	return 0;
}

static int find_word(
	struct reader *r, const struct json_node *n, const struct words *words, long *ret)
{
	const char *s;
	int rc = json_to_str(n, &s, r->err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < words->n; i++)
		if (streq(words->list[i].name, s)) {
			*ret = words->list[i].value;
			return 0;
		}
	return json_fail(n, r->err, "unknown %s '%s'", words->what, s);
}

static int read_word(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	const char *s;
	long value;
	int rc;

	if (!f->required && json_to_str(n, &s, r->err) == 0 && !*s)
		return 0;
	rc = find_word(r, n, f->words, &value);
	if (rc < 0)
		return rc;
	store_number(number(f, obj), f->size, value);
	return 0;
}

static int read_words(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	int rc = json_is_array(n, r->err);
	uint32_t bits = 0;

	if (rc < 0)
		return rc;
	json_for_each (child, n) {
		long value;

		rc = find_word(r, child, f->words, &value);
		if (rc < 0)
			return rc;
		bits |= (uint32_t)value;
	}
	store_number(number(f, obj), f->size, bits);
	return 0;
}

static int read_pointer(
	struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	void *sub = arena_alloc(r->arena, f->of->size);

	if (!sub)
		return err_oom(r->err);
	*(const void **)member(f, obj) = sub;
	return read_object(r, n, f->of, sub);
}

static int read_list(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	int rc = json_is_array(n, r->err);
	char *list, *p;

	if (rc < 0)
		return rc;
	list = p = arena_calloc(r->arena, json_count(n), f->of->size);
	if (!list)
		return err_oom(r->err);
	json_for_each (child, n) {
		rc = read_object(r, child, f->of, p);
		if (rc < 0)
			return rc;
		p += f->of->size;
	}
	store_list(f, obj, list, json_count(n));
	return 0;
}

static int read_pair(
	struct reader *r, const struct json_node *n, const struct field *f, struct oci_pair *pair)
{
	const char *s;
	int rc = json_to_str(n, &s, r->err);

	if (rc == 0)
		rc = check_form(r, n, f->form, s);
	return rc < 0 ? rc : copy_str(r, s, &pair->value);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_map(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	const size_t size = f->of ? f->of->size : sizeof(struct oci_pair);
	int rc = json_is_object(n, r->err);
	char *list, *p;

	if (rc < 0)
		return rc;
	list = p = arena_calloc(r->arena, json_count(n), size);
	if (!list)
		return err_oom(r->err);
	json_for_each (child, n) {
		const char **name = (const char **)p;

		rc = check_form(r, child, f->key_form, json_name(child));
		if (rc == 0)
			rc = f->of ? read_object(r, child, f->of, p)
				   : read_pair(r, child, f, (struct oci_pair *)p);
		if (rc == 0)
			rc = copy_str(r, json_name(child), name);
		if (rc < 0)
			return rc;
		p += size;
	}
	qsort(list, json_count(n), size, compare_names);
	store_list(f, obj, list, json_count(n));
	return 0;
}

static int read_part(struct reader *r, const struct json_node *n, const struct field *f, void *obj)
{
	return read_object(r, n, f->of, member(f, obj));
}

typedef int (*read_fn)(
	struct reader *r, const struct json_node *n, const struct field *f, void *obj);

static const read_fn readers[] = {
	[FIELD_STR] = read_str,
	[FIELD_STRS] = read_strs,
	[FIELD_BOOL] = read_bool,
	[FIELD_UINT] = read_uint,
	[FIELD_INT] = read_int,
	[FIELD_UINTS] = read_uints,
	[FIELD_AMOUNT] = read_amount,
	[FIELD_WORD] = read_word,
	[FIELD_WORDS] = read_words,
	[FIELD_OBJECT] = read_pointer,
	[FIELD_PART] = read_part,
	[FIELD_LIST] = read_list,
	[FIELD_MAP] = read_map,
};

static bool has_field(const struct schema *s, const char *key)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (streq(s->fields[i].key, key))
			return true;
	return false;
}

static int read_object(
	struct reader *r, const struct json_node *n, const struct schema *s, void *obj)
{
	int rc = json_is_object(n, r->err);

	if (rc < 0)
		return rc;
	if (s->init)
		s->init(obj);
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];
		const struct json_node *child = json_get(n, f->key);

		if (!child && f->required)
			return json_fail_member(n, f->key, r->err, "missing");
		if (!child)
			continue;
		rc = readers[f->kind](r, child, f, obj);
		if (rc < 0)
			return rc;
	}
	json_for_each (child, n)
		if (s->only && !has_field(s, json_name(child)))
			return json_fail(child, r->err, "unknown %s", s->only);
	return s->finish ? s->finish(n, obj, r->err) : 0;
}

const struct json_node *entry_node(const struct json_node *n, const char *key, size_t i)
{
	const struct json_node *child = json_first(json_get(n, key));

	while (i--)
		child = json_next(child);
	return child;
}

int tree_read(const struct json_node *n, const struct schema *s, struct arena *arena, void *obj,
	struct err *err)
{
	struct reader r = {arena, err};

	return read_object(&r, n, s, obj);
}
