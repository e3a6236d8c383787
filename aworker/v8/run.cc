/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running code: the platform's scripts, a user's script, callbacks from C, and
 * the microtasks after each of them.
 */
#include "aworker/v8/engine.h"

#include <stdlib.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

call_scope::call_scope(struct engine *e) : e_(e), handles_(e->isolate)
{
	e_->depth++;
}

call_scope::~call_scope()
{
	if (--e_->depth > 0)
		return;
	if (e_->isolate->IsExecutionTerminating())
		e_->isolate->CancelTerminateExecution();
	if (e_->out_of_memory && !e_->out_of_memory_told)
		report_out_of_memory(e_);
}

Local<Value> internal_get(struct engine *e, const char *name)
{
	Local<Value> value;

	if (!e->internals.Get(e->isolate)
			->Get(engine_context(e), js_text(e->isolate, name))
			.ToLocal(&value))
		return Undefined(e->isolate);
	return value;
}

MaybeLocal<Value> call_internal(struct engine *e, const char *name, int argc, Local<Value> *argv)
{
	EscapableHandleScope scope(e->isolate);
	TryCatch caught(e->isolate);
	Local<Value> fn = internal_get(e, name);
	Local<Value> result;

	if (!fn->IsFunction() ||
		!fn.As<Function>()
			 ->Call(engine_context(e), Undefined(e->isolate), argc, argv)
			 .ToLocal(&result))
		return MaybeLocal<Value>();
	return scope.Escape(result);
}

void main_loaded(struct engine *e, Local<Value> ns)
{
	TryCatch caught(e->isolate);
	Local<Value> fn = internal_get(e, "mainLoaded");
	Local<Value> result;

	if (!fn->IsFunction())
		return;
	if (fn.As<Function>()
			->Call(engine_context(e), Undefined(e->isolate), 1, &ns)
			.ToLocal(&result) ||
		caught.HasTerminated())
		return;
	report_exception(e, caught.Exception(), caught.Message());
}

static bool ends_with(const std::string &s, const char *end)
{
	size_t n = strlen(end);

	return s.size() >= n && s.compare(s.size() - n, n, end) == 0;
}

/* V8's words for a classic script that was meant as a module. */
static bool is_module_hint(const std::string &message)
{
	static const char *const hints[] = {
		"Cannot use import statement outside a module",
		"Cannot use 'import.meta' outside a module",
		"Unexpected token 'export'",
		"await is only valid in async functions",
	};

	for (const char *hint : hints)
		if (message.find(hint) != std::string::npos)
			return true;
	return false;
}

static MaybeLocal<Script> compile_classic(struct engine *e, Local<String> name, Local<String> text)
{
	ScriptOrigin origin(e->isolate, name);
	ScriptCompiler::Source unit(text, origin);

	return ScriptCompiler::Compile(engine_context(e), &unit);
}

struct unit {
	Local<Script> script; /* one of the two is set */
	Local<Module> module;
};

static int compile_module(struct engine *e, const char *name, Local<String> text, struct unit *ret,
	struct failure *f, struct err *err)
{
	TryCatch caught(e->isolate);

	if (module_compile(e, name, text).ToLocal(&ret->module))
		return 0;
	return failure_err(e, caught, f, err);
}

/*
 * A user's file says nowhere whether it is a module. Compiling as a classic script stops at the
 * first import or export, so trying that first is cheap; which of the two errors helps depends on
 * whether the first one was about module syntax.
 */
static int compile_user(struct engine *e, const char *name, Local<String> text, struct unit *ret,
	struct failure *f, struct err *err)
{
	TryCatch caught(e->isolate);
	struct failure as_module;
	struct err module_err;
	int rc;

	if (ends_with(name, ".mjs"))
		return compile_module(e, name, text, ret, f, err);
	if (compile_classic(e, js_text(e->isolate, name), text).ToLocal(&ret->script))
		return 0;
	rc = failure_err(e, caught, f, err);
	if (caught.HasTerminated() || !caught.CanContinue() ||
		compile_module(e, name, text, ret, &as_module, &module_err) == 0)
		return caught.HasTerminated() ? rc : 0;
	if (is_module_hint(f->message)) {
		*f = as_module;
		*err = module_err;
	}
	return -err->code;
}

static int run_classic(struct engine *e, Local<Script> script, struct failure *f, struct err *err)
{
	TryCatch caught(e->isolate);
	Local<Value> result;

	if (!script->Run(engine_context(e)).ToLocal(&result))
		return failure_err(e, caught, f, err);
	main_loaded(e, Undefined(e->isolate));
	return 0;
}

/* Where a module failed before its first await: as if a script had thrown. */
static int rejected_err(
	struct engine *e, Local<Promise> promise, struct failure *f, struct err *err)
{
	Local<Value> reason = promise->Result();

	promise->MarkAsHandled();
	for (size_t i = 0; i < e->rejected.size(); i++)
		if (e->rejected[i].promise == promise) {
			e->rejected.erase(e->rejected.begin() + (ptrdiff_t)i);
			break;
		}
	*f = describe(e, reason, Exception::CreateMessage(e->isolate, reason), "");
	return err_say(err, EINVAL, "%s", f->message.c_str());
}

static int run_module(struct engine *e, Local<Module> module, struct failure *f, struct err *err)
{
	Local<Context> context = engine_context(e);
	TryCatch caught(e->isolate);
	Local<Promise> promise;
	Local<Function> loaded, failed;
	Local<Value> ns;

	graph_read(e, module);
	if (!module_run(e, module).ToLocal(&promise))
		return failure_err(e, caught, f, err);
	if (promise->State() == Promise::kRejected)
		return rejected_err(e, promise, f, err);
	ns = module->GetModuleNamespace();
	if (promise->State() == Promise::kFulfilled) {
		main_loaded(e, ns);
		return 0;
	}
	if (!callback_function(e, CALLBACK_MAIN_LOADED, ns).ToLocal(&loaded) ||
		!callback_function(e, CALLBACK_MAIN_FAILED, ns).ToLocal(&failed) ||
		promise->Then(context, loaded, failed).IsEmpty())
		return failure_err(e, caught, f, err);
	e->main_pending = true;
	return 0;
}

bool engine_main_pending(const struct engine *e)
{
	return e->main_pending;
}

static int link_module(struct engine *e, Local<Module> module, struct failure *f, struct err *err)
{
	TryCatch caught(e->isolate);

	return module_link(e, module) ? 0 : failure_err(e, caught, f, err);
}

static int run_unit(struct engine *e, const struct unit *unit, struct failure *f, struct err *err)
{
	return unit->module.IsEmpty() ? run_classic(e, unit->script, f, err)
				      : run_module(e, unit->module, f, err);
}

static int check_unit(struct engine *e, const struct unit *unit, struct failure *f, struct err *err)
{
	return unit->module.IsEmpty() ? 0 : link_module(e, unit->module, f, err);
}

static int eval(struct engine *e, const char *name, const char *text, size_t len, bool run,
	char **ret_stack, struct err *err)
{
	call_scope scope(e);
	Local<String> source;
	struct unit unit;
	struct failure f;
	int rc;

	if (ret_stack)
		*ret_stack = nullptr;
	if (!js_string(e->isolate, text, len).ToLocal(&source))
		return err_say(err, EFBIG, "%s: too large for a script", name);
	e->modules.main = name;
	rc = compile_user(e, name, source, &unit, &f, err);
	if (rc == 0)
		rc = run ? run_unit(e, &unit, &f, err) : check_unit(e, &unit, &f, err);
	if (rc < 0 && ret_stack && !f.stack.empty())
		*ret_stack = strdup(f.stack.c_str());
	return rc;
}

int engine_eval(struct engine *e, const char *name, const char *text, size_t len, char **ret_stack,
	struct err *err)
{
	return eval(e, name, text, len, true, ret_stack, err);
}

int engine_check(struct engine *e, const char *name, const char *text, size_t len, char **ret_stack,
	struct err *err)
{
	return eval(e, name, text, len, false, ret_stack, err);
}

/* Functions of the platform, which are strict and ask for no `this`. */
static int call_function(struct engine *e, struct engine_value *fn, int argc, Local<Value> *argv)
{
	TryCatch caught(e->isolate);
	Local<Value> callee = fn->value.Get(e->isolate);
	Local<Value> result;

	assert(callee->IsFunction());
	continuation_reset(e);
	if (callee.As<Function>()
			->Call(engine_context(e), Undefined(e->isolate), argc, argv)
			.ToLocal(&result))
		return 0;
	if (!caught.HasTerminated())
		report_exception(e, caught.Exception(), caught.Message());
	return -1;
}

int engine_call(
	struct engine *e, struct engine_value *fn, int argc, struct engine_value *const *argv)
{
	call_scope scope(e);
	Local<Value> values[ENGINE_ARGS_MAX];

	assert(argc <= ENGINE_ARGS_MAX);
	for (int i = 0; i < argc; i++)
		values[i] = argv[i]->value.Get(e->isolate);
	return call_function(e, fn, argc, values);
}

static MaybeLocal<Value> value_of(struct engine *e, const struct engine_arg *arg)
{
	Local<String> s;

	switch (arg->type) {
	case engine_arg::ENGINE_ARG_NUMBER: return Number::New(e->isolate, arg->number);
	case engine_arg::ENGINE_ARG_BOOL: return Boolean::New(e->isolate, arg->number != 0);
	case engine_arg::ENGINE_ARG_LATIN1:
		if (js_latin1(e->isolate, arg->text, arg->len).ToLocal(&s))
			return s;
	}
	return MaybeLocal<Value>();
}

int engine_call_args(
	struct engine *e, struct engine_value *fn, int argc, const struct engine_arg *args)
{
	call_scope scope(e);
	Local<Value> values[ENGINE_ARGS_MAX];

	assert(argc <= ENGINE_ARGS_MAX);
	for (int i = 0; i < argc; i++)
		if (!value_of(e, &args[i]).ToLocal(&values[i]))
			return -ENOMEM;
	return call_function(e, fn, argc, values);
}

struct engine_value *engine_internal_function(struct engine *e, const char *name)
{
	HandleScope scope(e->isolate);
	Local<Value> fn = internal_get(e, name);

	return fn->IsFunction() ? value_new(e, fn) : nullptr;
}

void engine_pump(struct engine *e)
{
	{
		call_scope scope(e);

		continuation_reset(e);
		e->isolate->PerformMicrotaskCheckpoint();
		rejections_report(e);
	}
	young_pump(e);
}

bool engine_run_task(struct engine *e)
{
	call_scope scope(e);

	return engine_platform()->tasks().run_one();
}

void engine_terminate(struct engine *e)
{
	e->isolate->TerminateExecution();
}

bool engine_out_of_memory(const struct engine *e)
{
	return e->out_of_memory;
}
