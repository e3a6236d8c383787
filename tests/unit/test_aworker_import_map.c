/* SPDX-License-Identifier: Apache-2.0 */
/* Import maps: what a name means to whom, and what is wrong with a map. */
#include "aworker/module/import_map.h"

#include "aworker/module/module_path.h"
#include "tests/unit/unit.h"

static struct import_map *parse(const char *text)
{
	struct import_map *map = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(import_map_parse(text, strlen(text), "/m/map.json", &map, &err) == 0, "%s",
		err.msg);
	return map;
}

/* "" when the map does not know it, the sentence when there is one. */
static void means(
	const struct import_map *map, const char *name, const char *referrer, const char *wanted)
{
	_cleanup_free_ char *got = NULL;
	struct err err = ERR_INIT;
	int r = import_map_find(map, name, referrer, &got, &err);

	ck_assert_str_eq(r < 0 ? err.msg : r == 0 ? "" : got, wanted);
}

START_TEST(names_and_prefixes)
{
	struct import_map *map =
		parse("{\"imports\": {\"react\": \"./lib/react.js\","
		      "\"lib/\": \"./lib/\", \"lib/deep/\": \"/deep/\","
		      "\"lib/one\": \"../one.js\", \"/abs.js\": \"file:///a%20b.js\","
		      "\"no\": null, \"far\": \"https://h/x.js\"}}");

	means(map, "react", "/w.js", "/m/lib/react.js");
	means(map, "react/jsx", "/w.js", "");
	means(map, "lib/x.js", "/w.js", "/m/lib/x.js");
	means(map, "lib/", "/w.js", "/m/lib/");
	means(map, "lib/deep/x.js", "/w.js", "/deep/x.js");
	means(map, "lib/one", "/w.js", "/one.js");
	means(map, "/abs.js", "/w.js", "/a b.js");
	means(map, "no", "/w.js", "the import map '/m/map.json' forbids it");
	means(map, "far", "/w.js",
		"the import map '/m/map.json' says 'https://h/x.js' for it, which is no path "
		"(./x.js, /x.js)");
	means(map, "lib/../../x.js", "/w.js", "it leaves './lib/' of the import map '/m/map.json'");
	means(map, "lib///etc/x.js", "/w.js", "it leaves './lib/' of the import map '/m/map.json'");
	import_map_destroy(map);
}
END_TEST

START_TEST(scopes)
{
	struct import_map *map =
		parse("{\"imports\": {\"a\": \"./a.js\", \"b\": \"./b.js\"}, \"scopes\": {"
		      "\"./old/\": {\"a\": \"./a1.js\"}, \"./old/er/\": {\"a\": \"./a0.js\"},"
		      "\"/w.js\": {\"b\": \"./bw.js\"}}}");

	means(map, "a", "/m/x.js", "/m/a.js");
	means(map, "a", "/m/old/x.js", "/m/a1.js");
	means(map, "a", "/m/old/er/x.js", "/m/a0.js");
	means(map, "b", "/m/old/er/x.js", "/m/b.js");
	means(map, "b", "/w.js", "/m/bw.js");
	means(map, "b", "/w.jsx", "/m/b.js");
	means(map, "b", NULL, "/m/b.js");
	import_map_destroy(map);
}
END_TEST

static void is_wrong(const char *text, const char *wanted)
{
	struct import_map *map = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_lt(import_map_parse(text, strlen(text), "/m/map.json", &map, &err), 0);
	ck_assert_ptr_null(map);
	ck_assert_msg(strstr(err.msg, wanted), "%s", err.msg);
	ck_assert_msg(str_after(err.msg, "import map '/m/map.json': "), "%s", err.msg);
}

START_TEST(what_is_wrong)
{
	is_wrong("{", "line 1");
	is_wrong("[]", "not an object");
	is_wrong("{\"imports\": 1}", "imports: not an object");
	is_wrong("{\"scopes\": {\"./x/\": []}}", "not an object");
	is_wrong("{\"imports\": {\"a\": 1}}", "imports.a: not a string");
	is_wrong("{\"imports\": {\"a/\": \"./a\"}}", "'./a' has to end in '/' as the name does");
	is_wrong("{\"imports\": {\"a\": \"file://host/x\"}}", "names another machine");
}
END_TEST

static void path_is(const char *specifier, const char *referrer, const char *wanted)
{
	_cleanup_free_ char *path = NULL;
	struct err err = ERR_INIT;
	int r = module_path_of(specifier, referrer, &path, &err);

	ck_assert_str_eq(r < 0 ? err.msg : r == 0 ? "" : path, wanted);
}

START_TEST(paths)
{
	path_is("./x.js", "/a/b.js", "/a/x.js");
	path_is("../../../x.js", "/a/b.js", "/x.js");
	path_is("/x//y/./z.js", "/a/b.js", "/x/y/z.js");
	path_is("file:///x%20y.js?v=1#h", "/a/b.js", "/x y.js");
	path_is("file:///x%00y", "/a/b.js", "'file:///x%00y' holds a NUL");
	path_is("file://h/x", "/a/b.js", "'file://h/x' names another machine");
	path_is("react", "/a/b.js", "");
	path_is(".hidden", "/a/b.js", "");
}
END_TEST

UNIT_MAIN("aworker_import_map", names_and_prefixes, scopes, what_is_wrong, paths)
