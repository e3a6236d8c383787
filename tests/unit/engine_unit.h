/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for the engine's unit tests: ops that note what JavaScript says, a
 * platform of a few lines, modules from a table.
 */
#ifndef TESTS_UNIT_ENGINE_UNIT_H
#define TESTS_UNIT_ENGINE_UNIT_H

#include <errno.h>
#include <stdio.h>

#include "aworker/v8/engine.h"
#include "tests/unit/unit.h"

/* What ops and host callbacks saw, for the assertions. */
static struct {
	char said[4096];
	char uncaught[4096];
	char stack[4096];
	int n_uncaught;
	int n_wakes;
	struct engine_value *kept;
} seen;

static int op_say(struct op_call *call)
{
	const char *text;
	size_t len;

	if (op_arg_string(call, 0, &text, &len) < 0)
		return -1;
	ck_assert(len == strlen(text));
	strncat(seen.said, text, sizeof(seen.said) - strlen(seen.said) - 1);
	return 0;
}

static int op_keep(struct op_call *call)
{
	return op_arg_function(call, 0, &seen.kept);
}

static int op_clone(struct op_call *call)
{
	return op_ret_structured_clone(call, 0, op_argc(call) > 1 ? 1 : -1);
}

static int op_kind(struct op_call *call)
{
	op_ret_f64(call, op_arg_kind(call, 0));
	return 0;
}

static int op_inside(struct op_call *call)
{
	op_ret_inside(call, 0);
	return 0;
}

/* One of each argument and result, to be compared with what JavaScript gave. */
static int op_echo(struct op_call *call)
{
	int64_t n;
	double d;
	bool b;

	if (op_arg_i64(call, 0, &n) < 0 || op_arg_f64(call, 1, &d) < 0 ||
		op_arg_bool(call, 2, &b) < 0)
		return -1;
	op_ret_f64(call, (double)n + d + (b ? 1000 : 0));
	return 0;
}

static int op_latin1(struct op_call *call)
{
	const char *text;
	size_t len;

	if (op_arg_latin1(call, 0, &text, &len) < 0)
		return -1;
	op_ret_bytes(call, text, len);
	return 0;
}

static int op_join(struct op_call *call)
{
	const char *const *strings;
	const size_t *lens;
	char all[256] = "";
	size_t n;

	if (op_arg_latin1_array(call, 0, &strings, &lens, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		snprintf(
			all + strlen(all), sizeof(all) - strlen(all), "%zu%s", lens[i], strings[i]);
	op_ret_latin1(call, all, strlen(all));
	return 0;
}

/* Doubles each byte in place. */
static int op_double(struct op_call *call)
{
	uint8_t *data;
	size_t len;

	if (op_arg_bytes(call, 0, &data, &len) < 0)
		return -1;
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(data[i] * 2);
	op_ret_f64(call, (double)len);
	return 0;
}

static int op_same(struct op_call *call)
{
	struct engine_value *v;

	if (op_arg_value(call, 0, &v) < 0)
		return -1;
	op_ret_value(call, v);
	engine_release(op_engine(call), v);
	return 0;
}

static int op_length(struct op_call *call)
{
	const char *text;
	size_t len;

	if (op_arg_string(call, 0, &text, &len) < 0)
		return -1;
	op_ret_f64(call, (double)len);
	return 0;
}

static int op_refuse(struct op_call *call)
{
	if (op_arg_is_nullish(call, 0))
		return -1;
	return op_throw(call, "RangeError", "no %d for you", 7);
}

static int op_stop(struct op_call *call)
{
	engine_terminate(op_engine(call));
	return 0;
}

static const struct engine_op ops[] = {
	{"say", op_say},
	{"keep", op_keep},
	{"clone", op_clone},
	{"kind", op_kind},
	{"inside", op_inside},
	{"echo", op_echo},
	{"latin1", op_latin1},
	{"join", op_join},
	{"double", op_double},
	{"same", op_same},
	{"length", op_length},
	{"refuse", op_refuse},
	{"stop", op_stop},
	{NULL, NULL},
};

/* Modules that the tests import; a name without a text cannot be read. */
static const struct {
	const char *name;
	const char *text;
	enum engine_module_type type;
} modules[] = {
	{"./a.js", "export default 'a'; export let n = 1; export function up() { n++ }",
		ENGINE_MODULE_SCRIPT},
	{"./w.mjs", "",
		ENGINE_MODULE_SCRIPT}, /* the entry itself: known by its name, its text is not looked at */
	{"./cycle.js", "import { value } from './w.mjs'; export const late = () => value;",
		ENGINE_MODULE_SCRIPT},
	{"./broken.js", "let x = 1;\nexport let = 2", ENGINE_MODULE_SCRIPT},
	{"./throws.js", "export const x = 1;\nthrow new RangeError('while loading')",
		ENGINE_MODULE_SCRIPT},
	{"./imports_missing.js", "\nimport * as m from './missing.js'", ENGINE_MODULE_SCRIPT},
	{"./slow.js", "export default await Promise.resolve('slow')", ENGINE_MODULE_SCRIPT},
	{"./data.json", "{\"list\": [1, 2]}", ENGINE_MODULE_SCRIPT},
	{"./bad.json", "{list}", ENGINE_MODULE_SCRIPT},
	{"./json", "[1]", ENGINE_MODULE_JSON},
	{"./text", "plain", ENGINE_MODULE_TEXT},
	{"./data", "1234", ENGINE_MODULE_DATA},
	{"./wasm", "no module", ENGINE_MODULE_WASM},
};

static int on_resolve(
	void *data, const char *specifier, const char *referrer, char **ret_name, struct err *err)
{
	ck_assert_ptr_nonnull(referrer);
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (!streq(modules[i].name, specifier))
			continue;
		*ret_name = strdup(specifier + 2);
		return 0;
	}
	return err_set(err, ENOENT, "open '%s'", specifier);
}

static int on_load(void *data, const char *name, enum engine_module_type *ret_type,
	struct buf *ret_source, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (!streq(modules[i].name + 2, name))
			continue;
		*ret_type = modules[i].type;
		buf_puts(ret_source, modules[i].text);
		return 0;
	}
	return err_set(err, ENOENT, "open '%s'", name);
}

static void on_uncaught(void *data, const char *message, const char *stack)
{
	seen.n_uncaught++;
	snprintf(seen.uncaught, sizeof(seen.uncaught), "%s", message);
	snprintf(seen.stack, sizeof(seen.stack), "%s", stack);
}

static void on_wake(void *data, double delay_ms)
{
	seen.n_wakes++;
}

static const char platform_text[] =
	"globalThis.say = (...args) => ops.say(args.map(String).join(' '));\n"
	"globalThis.ops = ops;\n"
	"ops.internals = internals;\n"
	"internals.hello = (...args) => say('hello', ...args);\n"
	"internals.dataCloneError = (m) => Object.assign(new Error(m), { name: 'DataCloneError' "
	"});\n"
	"internals.fail = () => { throw new TypeError('from the platform') };\n"
	"internals.mainLoaded = (ns) => say('loaded', ns && ns.default);\n";

static const struct engine_source platform = {
	"test.js", platform_text, sizeof(platform_text) - 1, false};

static struct engine_options test_options(void)
{
	return (struct engine_options){.ops = ops,
		.host = {.resolve = on_resolve,
			.load = on_load,
			.uncaught = on_uncaught,
			.wake = on_wake}};
}

UNUSED static struct engine *start(void)
{
	struct engine_options options = test_options();
	struct engine *e = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(engine_create(&options, &e, &err) == 0, "%s", err.msg);
	ck_assert_msg(engine_bootstrap(e, &platform, &err) == 0, "%s", err.msg);
	return e;
}

UNUSED static void run(struct engine *e, const char *name, const char *text)
{
	struct err err = ERR_INIT;

	seen.said[0] = '\0';
	ck_assert_msg(engine_eval(e, name, text, strlen(text), NULL, &err) == 0, "%s", err.msg);
	engine_pump(e);
}

/* The file fails with this sentence and a stack that holds `in_stack`. */
UNUSED static void fails(struct engine *e, const char *name, const char *text, const char *message,
	const char *in_stack)
{
	_cleanup_free_ char *stack = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_lt(engine_eval(e, name, text, strlen(text), &stack, &err), 0);
	ck_assert_str_eq(err.msg, message);
	ck_assert_msg(strstr(stack ? stack : "", in_stack), "stack: %s", stack ? stack : "(none)");
}

#endif
