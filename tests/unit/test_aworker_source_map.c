/* SPDX-License-Identifier: Apache-2.0 */
/* Source maps: places, the comment that names one, and maps of people who mean no good. */
#include "aworker/module/source_map.h"

#include <stdio.h>

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

static struct source_map *parse(const char *text)
{
	struct source_map *map = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(source_map_parse(text, strlen(text), &map, &err) == 0, "%s", err.msg);
	return map;
}

static void is_at(const struct source_map *map, uint32_t line, uint32_t column, const char *wanted)
{
	char got[128] = "nowhere";
	struct source_place at;

	if (source_map_find(map, line, column, &at))
		snprintf(got, sizeof(got), "%s:%u:%u", at.source, at.line, at.column);
	ck_assert_str_eq(got, wanted);
}

START_TEST(places)
{
	/* Line 1: column 1 is b.ts:1:1, column 5 b.ts:3:5, column 9 nothing; line 3: a.ts:2:1. */
	struct source_map *map = parse("{\"version\": 3, \"names\": [\"x\", {\"y\": [1, \"]\"]}],"
				       "\"sources\": [\"b.ts\", \"a.ts\", null],"
				       "\"sourcesContent\": [\"let \\\"x\\\" = 1;\", null],"
				       "\"mappings\": \"AAAA,IAEI,I;;ACDJA\", \"file\": \"w.js\"}");

	is_at(map, 1, 1, "b.ts:1:1");
	is_at(map, 1, 4, "b.ts:1:1");
	is_at(map, 1, 5, "b.ts:3:5");
	is_at(map, 1, 9, "nowhere");
	is_at(map, 1, 4000000000u, "nowhere");
	is_at(map, 2, 1, "nowhere");
	is_at(map, 3, 7, "a.ts:2:1");
	is_at(map, 4, 1, "nowhere");
	is_at(map, 0, 0, "nowhere");
	source_map_destroy(map);
}
END_TEST

START_TEST(roots_and_names)
{
	struct source_map *map =
		parse("{\"mappings\": \"AAAA;ACAA;ADCA,AAAAA\", \"sources\":"
		      "[\"a\\u001b\\n.ts\", \"/abs.ts\"], \"sourceRoot\": \"src\"}");

	is_at(map, 1, 1, "src/a\\u001b?.ts:1:1");
	is_at(map, 2, 1, "/abs.ts:1:1");
	is_at(map, 3, 1, "src/a\\u001b?.ts:2:1");
	source_map_destroy(map);
}
END_TEST

START_TEST(columns_out_of_order)
{
	struct source_map *map = parse("{\"mappings\": \"IAAA,FAEA\", \"sources\": [\"a\"]}");

	is_at(map, 1, 3, "a:3:1");
	is_at(map, 1, 5, "a:1:1");
	source_map_destroy(map);
}
END_TEST

static void is_wrong(const char *text, const char *wanted)
{
	struct source_map *map = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_lt(source_map_parse(text, strlen(text), &map, &err), 0);
	ck_assert_str_eq(err.msg, wanted);
}

START_TEST(hostile)
{
	_cleanup_buf_ struct buf deep = BUF_INIT;

	is_wrong("", "source map: it is no object");
	is_wrong("[]", "source map: it is no object");
	is_wrong("{", "source map: a string is expected");
	is_wrong("{}", "source map: it has no mappings");
	is_wrong("{\"mappings\": \"A", "source map: a string does not end");
	is_wrong("{\"mappings\": \"A\"", "source map: it does not end");
	is_wrong("{\"mappings\": 1}", "source map: it has no mappings");
	is_wrong("{\"names\": [1, \"mappings\"", "source map: it ends early");
	is_wrong("{\"mappings\": \"AA\"}", "source map: mappings are not valid");
	is_wrong("{\"mappings\": \"AAAAAA\"}", "source map: mappings are not valid");
	is_wrong("{\"mappings\": \"A!\"}", "source map: mappings are not valid");
	is_wrong("{\"mappings\": \"gggggggA\"}", "source map: mappings are not valid");
	is_wrong("{\"mappings\": \"D\"}", "source map: a place is out of range");
	is_wrong("{\"sources\": {}}", "source map: sources is no array");
	is_wrong("{\"sources\": [\"a\"", "source map: sources does not end");
	is_wrong("{\"sections\": []}", "source map: an index of sections is not supported");
	buf_puts(&deep, "{\"x\": ");
	for (int i = 0; i < 100000; i++)
		buf_puts(&deep, "[");
	is_wrong(deep.data, "source map: nested too deeply");
}
END_TEST

START_TEST(too_many)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_puts(&text, "{\"mappings\": \"");
	for (unsigned i = 0; i <= SOURCE_MAP_SEGMENTS_MAX; i++)
		buf_puts(&text, "C,");
	buf_puts(&text, "\"}");
	is_wrong(text.data, "source map: too many mappings");
	text.len = 0;
	buf_puts(&text, "{\"sources\": [0");
	for (unsigned i = 0; i < SOURCE_MAP_SOURCES_MAX; i++)
		buf_puts(&text, ",0");
	is_wrong(text.data, "source map: too many sources");
}
END_TEST

static void comment_is(const char *script, const char *wanted)
{
	const char *url = "";
	size_t len = 0;

	ck_assert_int_eq(source_map_url(script, strlen(script), &url, &len), *wanted != '\0');
	ck_assert_int_eq(len, strlen(wanted));
	ck_assert_int_eq(strncmp(url, wanted, len), 0);
}

START_TEST(comments)
{
	comment_is("", "");
	comment_is("\n\n", "");
	comment_is("//# sourceMappingURL=a.map", "a.map");
	comment_is("f();\n//# sourceMappingURL=a.map\r\n// end\n\n", "a.map");
	comment_is("//# sourceMappingURL=a.map\nf();", "");
	comment_is("//# sourceMappingURL=", "");
}
END_TEST

START_TEST(urls)
{
	static const char good[] = "data:application/json;charset=utf-8;base64,eyJhIjoxfQ==";
	struct err err = ERR_INIT;
	char *text;
	size_t len;

	ck_assert_int_eq(source_map_of_url(good, strlen(good), &text, &len, &err), 0);
	ck_assert_str_eq(text, "{\"a\":1}");
	ck_assert_int_eq(len, 7);
	free(text);
	ck_assert_int_lt(source_map_of_url("a.map", 5, &text, &len, &err), 0);
	ck_assert_int_lt(source_map_of_url("data:,x", 7, &text, &len, &err), 0);
	ck_assert_int_lt(
		source_map_of_url("data:application/json;base64,!", 30, &text, &len, &err), 0);
}
END_TEST

UNIT_MAIN("aworker_source_map", places, roots_and_names, columns_out_of_order, hostile, too_many,
	comments, urls)
