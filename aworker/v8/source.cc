/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform's scripts. V8 compiles most of their functions when they are first called, so it
 * keeps the text: 400 KB that each process would have of its own, were they not in the executable.
 * In a snapshot they are external references, like functions of C.
 */
#include "aworker/v8/engine.h"

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* V8 itself forgets to name these two, which are in the namespace of each module. */
extern "C" __attribute__((weak)) void v8_namespace_getter(void) __asm__(
	"_ZN2v88internal9Accessors26ModuleNamespaceEntryGetterENS_5LocalINS_4NameEEERKNS_"
	"20PropertyCallbackInfoINS_5ValueEEE");
extern "C" __attribute__((weak)) void v8_namespace_setter(void) __asm__(
	"_ZN2v88internal9Accessors26ModuleNamespaceEntrySetterENS_5LocalINS_4NameEEENS2_INS_5Value"
	"EEERKNS_20PropertyCallbackInfoINS_7BooleanEEE");

void sources_attach(struct engine *e)
{
	for (size_t i = 0; i < e->options.n_sources; i++)
		e->texts.emplace_back(&e->options.sources[i]);
	e->external_references.push_back((intptr_t)trampoline);
	/* A null would be the end of the list. */
	for (void (*fn)(void) : {v8_namespace_getter, v8_namespace_setter})
		if (fn)
			e->external_references.push_back((intptr_t)fn);
	for (source_text &text : e->texts)
		e->external_references.push_back((intptr_t)&text);
	e->external_references.push_back(0);
}

static bool is_ascii(const struct engine_source *source)
{
	for (size_t i = 0; i < source->len; i++)
		if ((unsigned char)source->text[i] >= 0x80)
			return false;
	return true;
}

static MaybeLocal<String> text_of(struct engine *e, const struct engine_source *source)
{
	for (size_t i = 0; i < e->texts.size(); i++)
		if (source == &e->options.sources[i] && is_ascii(source))
			return String::NewExternalOneByte(e->isolate, &e->texts[i]);
	return js_string(e->isolate, source->text, source->len);
}

int engine_bootstrap(struct engine *e, const struct engine_source *source, struct err *err)
{
	call_scope scope(e);
	Isolate *isolate = e->isolate;
	Local<Context> context = engine_context(e);
	TryCatch caught(isolate);
	Local<String> names[] = {js_text(isolate, "ops"), js_text(isolate, "internals")};
	Local<Value> argv[] = {e->ops.Get(isolate), e->internals.Get(isolate)};
	Local<String> text;
	Local<Function> fn;
	Local<Value> result;
	struct failure f;

	if (!text_of(e, source).ToLocal(&text))
		return err_say(err, EFBIG, "%s: too large for a script", source->name);
	ScriptOrigin origin(
		isolate, js_text(isolate, std::string(ENGINE_PLATFORM_PREFIX) + source->name));
	ScriptCompiler::Source unit(text, origin);
	if (ScriptCompiler::CompileFunction(context, &unit, 2, names, 0, nullptr,
		    source->lazy ? ScriptCompiler::kNoCompileOptions
				 : ScriptCompiler::kEagerCompile)
			.ToLocal(&fn) &&
		fn->Call(context, Undefined(isolate), 2, argv).ToLocal(&result))
		return 0;
	failure_err(e, caught, &f, err);
	if (!f.stack.empty())
		err_say(err, err->code, "%s\n%s", f.message.c_str(), f.stack.c_str());
	return err_wrap(err, "platform script %s", source->name);
}
