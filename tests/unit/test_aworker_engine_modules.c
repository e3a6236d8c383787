/* SPDX-License-Identifier: Apache-2.0 */
/* Modules and promises: what is loaded, in which order, and who hears of a failure. */
#include "aworker/v8/engine.h"

#include "tests/unit/engine_unit.h"

START_TEST(static_imports)
{
	struct engine *e = start();

	run(e, "w.js",
		"import a, { n, up } from './a.js'; import * as again from './a.js';\n"
		"up(); say(a, n, again.n, ''); export default 'main'");
	ck_assert_str_eq(seen.said, "a 2 2 loaded main");
	run(e, "w.mjs",
		"import { late } from './cycle.js'; export const value = 5; say(late(), '')");
	ck_assert_str_eq(seen.said, "5 loaded undefined");
	run(e, "w.mjs", "import slow from './slow.js'; say(slow, this === undefined, '')");
	ck_assert_str_eq(seen.said, "slow true loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(import_meta)
{
	struct engine *e = start();

	run(e, "/srv/a b#é.js", "say(import.meta.url, import.meta.main, '')");
	ck_assert_str_eq(seen.said, "file:///srv/a%20b%23%C3%A9.js true loaded undefined");
	run(e, "/srv/a.js", "say(import.meta.filename, import.meta.dirname, '')");
	ck_assert_str_eq(seen.said, "/srv/a.js /srv loaded undefined");
	run(e, "https://host/x.js", "say(import.meta.url, 'filename' in import.meta, '')");
	ck_assert_str_eq(seen.said, "https://host/x.js false loaded undefined");
	run(e, "w.js", "say(import.meta.resolve('./a.js'), import.meta.resolve.name, '')");
	ck_assert_str_eq(seen.said, "file:///a.js resolve loaded undefined");
	run(e, "w.js", "try { import.meta.resolve('x') } catch (x) { say(String(x), '') }");
	ck_assert_str_eq(seen.said,
		"TypeError: import.meta.resolve: open 'x': No such file or directory loaded "
		"undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(json_modules)
{
	static const char bad[] = "import d from './bad.json' assert { type: 'json' }";
	static const char said[] = "w.js:1:15: SyntaxError: bad.json: ";
	struct engine *e = start();
	struct err err = ERR_INIT;

	run(e, "w.js",
		"import d from './data.json' assert { type: 'json' };\n"
		"const same = await import('./data.json', { assert: { type: 'json' } });\n"
		"say(d.list, same.default === d, '')");
	ck_assert_str_eq(seen.said, "1,2 true loaded undefined");
	/* What it dislikes V8 says in other words with each version. */
	ck_assert_int_lt(engine_eval(e, "w.js", bad, strlen(bad), NULL, &err), 0);
	ck_assert_msg(
		strncmp(err.msg, said, strlen(said)) == 0 && strstr(err.msg, "JSON at position 1"),
		"%s", err.msg);
	fails(e, "w.js", "import d from './data.json' assert { type: 'css' }",
		"w.js:1:15: TypeError: import assertion { type: 'css' } is not supported",
		"at w.js");
	engine_destroy(e);
}
END_TEST

START_TEST(modules_that_are_no_scripts)
{
	struct engine *e = start();

	run(e, "w.js",
		"import t from './text'; import d from './data';\n"
		"const again = await import('./data');\n"
		"say(t, d.byteLength, d instanceof ArrayBuffer, again.default === d, '')");
	ck_assert_str_eq(seen.said, "plain 4 true true loaded undefined");
	fails(e, "w.js", "import j from './json'",
		"w.js:1:15: Error: Cannot import './json': JSON has to be imported with assert { "
		"type: 'json' }",
		"at w.js:1:15");
	fails(e, "w.js", "import j from './wasm'",
		"w.js:1:15: CompileError: WasmModuleObject::Compile(): expected magic word 00 61 "
		"73 "
		"6d, found 6e 6f 20 6d @+0",
		"at w.js:1:15");
	engine_destroy(e);
}
END_TEST

START_TEST(failed_imports_name_their_line)
{
	struct engine *e = start();
	const char *missing = "Error: Cannot import './missing.js': open './missing.js': "
			      "No such file or directory";
	char text[256];

	snprintf(text, sizeof(text), "w.js:2:8: %s", missing);
	fails(e, "w.js", "\nimport './missing.js'", text, "at w.js:2:8");
	snprintf(text, sizeof(text), "imports_missing.js:2:20: %s", missing);
	fails(e, "w.js", "import './imports_missing.js'", text, "at imports_missing.js:2:20");
	fails(e, "w.js", "import './broken.js'",
		"broken.js:2:12: SyntaxError: Unexpected token '='", "export let = 2");
	fails(e, "w.js", "import { nothing } from './a.js'",
		"w.js:1:10: SyntaxError: The requested module './a.js' does not provide an export "
		"named 'nothing'",
		"");
	fails(e, "w.js", "import './throws.js'", "throws.js:2:7: RangeError: while loading",
		"at throws.js:2:7");
	/* Once failed, always failed, in the same way. */
	fails(e, "x.js", "import './throws.js'", "throws.js:2:7: RangeError: while loading",
		"at throws.js:2:7");
	engine_pump(e);
	ck_assert_int_eq(seen.n_uncaught, 0);
	engine_destroy(e);
}
END_TEST

START_TEST(dynamic_imports)
{
	struct engine *e = start();

	run(e, "w.js",
		"import('./a.js').then((m) => say(m.default, ''));\n"
		"import('./slow.js').then((m) => say(m.default, ''));\n"
		"for (const bad of ['./missing.js', './broken.js', './throws.js', ''])\n"
		"	import(bad).catch((x) => say(x.name, ''))");
	ck_assert_str_eq(seen.said, "loaded undefinedError SyntaxError Error a RangeError slow ");
	ck_assert_int_eq(seen.n_uncaught, 0);
	run(e, "w.js", "\nimport('./broken.js')");
	ck_assert_str_eq(seen.uncaught, "broken.js:2:12: SyntaxError: Unexpected token '='");
	run(e, "w.js", "\nimport('./missing.js')");
	ck_assert_msg(str_after(seen.uncaught, "w.js:2:1: Error: Cannot import './missing.js'"),
		"%s", seen.uncaught);
	engine_destroy(e);
}
END_TEST

START_TEST(top_level_await)
{
	struct engine *e = start();
	struct engine_value *arg;

	run(e, "w.js", "await new Promise((go) => ops.keep(go)); say('on', ''); export default 1");
	ck_assert_str_eq(seen.said, "");
	arg = engine_undefined(e);
	ck_assert_int_eq(engine_call(e, seen.kept, 1, &arg), 0);
	ck_assert_str_eq(seen.said, "");
	engine_pump(e);
	ck_assert_str_eq(seen.said, "on loaded 1");
	engine_release(e, arg);
	engine_release(e, seen.kept);
	run(e, "w.js", "await null;\nthrow new Error('late')");
	ck_assert_str_eq(seen.said, "");
	ck_assert_str_eq(seen.uncaught, "w.js:2:7: Error: late");
	ck_assert_int_eq(seen.n_uncaught, 1);
	engine_destroy(e);
}
END_TEST

START_TEST(unhandled_rejections)
{
	struct engine *e = start();

	run(e, "w.js", "Promise.reject(new Error('alone'))");
	ck_assert_str_eq(seen.uncaught, "w.js:1:16: Error: alone");
	run(e, "w.js", "\n Promise.reject('text')");
	ck_assert_str_eq(seen.uncaught, "w.js:2:10: Uncaught text");
	ck_assert_int_eq(seen.n_uncaught, 2);
	/* Handled in the same turn, or by the listener. */
	run(e, "w.js",
		"const p = Promise.reject(1); Promise.resolve().then(() => p.catch(() => {}))");
	run(e, "w.js",
		"ops.internals.reportRejection = (p, r) => { say(r); return r === 2 };\n"
		"Promise.reject(2); Promise.reject(3)");
	ck_assert_str_eq(seen.said, "loaded undefined23");
	ck_assert_int_eq(seen.n_uncaught, 3);
	run(e, "w.js",
		"ops.internals.rejectionHandled = (p, r) => say('late', p === q, r);\n"
		"ops.internals.reportRejection = () => true; var q = Promise.reject(4)");
	run(e, "w.js", "q.catch(() => say('caught'))");
	ck_assert_str_eq(seen.said, "loaded undefinedcaughtlate true 4");
	engine_destroy(e);
}
END_TEST

START_TEST(a_listener_takes_exceptions)
{
	struct engine *e = start();
	struct engine_value *fail = engine_internal_function(e, "fail");

	run(e, "w.js", "ops.internals.reportException = (x) => { say(x.message); return true }");
	ck_assert_int_lt(engine_call(e, fail, 0, NULL), 0);
	ck_assert_str_eq(seen.said, "loaded undefinedfrom the platform");
	ck_assert_int_eq(seen.n_uncaught, 0);
	/* One that throws itself has not taken it. */
	run(e, "w.js", "ops.internals.reportException = (x) => { throw 1 }");
	ck_assert_int_lt(engine_call(e, fail, 0, NULL), 0);
	ck_assert_str_eq(seen.uncaught, "TypeError: from the platform");
	engine_release(e, fail);
	engine_destroy(e);
}
END_TEST

UNIT_MAIN("aworker_engine_modules", static_imports, import_meta, json_modules,
	modules_that_are_no_scripts, failed_imports_name_their_line, dynamic_imports,
	top_level_await, unhandled_rejections, a_listener_takes_exceptions)
