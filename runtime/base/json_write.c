/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: straight into a buffer, no state but where the next comma belongs. */
#include "runtime/base/json.h"

#include <inttypes.h>

#include "runtime/base/buf.h"
#include "runtime/base/utf8.h"

void json_writer_init(struct json_writer *w, struct buf *out, bool pretty)
{
	*w = (struct json_writer){.out = out, .pretty = pretty};
}

static void new_line(struct json_writer *w)
{
	if (!w->pretty)
		return;
	buf_put(w->out, "\n", 1);
	for (unsigned i = 0; i < w->depth; i++)
		buf_put(w->out, "\t", 1);
}

/* What belongs before a key, an element, or a value after its key. */
static void separate(struct json_writer *w)
{
	if (w->value) {
		w->value = false;
		return;
	}
	if (w->comma)
		buf_put(w->out, ",", 1);
	if (w->depth)
		new_line(w);
}

static void end_value(struct json_writer *w)
{
	w->comma = true;
	if (w->pretty && w->depth == 0)
		buf_put(w->out, "\n", 1);
}

static void open_with(struct json_writer *w, const char *bracket)
{
	separate(w);
	buf_put(w->out, bracket, 1);
	w->depth++;
	w->comma = false;
}

static void close_with(struct json_writer *w, const char *bracket)
{
	w->depth--;
	if (w->comma)
		new_line(w);
	buf_put(w->out, bracket, 1);
	end_value(w);
}

void json_write_object_begin(struct json_writer *w)
{
	open_with(w, "{");
}

void json_write_object_end(struct json_writer *w)
{
	close_with(w, "}");
}

void json_write_array_begin(struct json_writer *w)
{
	open_with(w, "[");
}

void json_write_array_end(struct json_writer *w)
{
	close_with(w, "]");
}

static void put_escaped(struct buf *out, char c)
{
	static const char named[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = strchr(named, c);

	if (at)
		buf_printf(out, "\\%c", letters[at - named]);
	else
		buf_printf(out, "\\u%04x", (unsigned)c);
}

static bool needs_escape(char c)
{
	return (unsigned char)c < ' ' || c == '"' || c == '\\' || c == 0x7f;
}

static void put_string(struct buf *out, const char *s)
{
	size_t left = strlen(s), run = 0;

	buf_put(out, "\"", 1);
	while (run < left) {
		size_t n = utf8_sequence(s + run, left - run);

		if (n && !needs_escape(s[run])) {
			run += n;
			continue;
		}
		buf_put(out, s, run);
		if (n)
			put_escaped(out, s[run]);
		else
			buf_puts(out, UTF8_REPLACEMENT);
		s += run + 1;
		left -= run + 1;
		run = 0;
	}
	buf_put(out, s, run);
	buf_put(out, "\"", 1);
}

void json_write_key(struct json_writer *w, const char *key)
{
	separate(w);
	put_string(w->out, key);
	buf_puts(w->out, w->pretty ? ": " : ":");
	w->value = true;
}

void json_write_str(struct json_writer *w, const char *value)
{
	separate(w);
	put_string(w->out, value);
	end_value(w);
}

void json_write_u64(struct json_writer *w, uint64_t value)
{
	separate(w);
	buf_printf(w->out, "%" PRIu64, value);
	end_value(w);
}

void json_write_i64(struct json_writer *w, int64_t value)
{
	separate(w);
	buf_printf(w->out, "%" PRId64, value);
	end_value(w);
}

void json_write_number(struct json_writer *w, const char *text)
{
	separate(w);
	buf_puts(w->out, text);
	end_value(w);
}

void json_write_bool(struct json_writer *w, bool value)
{
	separate(w);
	buf_puts(w->out, value ? "true" : "false");
	end_value(w);
}

void json_write_null(struct json_writer *w)
{
	separate(w);
	buf_puts(w->out, "null");
	end_value(w);
}

void json_write_member_str(struct json_writer *w, const char *key, const char *value)
{
	json_write_key(w, key);
	json_write_str(w, value);
}

void json_write_member_u64(struct json_writer *w, const char *key, uint64_t value)
{
	json_write_key(w, key);
	json_write_u64(w, value);
}

void json_write_member_i64(struct json_writer *w, const char *key, int64_t value)
{
	json_write_key(w, key);
	json_write_i64(w, value);
}

void json_write_member_bool(struct json_writer *w, const char *key, bool value)
{
	json_write_key(w, key);
	json_write_bool(w, value);
}
