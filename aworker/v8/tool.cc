/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function from text to text that the host brings as a script, and that has nothing to do with
 * the user's code: it lives in a context of its own, whose globals nobody else can change.
 */
#include "aworker/v8/engine.h"

#include <errno.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

bool engine_has_tool(const struct engine *e)
{
	return !e->tool.IsEmpty();
}

void engine_drop_tool(struct engine *e)
{
	e->tool.Reset();
	e->tool_context.Reset();
}

static int tool_err(struct engine *e, const TryCatch &caught, struct err *err)
{
	std::string text;

	if (caught.HasTerminated() || !caught.HasCaught())
		return err_say(err, EINTR, "stopped");
	text = c_text(e->isolate, caught.Exception());
	return err_say(err, EINVAL, "%s", text.c_str());
}

int engine_load_tool(
	struct engine *e, const char *name, const char *text, size_t len, struct err *err)
{
	call_scope scope(e);
	Local<Context> context = Context::New(e->isolate);
	Context::Scope entered(context);
	TryCatch caught(e->isolate);
	Local<String> source;
	Local<Script> script;
	Local<Value> tool;

	if (!js_string(e->isolate, text, len).ToLocal(&source))
		return err_say(err, EFBIG, "%s: too large for a script", name);
	ScriptOrigin origin(
		e->isolate, js_text(e->isolate, std::string(ENGINE_PLATFORM_PREFIX) + name));
	ScriptCompiler::Source unit(source, origin);
	if (!ScriptCompiler::Compile(context, &unit).ToLocal(&script) ||
		!script->Run(context).ToLocal(&tool))
		return tool_err(e, caught, err);
	if (!tool->IsFunction())
		return err_say(err, EINVAL, "%s: its value is no function", name);
	e->tool_context.Reset(e->isolate, context);
	e->tool.Reset(e->isolate, tool.As<Function>());
	return 0;
}

int engine_use_tool(
	struct engine *e, const char *text, size_t len, struct buf *ret, struct err *err)
{
	call_scope scope(e);
	Local<Context> context = e->tool_context.Get(e->isolate);
	Context::Scope entered(context);
	TryCatch caught(e->isolate);
	Local<String> input;
	Local<Value> argv[1], output;
	std::string bytes;

	if (!js_string(e->isolate, text, len).ToLocal(&input))
		return err_say(err, EFBIG, "too large for a script");
	argv[0] = input;
	if (!e->tool.Get(e->isolate)
			->Call(context, Undefined(e->isolate), 1, argv)
			.ToLocal(&output))
		return tool_err(e, caught, err);
	bytes = c_text(e->isolate, output);
	buf_put(ret, bytes.data(), bytes.size());
	return buf_failed(ret) ? err_oom(err) : 0;
}
