/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/utf8.h"
#include "tests/unit/unit.h"

static struct json_doc *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct json_doc *doc = NULL;

	ck_assert_msg(json_parse(text, strlen(text), &doc, &err) == 0, "%s", err.msg);
	return doc;
}

static void refuse_n(const char *text, size_t len, int code, const char *msg)
{
	struct err err = ERR_INIT;
	struct json_doc *doc = NULL;

	ck_assert_int_eq(json_parse(text, len, &doc, &err), -code);
	ck_assert_int_eq(err.code, code);
	ck_assert_str_eq(err.msg, msg);
	ck_assert_ptr_null(doc);
}

static void refuse(const char *text, const char *msg)
{
	refuse_n(text, strlen(text), EINVAL, msg);
}

START_TEST(reads_a_tree)
{
	_cleanup_json_ struct json_doc *doc =
		parse(" {\"a\": [1, -2, \"x\\u00e9\\ud83d\\ude00\\n\"], \"b\": {\"c\": true}, "
		      "\"n\": null}");
	const struct json_node *root = json_root(doc), *a, *b;
	struct err err = ERR_INIT;
	const char *s;
	uint64_t u;
	int64_t i;
	bool yes;

	ck_assert_int_eq(json_type(root), JSON_OBJECT);
	ck_assert_uint_eq(json_count(root), 3);
	a = json_get(root, "a");
	ck_assert_str_eq(json_name(a), "a");
	ck_assert_uint_eq(json_count(a), 3);
	a = json_first(a);
	ck_assert_int_eq(json_to_u64(a, &u, &err), 0);
	ck_assert_uint_eq(u, 1);
	a = json_next(a);
	ck_assert_int_eq(json_to_i64(a, &i, &err), 0);
	ck_assert_int_eq(i, -2);
	a = json_next(a);
	ck_assert_int_eq(json_to_str(a, &s, &err), 0);
	ck_assert_str_eq(s, "x\xc3\xa9\xf0\x9f\x98\x80\n");
	ck_assert_ptr_null(json_next(a));
	b = json_get(root, "b");
	ck_assert_int_eq(json_need_bool(b, "c", &yes, &err), 0);
	ck_assert(yes);
	ck_assert_ptr_null(json_get(root, "n"));
	ck_assert_ptr_null(json_get(root, "zz"));
	ck_assert_ptr_null(json_get(a, "not an object"));
}
END_TEST

START_TEST(says_where_the_text_is_wrong)
{
	refuse("", "empty");
	refuse("  \n ", "line 2, column 2: premature EOF");
	refuse("{\n  \"a\": 1,\n  b: 2\n}", "line 3, column 3: invalid char in json text");
	refuse("{\"a\" 1}",
		"line 1, column 6: object key and value must be separated by a colon (':')");
	refuse("[1,2", "line 1, column 5: premature EOF");
	refuse("[1] x", "line 1, column 5: trailing garbage");
	refuse("[1] 2", "line 1, column 6: trailing garbage");
	refuse("[1] // remark", "line 1, column 4: trailing garbage");
	refuse("[1, // remark\n2]", "line 1, column 4: probable comment found in input text, "
				    "comments are not enabled");
	refuse("[01]", "line 1, column 3: after array element, I expect ',' or ']'");
	refuse("\"a\nb\"", "line 1, column 2: invalid character inside string");
}
END_TEST

START_TEST(refuses_strings_that_are_none)
{
	refuse("[\"\\u0000\"]", "line 1, column 3: a string with NUL in it");
	refuse("[\"\\ud83d\"]", "line 1, column 3: an unpaired surrogate");
	refuse("[\"\\ud83d\\u0041\"]", "line 1, column 3: an unpaired surrogate");
	refuse("[\"\\ud83d\\ud83d\"]", "line 1, column 3: an unpaired surrogate");
	refuse("[\"\\ud83d\\ue000\"]", "line 1, column 3: an unpaired surrogate");
	refuse("[\"\\ude00\"]", "line 1, column 3: an unpaired surrogate");
	refuse("[\"ab\xff\"]", "line 1, column 5: not UTF-8");
	refuse("[\"\xc0\xaf\"]", "line 1, column 3: not UTF-8");
	refuse("[\n\"\xed\xa0\x80\"]", "line 2, column 2: not UTF-8");
	refuse("[\"\xf4\x90\x80\x80\"]", "line 1, column 3: not UTF-8");
	refuse("[\"\xe2\x82\"]", "line 1, column 3: not UTF-8");
	refuse("[\"\\\xff\"]", "line 1, column 4: not UTF-8");
	json_free(parse("[\"\\\\u0000 is no escape\"]"));
}
END_TEST

START_TEST(refuses_keys_given_twice)
{
	refuse("{\"a\": 1, \"b\": 2, \"a\": 3}", "a: given twice");
	refuse("{\"x\": [0, {\"k\\n\": 1, \"k\\n\": 2}]}", "x[1][\"k?\"]: given twice");
	refuse("{\"a\": 1, \"\\u0061\": 3}", "a: given twice");
}
END_TEST

START_TEST(holds_its_limits)
{
	_cleanup_buf_ struct buf deep = BUF_INIT, wide = BUF_INIT;
	char *big;

	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_puts(&deep, "[");
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		buf_puts(&deep, "]");
	json_free(parse(deep.data));
	buf_finish(&deep);
	for (int i = 0; i < JSON_DEPTH_MAX + 1; i++)
		buf_puts(&deep, "{\"a\":");
	refuse_n(deep.data, deep.len, E2BIG, "nested more than 32 levels deep");

	buf_puts(&wide, "[0");
	for (int i = 0; i < JSON_NODES_MAX; i++)
		buf_puts(&wide, ",0");
	buf_puts(&wide, "]");
	refuse_n(wide.data, wide.len, E2BIG, "more than 200000 values");

	big = calloc(1, JSON_TEXT_MAX + 1);
	ck_assert_ptr_nonnull(big);
	refuse_n(big, JSON_TEXT_MAX + 1, E2BIG, "longer than 4194304 bytes");
	free(big);
}
END_TEST

/* Which of the six readers take a number, as a word of letters. */
static const char *takers(const char *number)
{
	static char word[8];
	char text[64];
	struct err err;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;
	int64_t i64;
	int32_t i32;
	char *p = word;

	snprintf(text, sizeof(text), "[%s]", number);
	_cleanup_json_ struct json_doc *doc = parse(text);
	const struct json_node *n = json_first(json_root(doc));

	if (json_to_u64(n, &u64, &err) == 0)
		*p++ = 'U';
	if (json_to_i64(n, &i64, &err) == 0)
		*p++ = 'I';
	if (json_to_u32(n, &u32, &err) == 0)
		*p++ = 'u';
	if (json_to_i32(n, &i32, &err) == 0)
		*p++ = 'i';
	if (json_to_u16(n, &u16, &err) == 0)
		*p++ = 's';
	*p = '\0';
	return word;
}

START_TEST(checks_ranges_of_numbers)
{
	ck_assert_str_eq(takers("0"), "UIuis");
	ck_assert_str_eq(takers("-0"), "Ii");
	ck_assert_str_eq(takers("65535"), "UIuis");
	ck_assert_str_eq(takers("65536"), "UIui");
	ck_assert_str_eq(takers("2147483647"), "UIui");
	ck_assert_str_eq(takers("2147483648"), "UIu");
	ck_assert_str_eq(takers("4294967295"), "UIu");
	ck_assert_str_eq(takers("4294967296"), "UI");
	ck_assert_str_eq(takers("9223372036854775807"), "UI");
	ck_assert_str_eq(takers("9223372036854775808"), "U");
	ck_assert_str_eq(takers("18446744073709551615"), "U");
	ck_assert_str_eq(takers("18446744073709551616"), "");
	ck_assert_str_eq(takers("99999999999999999999999"), "");
	ck_assert_str_eq(takers("-1"), "Ii");
	ck_assert_str_eq(takers("-2147483648"), "Ii");
	ck_assert_str_eq(takers("-2147483649"), "I");
	ck_assert_str_eq(takers("-9223372036854775808"), "I");
	ck_assert_str_eq(takers("-9223372036854775809"), "");
	ck_assert_str_eq(takers("1.0"), "");
	ck_assert_str_eq(takers("1e3"), "");
	ck_assert_str_eq(takers("\"1\""), "");
	ck_assert_str_eq(takers("true"), "");
}
END_TEST

START_TEST(names_the_place_of_a_wrong_value)
{
	_cleanup_json_ struct json_doc *doc = parse(
		"{\"process\": {\"rlimits\": [{}, {}, {\"hard\": -1}]}, \"a.b\": {\"\": []}}");
	const struct json_node *root = json_root(doc), *n;
	struct err err = ERR_INIT;
	const char *s;
	uint64_t u = 7;

	n = json_get(json_get(root, "process"), "rlimits");
	n = json_next(json_next(json_first(n)));
	ck_assert_int_eq(json_need_u64(n, "hard", &u, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "process.rlimits[2].hard: not an unsigned 64-bit number");
	ck_assert_uint_eq(u, 7);
	ck_assert_int_eq(json_need_u64(n, "soft", &u, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "process.rlimits[2].soft: missing");
	ck_assert_int_eq(json_need_str(json_get(root, "a.b"), "", &s, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "[\"a.b\"][\"\"]: not a string");
	ck_assert_int_eq(json_is_array(root, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "not an array");
	ck_assert_int_eq(json_need_str(n, "hard", &s, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "process.rlimits[2].hard: not a string");
	json_fail(n, &err, "'%s' is odd", "\x1b[31m\nx");
	ck_assert_str_eq(err.msg, "process.rlimits[2]: '?[31m?x' is odd");
}
END_TEST

START_TEST(survives_long_paths)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	uint64_t u;

	for (int i = 0; i < 20; i++)
		buf_puts(&text, "{\"a_key_that_is_longer_than_most\":");
	buf_puts(&text, "true");
	for (int i = 0; i < 20; i++)
		buf_puts(&text, "}");

	_cleanup_json_ struct json_doc *doc = parse(text.data);
	const struct json_node *n = json_root(doc);

	while (json_first(n))
		n = json_first(n);
	ck_assert_int_eq(json_to_u64(n, &u, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, ": not an unsigned 64-bit number"));
}
END_TEST

static void write_sample(struct json_writer *w)
{
	json_write_object_begin(w);
	json_write_member_str(w, "s", "a\"b\\c\n\x01\x7f/\xc3\xa9");
	json_write_key(w, "list");
	json_write_array_begin(w);
	json_write_u64(w, UINT64_MAX);
	json_write_i64(w, INT64_MIN);
	json_write_null(w);
	json_write_object_begin(w);
	json_write_object_end(w);
	json_write_array_end(w);
	json_write_key(w, "empty");
	json_write_array_begin(w);
	json_write_array_end(w);
	json_write_member_bool(w, "t", true);
	json_write_object_end(w);
}

START_TEST(writes)
{
	_cleanup_buf_ struct buf compact = BUF_INIT, pretty = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &compact, false);
	write_sample(&w);
	ck_assert_str_eq(compact.data,
		"{\"s\":\"a\\\"b\\\\c\\n\\u0001\\u007f/\xc3\xa9\",\"list\":[18446744073709551615,"
		"-9223372036854775808,null,{}],\"empty\":[],\"t\":true}");
	json_writer_init(&w, &pretty, true);
	write_sample(&w);
	ck_assert_str_eq(pretty.data,
		"{\n\t\"s\": \"a\\\"b\\\\c\\n\\u0001\\u007f/\xc3\xa9\",\n\t\"list\": [\n"
		"\t\t18446744073709551615,\n\t\t-9223372036854775808,\n\t\tnull,\n\t\t{}\n\t],\n"
		"\t\"empty\": [],\n\t\"t\": true\n}\n");
	json_free(parse(compact.data));
	json_free(parse(pretty.data));
}
END_TEST

START_TEST(writes_valid_text_whatever_the_bytes)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &out, false);
	json_write_str(&w, "a\xff\xe2\x82z\xe2\x82");
	ck_assert_str_eq(out.data, "\"a" UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT
				   "z" UTF8_REPLACEMENT UTF8_REPLACEMENT "\"");
}
END_TEST

START_TEST(arena_gives_zeroed_and_aligned_memory)
{
	_cleanup_arena_ struct arena a = ARENA_INIT;

	for (size_t size = 0; size < 10000; size = size * 3 + 1) {
		char *p = arena_alloc(&a, size);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			ck_assert_int_eq(p[i], 0);
		memset(p, 0xff, size);
	}
	ck_assert_str_eq(arena_strndup(&a, "hello", 4), "hell");
	ck_assert_ptr_null(arena_calloc(&a, SIZE_MAX / 2, 3));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
}
END_TEST

UNIT_MAIN("json", reads_a_tree, says_where_the_text_is_wrong, refuses_strings_that_are_none,
	refuses_keys_given_twice, holds_its_limits, checks_ranges_of_numbers,
	names_the_place_of_a_wrong_value, survives_long_paths, writes,
	writes_valid_text_whatever_the_bytes, arena_gives_zeroed_and_aligned_memory)
