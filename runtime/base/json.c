/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader: yajl's events become a tree in an arena. Two passes over the text:
 * the first checks bytes and escapes, where yajl is lenient (it takes overlong
 * UTF-8 and turns unpaired surrogates into '?'), the second is yajl's.
 */
#include "runtime/base/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <yajl/yajl_parse.h>

#include "runtime/base/arena.h"
#include "runtime/base/json_priv.h"
#include "runtime/base/utf8.h"

struct json_doc {
	struct arena arena;
	struct json_node *root;
};

struct reader {
	struct json_doc *doc;
	struct json_node *open; /* the array or object that is being filled */
	const char *key;	/* of the value to come */
	unsigned depth;
	size_t n_nodes;
	struct err *err;
};

/* Errors */

#define PATH_MAX_CHARS 256

/* Keys that would be ambiguous in a path are written as ["the key"]. */
static bool key_is_plain(const char *key)
{
	return *key && !key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_-")];
}

static size_t path_append(char *path, size_t n, const char *fmt, const char *key)
{
	size_t room = PATH_MAX_CHARS - n;
	int len = snprintf(path + n, room, fmt, key);

	return len < 0 ? n : (size_t)len < room ? n + (size_t)len : PATH_MAX_CHARS - 1;
}

static size_t path_append_key(char *path, size_t n, const char *key)
{
	if (!key_is_plain(key))
		return path_append(path, n, "[\"%s\"]", key);
	return path_append(path, n, n ? ".%s" : "%s", key);
}

static size_t path_write(const struct json_node *n, char *path)
{
	char index[16];
	size_t len;

	if (!n->parent) {
		path[0] = '\0';
		return 0;
	}
	len = path_write(n->parent, path);
	if (n->name)
		return path_append_key(path, len, n->name);
	snprintf(index, sizeof(index), "%u", n->index);
	return path_append(path, len, "[%s]", index);
}

/* Values of others end up in messages; they must not break the line or colour the terminal. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static int fail(struct err *err, const char *path, const char *fmt, va_list ap)
{
	char msg[ERR_MSG_MAX];

	vsnprintf(msg, sizeof(msg), fmt, ap);
	err_say(err, EINVAL, "%s%s%s", path, *path ? ": " : "", msg);
	make_printable(err->msg);
	return -EINVAL;
}

int json_fail(const struct json_node *n, struct err *err, const char *fmt, ...)
{
	char path[PATH_MAX_CHARS];
	va_list ap;

	path_write(n, path);
	va_start(ap, fmt);
	fail(err, path, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int json_fail_member(
	const struct json_node *n, const char *key, struct err *err, const char *fmt, ...)
{
	char path[PATH_MAX_CHARS];
	va_list ap;

	path_append_key(path, path_write(n, path), key);
	va_start(ap, fmt);
	fail(err, path, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int fail_at(const char *text, size_t pos, struct err *err, const char *what)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i < pos; i++)
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	return err_say(err, EINVAL, "line %u, column %zu: %s", line, pos - start + 1, what);
}

/* First pass */

static int hex4(const char *s, size_t len, unsigned *ret)
{
	unsigned v = 0;

	if (len < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		char c = s[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v |= (unsigned)((c | 0x20) - 'a' + 10);
		else
			return -EINVAL;
	}
	*ret = v;
	return 0;
}

/* At "\uXXXX": how much of the text it takes, 0 with what is wrong with it. */
static size_t check_unicode_escape(const char *s, size_t len, const char **what)
{
	unsigned hi, lo;

	if (hex4(s + 2, len - 2, &hi) < 0)
		return 2; /* the second pass says it better */
	if (hi == 0) {
		*what = "a string with NUL in it";
		return 0;
	}
	if (hi < 0xd800 || hi > 0xdfff)
		return 6;
	if (hi < 0xdc00 && len >= 12 && s[6] == '\\' && s[7] == 'u' &&
		hex4(s + 8, len - 8, &lo) == 0 && lo >= 0xdc00 && lo <= 0xdfff)
		return 12;
	*what = "an unpaired surrogate";
	return 0;
}

static int check_bytes(const char *text, size_t len, struct err *err)
{
	const char *what = "not UTF-8";

	for (size_t i = 0, n; i < len; i += n) {
		if (text[i] == '\\' && len - i >= 2 && text[i + 1] == 'u')
			n = check_unicode_escape(text + i, len - i, &what);
		else if (text[i] == '\\' && len - i >= 2 && (text[i + 1] & 0x80) == 0)
			n = 2;
		else
			n = utf8_sequence(text + i, len - i);
		if (n == 0)
			return fail_at(text, i, err, what);
	}
	return 0;
}

/* Second pass */

static struct json_node *node_add(struct reader *r, enum json_type type)
{
	struct json_node *n, *parent = r->open;

	if (++r->n_nodes > JSON_NODES_MAX) {
		err_say(r->err, E2BIG, "more than %d values", JSON_NODES_MAX);
		return NULL;
	}
	n = arena_alloc(&r->doc->arena, sizeof(*n));
	if (!n) {
		err_oom(r->err);
		return NULL;
	}
	n->type = type;
	n->parent = parent;
	n->name = take_ptr(&r->key);
	if (!parent) {
		r->doc->root = n;
	} else {
		n->index = parent->count++;
		if (parent->last)
			parent->last->next = n;
		else
			parent->first = n;
		parent->last = n;
	}
	return n;
}

static int on_null(void *ctx)
{
	return node_add(ctx, JSON_NULL) != NULL;
}

static int on_boolean(void *ctx, int value)
{
	struct json_node *n = node_add(ctx, JSON_BOOL);

	if (n)
		n->boolean = value;
	return n != NULL;
}

static int add_text(struct reader *r, enum json_type type, const char *s, size_t len)
{
	struct json_node *n = node_add(r, type);

	if (!n)
		return 0;
	n->text = arena_strndup(&r->doc->arena, s, len);
	if (!n->text)
		err_oom(r->err);
	return n->text != NULL;
}

static int on_number(void *ctx, const char *s, size_t len)
{
	return add_text(ctx, JSON_NUMBER, s, len);
}

static int on_string(void *ctx, const unsigned char *s, size_t len)
{
	return add_text(ctx, JSON_STRING, (const char *)s, len);
}

static int on_key(void *ctx, const unsigned char *s, size_t len)
{
	struct reader *r = ctx;

	r->key = arena_strndup(&r->doc->arena, (const char *)s, len);
	if (!r->key)
		err_oom(r->err);
	return r->key != NULL;
}

static int open_node(struct reader *r, enum json_type type)
{
	struct json_node *n;

	if (++r->depth > JSON_DEPTH_MAX) {
		err_say(r->err, E2BIG, "nested more than %d levels deep", JSON_DEPTH_MAX);
		return 0;
	}
	n = node_add(r, type);
	if (n)
		r->open = n;
	return n != NULL;
}

static int on_start_map(void *ctx)
{
	return open_node(ctx, JSON_OBJECT);
}

static int on_start_array(void *ctx)
{
	return open_node(ctx, JSON_ARRAY);
}

static int on_end_array(void *ctx)
{
	struct reader *r = ctx;

	r->depth--;
	/* The tree is ours to write while it grows. */
	r->open = (struct json_node *)r->open->parent;
	return 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_duplicates(const struct json_node *object, struct err *err)
{
	_cleanup_free_ const char **names = NULL;
	size_t n = 0;

	if (object->count < 2)
		return 0;
	names = malloc(object->count * sizeof(*names));
	if (!names)
		return err_oom(err);
	json_for_each (child, object)
		names[n++] = child->name;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 1; i < n; i++)
		if (streq(names[i - 1], names[i]))
			return json_fail_member(object, names[i], err, "given twice");
	return 0;
}

static int on_end_map(void *ctx)
{
	struct reader *r = ctx;

	return check_duplicates(r->open, r->err) == 0 && on_end_array(ctx);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* yajl's "parse error: what\n" -> "what" */
static int fail_syntax(yajl_handle h, const char *text, size_t len, size_t pos, struct err *err)
{
	unsigned char *msg = yajl_get_error(h, 0, (const unsigned char *)text, len);
	char *what = msg ? strstr((char *)msg, ": ") : NULL;

	if (what) {
		what[strcspn(what, "\n")] = '\0';
		what[strlen(what) - (what[strlen(what) - 1] == '.')] = '\0';
	}
	fail_at(text, pos, err, what ? what + 2 : "not JSON");
	if (msg)
		yajl_free_error(h, msg);
	return -EINVAL;
}

static int read_text(struct reader *r, const char *text, size_t len)
{
	yajl_handle h = yajl_alloc(&callbacks, NULL, r);
	yajl_status status;
	size_t pos;
	int rc = 0;

	if (!h)
		return err_oom(r->err);
	status = yajl_parse(h, (const unsigned char *)text, len);
	/* What was taken last is what it stumbled over. */
	pos = yajl_get_bytes_consumed(h);
	pos -= pos > 0;
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(h);
		pos = len;
	}
	if (status == yajl_status_client_canceled)
		rc = -r->err->code;
	else if (status != yajl_status_ok)
		rc = fail_syntax(h, text, len, pos < len ? pos : len, r->err);
	yajl_free(h);
	return rc;
}

int json_parse(const char *text, size_t len, struct json_doc **ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	struct reader r = {.err = err};
	int rc;

	if (len > JSON_TEXT_MAX)
		return err_say(err, E2BIG, "longer than %u bytes", JSON_TEXT_MAX);
	if (len == 0)
		return err_say(err, EINVAL, "empty");
	rc = check_bytes(text, len, err);
	if (rc < 0)
		return rc;
	doc = calloc(1, sizeof(*doc));
	if (!doc)
		return err_oom(err);
	r.doc = doc;
	rc = read_text(&r, text, len);
	if (rc < 0)
		return rc;
	if (!doc->root)
		return err_say(err, EINVAL, "empty");
	*ret = take_ptr(&doc);
	return 0;
}

void json_free(struct json_doc *doc)
{
	if (!doc)
		return;
	arena_finish(&doc->arena);
	free(doc);
}

/* Access */

const struct json_node *json_root(const struct json_doc *doc)
{
	return doc->root;
}

enum json_type json_type(const struct json_node *n)
{
	return n->type;
}

const char *json_name(const struct json_node *n)
{
	return n->name;
}

size_t json_count(const struct json_node *n)
{
	return n->count;
}

const struct json_node *json_first(const struct json_node *n)
{
	return n->first;
}

const struct json_node *json_next(const struct json_node *n)
{
	return n->next;
}

const struct json_node *json_get(const struct json_node *n, const char *key)
{
	if (!n || n->type != JSON_OBJECT)
		return NULL;
	json_for_each (child, n)
		if (streq(child->name, key))
			return child->type == JSON_NULL ? NULL : child;
	return NULL;
}

int json_need(
	const struct json_node *n, const char *key, const struct json_node **ret, struct err *err)
{
	const struct json_node *child;
	int rc = json_is_object(n, err);

	if (rc < 0)
		return rc;
	child = json_get(n, key);
	if (!child)
		return json_fail_member(n, key, err, "missing");
	*ret = child;
	return 0;
}
