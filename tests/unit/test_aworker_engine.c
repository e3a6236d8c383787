/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/v8/engine.h"

#include "tests/unit/engine_unit.h"

START_TEST(runs_a_script)
{
	struct engine *e = start();

	run(e, "w.js", "say(1 + 1, 'é\\u{1F600}')");
	ck_assert_str_eq(seen.said, "2 é😀loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(an_error_names_its_line)
{
	struct engine *e = start();

	fails(e, "w.js", "let a = 1;\nlet b = ;\n", "w.js:2:9: SyntaxError: Unexpected token ';'",
		"    let b = ;\n            ^");
	fails(e, "w.js", "\n  throw new TypeError('bad')", "w.js:2:9: TypeError: bad",
		"    at w.js:2:9");
	fails(e, "w.js", "throw 'text'", "w.js:1:1: Uncaught text", "");
	fails(e, "w.js", "throw { a: 1 }", "w.js:1:1: #<Object> {\"a\":1}", "");
	fails(e, "w.mjs", "import 'x'; let a = ;", "w.mjs:1:21: SyntaxError: Unexpected token ';'",
		"^");
	fails(e, "w.js", "export default 1; let a = ;",
		"w.js:1:27: SyntaxError: Unexpected token ';'", "^");
	fails(e, "w.js", "await null; with (a) {}",
		"w.js:1:13: SyntaxError: Strict mode code may not include a with statement", "^");
	fails(e, "w.js", "(function f() { f() })()",
		"w.js:1:12: RangeError: Maximum call stack size exceeded", "    at f (w.js:1:17)");
	/* The user's line, not the platform's. */
	fails(e, "w.js", "ops.echo('x')", "w.js:1:5: TypeError: echo: argument 1 is not an integer",
		"at w.js:1:5");
	fails(e, "w.js", "throw new Error('a', { cause: new Error('b') })", "w.js:1:7: Error: a",
		"Caused by: Error: b\n    at w.js:1:31");
	engine_destroy(e);
}
END_TEST

START_TEST(ops_take_and_give_values)
{
	struct engine *e = start();

	run(e, "w.js",
		"say(ops.echo(41, 0.5, true), ops.echo(10n, -1, false), ops.echo(-0, 0, true))");
	ck_assert_str_eq(seen.said, "1041.5 9 1000loaded undefined");
	run(e, "w.js",
		"for (const args of [[], [1.5, 0, true], [NaN, 0, true], ['1', 0, true],\n"
		"	[2n ** 64n, 0, true], [1, '1', true], [1, 1, 1]])\n"
		"	try { ops.echo(...args); say('taken') } catch (x) { say(x.name[0]) }");
	ck_assert_str_eq(seen.said, "TTTTTTTloaded undefined");
	run(e, "w.js",
		"say(ops.latin1('a\\xff'), ops.join(['ab', '', 'é']), ops.same(e = {}) === e)");
	ck_assert_str_eq(seen.said, "97,255 2ab01é trueloaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(ops_share_bytes)
{
	struct engine *e = start();

	run(e, "w.js",
		"const b = new Uint8Array([1, 2, 3, 4]);\n"
		"say(ops.double(b.subarray(1, 3)), ops.double(b.buffer), ops.double(new "
		"DataView(b.buffer, 4)));\n"
		"say(' ' + b, ops.double(new Uint8Array(2000)), ops.double(new "
		"SharedArrayBuffer(8)))");
	ck_assert_str_eq(seen.said, "2 4 0 2,8,12,8 2000 8loaded undefined");
	fails(e, "w.js", "ops.double([1])",
		"w.js:1:5: TypeError: double: argument 1 is not an ArrayBuffer or a view of one",
		"");
	fails(e, "w.js", "ops.latin1('\\u0100')",
		"w.js:1:5: TypeError: latin1: argument 1 is not a byte string: it holds a "
		"character "
		"above U+00FF",
		"");
	fails(e, "w.js", "ops.join(['a', 1])",
		"w.js:1:5: TypeError: join: argument 1 is not a string", "");
	fails(e, "w.js", "ops.join(Array(70000))",
		"w.js:1:5: TypeError: join: argument 1 is not an array of at most 65536 strings",
		"");
	fails(e, "w.js", "ops.join(Object.defineProperty([1], 0, { get() { throw 7 } }))",
		"w.js:1:50: Uncaught 7", "");
	engine_destroy(e);
}
END_TEST

START_TEST(long_strings_arrive_whole)
{
	struct engine *e = start();

	run(e, "w.js",
		"for (const n of [340, 341, 342, 1023, 1024, 1025, 50000])\n"
		"	for (const c of ['a', 'é', '€', '\\ud800']) {\n"
		"		const s = c.repeat(n), t = ops.join([s.replace(/[^a]/g, "
		"'a').slice(0, 9)]);\n"
		"		if (ops.length(s) !== n * [1, 2, 3, 3]['aé€\\ud800'.indexOf(c)] || "
		"!t) say(n, c);\n"
		"	}");
	ck_assert_str_eq(seen.said, "loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(ops_throw)
{
	struct engine *e = start();

	fails(e, "w.js", "ops.refuse(1)", "w.js:1:5: RangeError: no 7 for you", "at w.js:1:5");
	fails(e, "w.js", "ops.refuse()", "w.js:1:5: Error: refuse failed", "at w.js:1:5");
	run(e, "w.js", "try { new ops.say('x') } catch (x) { say(x.name) }");
	ck_assert_str_eq(seen.said, "TypeErrorloaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(kinds_and_insides)
{
	struct engine *e = start();

	run(e, "w.js",
		"say([1, {}, [], () => {}, new RangeError(), new Date(), /x/, new Map(), new "
		"Set(),\n"
		"	new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), Object(1n), "
		"Promise.resolve(),\n"
		"	new Proxy(() => {}, {}), new WeakMap(), [1].values(), new Map().keys(),\n"
		"	(function () { return arguments })(), "
		"Object.create(Error.prototype)].map(ops.kind));");
	ck_assert_str_eq(seen.said, "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,1,15,17,1loaded undefined");
	run(e, "w.js",
		"const t = {}, h = {}, it = new Set([1, 2]).values(); it.next();\n"
		"const [a, b] = ops.inside(new Proxy(t, h)); say(a === t, b === h, '');\n"
		"say(ops.inside(Promise.resolve(5)), ops.inside(new Promise(() => {})), '');\n"
		"say(ops.inside(new Map([[1, 2]])), ops.inside(it), ops.inside(1), "
		"ops.inside([3]))");
	ck_assert_str_eq(seen.said, "true true 1,5 0, 1,2 2 undefined undefinedloaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(structured_clone)
{
	struct engine *e = start();

	run(e, "w.js",
		"const o = { d: new Date(5), r: /a/g, m: new Map([[1, new Set([2])]]), n: 5n, u: "
		"undefined,\n"
		"	e: new RangeError('bad'), t: new Float32Array([1.5]), a: [, 1] }; o.self = "
		"o;\n"
		"const c = ops.clone(o);\n"
		"say(c !== o, c.self === c, +c.d, c.r, c.m.get(1).has(2), c.n, 'u' in c, "
		"c.e.name,\n"
		"	c.e.message, c.e instanceof RangeError, c.t[0], 0 in c.a, c.a.length)");
	ck_assert_str_eq(seen.said, "true true 5 /a/g true 5 true RangeError bad true 1.5 false 2"
				    "loaded undefined");
	run(e, "w.js",
		"{ const b = new Uint8Array([1, 2]), c = ops.clone({ b }, [b.buffer]);\n"
		"say(b.length, c.b + '', c.b !== b, '');\n"
		"const s = new SharedArrayBuffer(1); new Uint8Array(ops.clone([s])[0])[0] = 9;\n"
		"say(new Uint8Array(s)[0]) }");
	ck_assert_str_eq(seen.said, "0 1,2 true 9loaded undefined");
	run(e, "w.js",
		"const b = new ArrayBuffer(1), gone = new ArrayBuffer(1); ops.clone(gone, "
		"[gone]);\n"
		"for (const args of [[() => {}], [Symbol()], [1, [{}]], [1, [b, b]], [1, [gone]],\n"
		"	[{ get x() { throw 'own' } }], [1, 2]])\n"
		"	try { ops.clone(...args); say('cloned') } catch (x) { say(x.name || x, '') "
		"}\n"
		"say(b.byteLength)");
	ck_assert_str_eq(seen.said, "DataCloneError DataCloneError DataCloneError DataCloneError "
				    "DataCloneError own DataCloneError 1loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(c_calls_javascript)
{
	struct engine *e = start();
	static const char *const strings[] = {"a", "\xff"};
	static const size_t lens[] = {1, 1};
	struct engine_value *argv[] = {
		engine_undefined(e),
		engine_number(e, 1.5),
		engine_bool(e, true),
		engine_string(e, "é", 2),
		engine_latin1(e, "\xe8", 1),
		engine_bytes(e, "\1\2", 2),
		engine_latin1_array(e, strings, lens, 2),
		engine_bytes(e, NULL, 0),
	};
	struct engine_value *hello = engine_internal_function(e, "hello");
	struct engine_value *fail = engine_internal_function(e, "fail");

	ck_assert_ptr_null(engine_internal_function(e, "nothing"));
	ck_assert_int_eq(engine_call(e, hello, ARRAY_SIZE(argv), argv), 0);
	ck_assert_str_eq(seen.said, "hello undefined 1.5 true é è 1,2 a,ÿ ");
	ck_assert_int_lt(engine_call(e, fail, 0, NULL), 0);
	ck_assert_str_eq(seen.uncaught, "TypeError: from the platform");
	run(e, "w.js",
		"ops.keep(function () { say(this === globalThis); throw new Error('kept') })");
	seen.said[0] = '\0';
	ck_assert_int_lt(engine_call(e, seen.kept, 0, NULL), 0);
	ck_assert_str_eq(seen.said, "true");
	ck_assert_str_eq(seen.uncaught, "w.js:1:56: Error: kept");
	ck_assert_int_eq(seen.n_uncaught, 2);
	for (size_t i = 0; i < ARRAY_SIZE(argv); i++)
		engine_release(e, argv[i]);
	engine_release(e, seen.kept);
	engine_release(e, hello);
	engine_release(e, fail);
	engine_release(e, NULL);
	engine_destroy(e);
}
END_TEST

UNIT_MAIN("aworker_engine", runs_a_script, an_error_names_its_line, ops_take_and_give_values,
	ops_share_bytes, long_strings_arrive_whole, ops_throw, kinds_and_insides, structured_clone,
	c_calls_javascript)
