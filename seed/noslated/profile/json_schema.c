/* SPDX-License-Identifier: Apache-2.0 */
/* The tables once more, as JSON Schema, for editors and for whoever writes profiles by a program. */
#include "oci-spec/schema.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"
#include "seed/noslated/profile/profile_priv.h"

static void write_object(struct json_writer *w, const struct schema *s);

static void write_number(struct json_writer *w, const struct field *f)
{
	json_write_member_str(w, "type", "integer");
	json_write_member_i64(w, "minimum", f->min);
	if (f->max)
		json_write_member_i64(w, "maximum", f->max);
}

static void write_words(struct json_writer *w, const struct words *words)
{
	json_write_key(w, "enum");
	json_write_array_begin(w);
	for (size_t i = 0; i < words->n; i++)
		json_write_str(w, words->list[i].name);
	json_write_array_end(w);
}

static void write_list(struct json_writer *w, const struct schema *s)
{
	json_write_member_str(w, "type", "array");
	json_write_key(w, "items");
	write_object(w, s);
}

static void write_map(struct json_writer *w)
{
	json_write_member_str(w, "type", "object");
	json_write_key(w, "additionalProperties");
	json_write_object_begin(w);
	json_write_member_str(w, "type", "string");
	json_write_object_end(w);
}

static void write_field(struct json_writer *w, const struct field *f)
{
	json_write_key(w, f->key);
	if (f->kind == FIELD_PART || f->kind == FIELD_OBJECT) {
		write_object(w, f->of);
		return;
	}
	json_write_object_begin(w);
	switch (f->kind) {
	case FIELD_STR: json_write_member_str(w, "type", "string"); break;
	case FIELD_BOOL: json_write_member_str(w, "type", "boolean"); break;
	case FIELD_UINT: write_number(w, f); break;
	case FIELD_AMOUNT:
		json_write_member_str(w, "type", "string");
		json_write_member_str(w, "description", f->amount->what);
		break;
	case FIELD_WORD: write_words(w, f->words); break;
	case FIELD_LIST: write_list(w, f->of); break;
	case FIELD_MAP: write_map(w); break;
	default: BUG("a kind of member that no profile has");
	}
	json_write_object_end(w);
}

static void write_required(struct json_writer *w, const struct schema *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		if (!s->fields[i].required)
			continue;
		if (n++ == 0) {
			json_write_key(w, "required");
			json_write_array_begin(w);
		}
		json_write_str(w, s->fields[i].key);
	}
	if (n > 0)
		json_write_array_end(w);
}

static void write_object(struct json_writer *w, const struct schema *s)
{
	json_write_object_begin(w);
	json_write_member_str(w, "type", "object");
	json_write_key(w, "properties");
	json_write_object_begin(w);
	for (size_t i = 0; i < s->n_fields; i++)
		write_field(w, &s->fields[i]);
	json_write_object_end(w);
	write_required(w, s);
	if (s->only)
		json_write_member_bool(w, "additionalProperties", false);
	json_write_object_end(w);
}

static void write_top_list(
	struct json_writer *w, const char *key, const struct schema *s, unsigned max)
{
	json_write_key(w, key);
	json_write_object_begin(w);
	write_list(w, s);
	json_write_member_u64(w, "maxItems", max);
	json_write_object_end(w);
}

static void write_root(struct json_writer *w)
{
	json_write_key(w, "version");
	json_write_object_begin(w);
	json_write_member_u64(w, "const", PROFILE_VERSION);
	json_write_object_end(w);
	json_write_key(w, "node");
	write_object(w, &profile_node_schema);
	write_top_list(w, "tenants", &profile_tenant_schema, PROFILE_TENANTS_MAX);
	write_top_list(w, "functions", &profile_function_schema, PROFILE_FUNCTIONS_MAX);
}

void profile_schema_write(struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out, true);
	json_write_object_begin(&w);
	json_write_member_str(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_write_member_str(&w, "title", "Functions of a node, for noslated");
	json_write_member_str(&w, "type", "object");
	json_write_key(&w, "properties");
	json_write_object_begin(&w);
	write_root(&w);
	json_write_object_end(&w);
	json_write_key(&w, "required");
	json_write_array_begin(&w);
	json_write_str(&w, "version");
	json_write_str(&w, "functions");
	json_write_array_end(&w);
	json_write_member_bool(&w, "additionalProperties", false);
	json_write_object_end(&w);
}
