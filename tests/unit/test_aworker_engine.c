/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/v8/engine.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* What ops and host callbacks saw, for the assertions. */
static struct {
	char said[4096];
	char uncaught[4096];
	char stack[4096];
	int n_uncaught;
	int n_wakes;
	struct engine_value *kept;
	uint8_t *bytes;
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

static const struct engine_op ops[] = {
	{"say", op_say},
	{"keep", op_keep},
	{"clone", op_clone},
	{NULL, NULL},
};

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
	"globalThis.clone = ops.clone;\n"
	"internals.hello = (...args) => say('hello', ...args);\n"
	"internals.fail = () => { throw new TypeError('from the platform') };\n"
	"internals.mainLoaded = (ns) => say('loaded', ns && ns.default);\n";

static const struct engine_source platform = {"test.js", platform_text, sizeof(platform_text) - 1};

static struct engine_options test_options(void)
{
	return (struct engine_options){
		.ops = ops, .host = {.uncaught = on_uncaught, .wake = on_wake}};
}

static struct engine *start(void)
{
	struct engine_options options = test_options();
	struct engine *e = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(engine_create(&options, &e, &err) == 0, "%s", err.msg);
	ck_assert_msg(engine_bootstrap(e, &platform, &err) == 0, "%s", err.msg);
	return e;
}

static void run(struct engine *e, const char *name, const char *text)
{
	struct err err = ERR_INIT;

	seen.said[0] = '\0';
	ck_assert_msg(engine_eval(e, name, text, strlen(text), NULL, &err) == 0, "%s", err.msg);
	engine_pump(e);
}

START_TEST(runs_a_script)
{
	struct engine *e = start();

	run(e, "w.js", "say(1 + 1, 'é\\u{1F600}')");
	ck_assert_str_eq(seen.said, "2 é😀loaded undefined");
	engine_destroy(e);
}
END_TEST

UNIT_MAIN("aworker_engine", runs_a_script)
