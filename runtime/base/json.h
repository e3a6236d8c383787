/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: a strict reader that makes a tree, and a writer. The only module that
 * knows yajl.
 *
 * The reader refuses what RFC 8259 leaves open or C cannot hold: keys that occur
 * twice, bytes that are not UTF-8, unpaired surrogates, NUL in strings, comments,
 * anything behind the value, and whatever is beyond the limits below. Errors start
 * with the place: "line 3, column 7: ..." for text that is no JSON, a path such as
 * "process.rlimits[2].hard: ..." for a value of the wrong kind.
 */
#ifndef RUNTIME_BASE_JSON_H
#define RUNTIME_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct buf;
struct json_doc;
struct json_node;

#define JSON_TEXT_MAX  (4u << 20) /* bytes */
#define JSON_DEPTH_MAX 32
#define JSON_NODES_MAX 200000

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* `text` need not outlive the call. -EINVAL for bad text, -E2BIG beyond a limit. */
int json_parse(const char *text, size_t len, struct json_doc **ret, struct err *err);
void json_free(struct json_doc *doc); /* and every node and string of it; NULL is fine */

static inline void json_free_ptr_(struct json_doc **doc)
{
	json_free(*doc);
}
#define _cleanup_json_ _cleanup_(json_free_ptr_)

/* Nodes and the strings of them are borrowed from the document. */
const struct json_node *json_root(const struct json_doc *doc);
enum json_type json_type(const struct json_node *n);
const char *json_name(const struct json_node *n); /* its key in the parent; NULL in arrays */

/* Elements of an array or members of an object, in the order of the text. */
size_t json_count(const struct json_node *n);
const struct json_node *json_first(const struct json_node *n);
const struct json_node *json_next(const struct json_node *n);
#define json_for_each(child, parent) \
	for (const struct json_node *child = json_first(parent); child; child = json_next(child))

/* Member of an object; NULL when there is none or it is null, or `n` is NULL or no object. */
const struct json_node *json_get(const struct json_node *n, const char *key);
/* As json_get(), but its absence is an error: "a.b: missing". */
int json_need(
	const struct json_node *n, const char *key, const struct json_node **ret, struct err *err);

/*
 * Typed values. A value of another kind, or a number out of range or with a
 * fraction or exponent, is -EINVAL: "a.b[0]: not an unsigned 32-bit number".
 */
int json_to_str(const struct json_node *n, const char **ret, struct err *err);
int json_to_bool(const struct json_node *n, bool *ret, struct err *err);
int json_to_u64(const struct json_node *n, uint64_t *ret, struct err *err);
int json_to_i64(const struct json_node *n, int64_t *ret, struct err *err);
int json_to_u32(const struct json_node *n, uint32_t *ret, struct err *err);
int json_to_i32(const struct json_node *n, int32_t *ret, struct err *err);
int json_to_u16(const struct json_node *n, uint16_t *ret, struct err *err);
/* 0 when it is an array (an object), else the error. */
int json_is_array(const struct json_node *n, struct err *err);
int json_is_object(const struct json_node *n, struct err *err);

/* The same of a member that has to be there. */
int json_need_str(const struct json_node *n, const char *key, const char **ret, struct err *err);
int json_need_u64(const struct json_node *n, const char *key, uint64_t *ret, struct err *err);
int json_need_i64(const struct json_node *n, const char *key, int64_t *ret, struct err *err);
int json_need_bool(const struct json_node *n, const char *key, bool *ret, struct err *err);

/* Errors of the caller's own about a node, or about a member it has or lacks. Return -EINVAL. */
int json_fail(const struct json_node *n, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
int json_fail_member(const struct json_node *n, const char *key, struct err *err, const char *fmt,
	...) PRINTF_LIKE(4, 5);

/*
 * The writer. Ask buf_failed() of the buffer when done. The caller keeps begin and
 * end, key and value in order. Bytes that are not UTF-8 are written as U+FFFD.
 */
struct json_writer {
	struct buf *out; /* borrowed */
	bool pretty;	 /* one member a line, indented by tabs; ends in '\n' */
	unsigned depth;
	bool comma; /* the next value or key needs one */
	bool value; /* a key was written, its value is next */
};

void json_writer_init(struct json_writer *w, struct buf *out, bool pretty);

void json_write_object_begin(struct json_writer *w);
void json_write_object_end(struct json_writer *w);
void json_write_array_begin(struct json_writer *w);
void json_write_array_end(struct json_writer *w);
void json_write_key(struct json_writer *w, const char *key);
void json_write_str(struct json_writer *w, const char *value);
void json_write_u64(struct json_writer *w, uint64_t value);
void json_write_i64(struct json_writer *w, int64_t value);
/* Text that is a JSON number, for those that are no integer. */
void json_write_number(struct json_writer *w, const char *text);
void json_write_bool(struct json_writer *w, bool value);
void json_write_null(struct json_writer *w);

/* Key and value in one. */
void json_write_member_str(struct json_writer *w, const char *key, const char *value);
void json_write_member_u64(struct json_writer *w, const char *key, uint64_t value);
void json_write_member_i64(struct json_writer *w, const char *key, int64_t value);
void json_write_member_bool(struct json_writer *w, const char *key, bool value);

#endif
