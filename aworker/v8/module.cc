/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: the host resolves and loads, one entry per resolved name. Sources are
 * loaded while linking, so that evaluation meets no I/O of ours. JSON modules
 * need `assert { type: "json" }`, as the standard has it.
 */
#include "aworker/v8/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

enum module_type { MODULE_SCRIPT, MODULE_JSON };

/* Assertions come as [key, value] or, in a static import, as [key, value, offset]. */
static const int DYNAMIC_ASSERTION_LEN = 2;
static const int STATIC_ASSERTION_LEN = 3;

static void throw_error(struct engine *e, const std::string &text)
{
	e->isolate->ThrowException(Exception::Error(js_text(e->isolate, text)));
}

static void throw_type_error(struct engine *e, const std::string &text)
{
	e->isolate->ThrowException(Exception::TypeError(js_text(e->isolate, text)));
}

static std::string module_key(enum module_type type, const std::string &name)
{
	return (type == MODULE_JSON ? "json:" : "script:") + name;
}

static struct module_entry *entry_of(struct engine *e, Local<Module> module)
{
	auto range = e->modules.by_hash.equal_range(module->GetIdentityHash());

	for (auto it = range.first; it != range.second; ++it)
		if (it->second->module == module)
			return it->second;
	return nullptr;
}

static struct module_entry *entry_add(
	struct engine *e, enum module_type type, const std::string &name, Local<Module> module)
{
	struct module_entry *entry = &e->modules.by_key[module_key(type, name)];

	entry->name = name;
	entry->module.Reset(e->isolate, module);
	e->modules.by_hash.emplace(module->GetIdentityHash(), entry);
	return entry;
}

MaybeLocal<Module> module_compile(struct engine *e, const std::string &name, Local<String> source)
{
	Local<Module> module;

	ScriptOrigin origin(e->isolate, js_text(e->isolate, name), 0, 0, false, -1, Local<Value>(),
		false, false, true);
	ScriptCompiler::Source unit(source, origin);
	if (!ScriptCompiler::CompileModule(e->isolate, &unit).ToLocal(&module))
		return MaybeLocal<Module>();
	entry_add(e, MODULE_SCRIPT, name, module);
	return module;
}

static MaybeLocal<Value> json_evaluate(Local<Context> context, Local<Module> module)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *entry = entry_of(e, module);
	Local<Promise::Resolver> done;

	if (!entry || module->SetSyntheticModuleExport(
				    isolate, js_text(isolate, "default"), entry->json.Get(isolate))
			      .IsNothing())
		return MaybeLocal<Value>();
	if (!Promise::Resolver::New(context).ToLocal(&done) ||
		done->Resolve(context, Undefined(isolate)).IsNothing())
		return MaybeLocal<Value>();
	return done->GetPromise();
}

/* V8's own error does not say which file it is about. */
static MaybeLocal<Value> parse_json(struct engine *e, const std::string &name, Local<String> text)
{
	TryCatch caught(e->isolate);
	MaybeLocal<Value> value = JSON::Parse(engine_context(e), text);
	std::string why;

	if (!value.IsEmpty() || caught.HasTerminated()) {
		caught.ReThrow();
		return value;
	}
	why = c_text(e->isolate, caught.Message()->Get());
	why = why.substr(why.find("SyntaxError: ") == std::string::npos
				 ? 0
				 : why.find("SyntaxError: ") + strlen("SyntaxError: "));
	caught.Reset();
	e->isolate->ThrowException(Exception::SyntaxError(js_text(e->isolate, name + ": " + why)));
	caught.ReThrow();
	return MaybeLocal<Value>();
}

static MaybeLocal<Module> json_module(
	struct engine *e, const std::string &name, Local<String> source)
{
	Local<Value> value;
	Local<Module> module;

	if (!parse_json(e, name, source).ToLocal(&value))
		return MaybeLocal<Module>();
	module = Module::CreateSyntheticModule(e->isolate, js_text(e->isolate, name),
		{js_text(e->isolate, "default")}, json_evaluate);
	entry_add(e, MODULE_JSON, name, module)->json.Reset(e->isolate, value);
	return module;
}

/* False, with an exception, for an assertion that we do not know. */
static bool read_assertions(
	struct engine *e, Local<FixedArray> list, int entry_len, enum module_type *ret)
{
	Local<Context> context = engine_context(e);

	*ret = MODULE_SCRIPT;
	for (int i = 0; i + 1 < list->Length(); i += entry_len) {
		std::string key = c_text(e->isolate, list->Get(context, i).As<Value>());
		std::string value = c_text(e->isolate, list->Get(context, i + 1).As<Value>());

		if (key != "type" || value != "json") {
			throw_type_error(e, "import assertion { " + key + ": '" + value +
						    "' } is not supported");
			return false;
		}
		*ret = MODULE_JSON;
	}
	return true;
}

/* Asks the host for what `specifier` means to `referrer`: a known module or a new one. */
static MaybeLocal<Module> module_load(struct engine *e, const std::string &specifier,
	const std::string &referrer, enum module_type type)
{
	struct engine_host *host = &e->options.host;
	_cleanup_free_ char *name = nullptr;
	struct buf source = BUF_INIT;
	struct err err = ERR_INIT;
	Local<String> text;
	bool too_large;
	int rc;

	if (!host->load) {
		throw_error(e, "Cannot import '" + specifier + "': this worker has no modules");
		return MaybeLocal<Module>();
	}
	rc = host->load(host->data, specifier.c_str(), referrer.c_str(), &name, &source, &err);
	if (rc < 0) {
		buf_finish(&source);
		throw_error(e, "Cannot import '" + specifier + "': " + err.msg);
		return MaybeLocal<Module>();
	}
	auto known = e->modules.by_key.find(module_key(type, name));
	if (known != e->modules.by_key.end()) {
		buf_finish(&source);
		return known->second.module.Get(e->isolate);
	}
	too_large =
		!js_string(e->isolate, source.data ? source.data : "", source.len).ToLocal(&text);
	buf_finish(&source);
	if (too_large) {
		throw_error(e, "Cannot import '" + specifier + "': too large");
		return MaybeLocal<Module>();
	}
	if (type == MODULE_JSON)
		return json_module(e, name, text);
	return module_compile(e, name, text);
}

/* "file:line:column" of the import of `specifier` in `module`. */
static std::string import_place(
	struct engine *e, Local<Module> module, const std::string &specifier)
{
	Local<Context> context = engine_context(e);
	struct module_entry *entry = entry_of(e, module);
	Local<FixedArray> requests = module->GetModuleRequests();

	for (int i = 0; entry && i < requests->Length(); i++) {
		Local<ModuleRequest> request = requests->Get(context, i).As<ModuleRequest>();
		Location at = module->SourceOffsetToLocation(request->GetSourceOffset());

		if (c_text(e->isolate, request->GetSpecifier()) == specifier)
			return entry->name + ":" + std::to_string(at.GetLineNumber() + 1) + ":" +
			       std::to_string(at.GetColumnNumber() + 1);
	}
	return "";
}

/* No JavaScript runs while modules are linked, so an error has no stack: the import becomes it. */
static void set_stack(struct engine *e, Local<Value> exception, const std::string &place)
{
	Local<Context> context = engine_context(e);
	std::string text;

	if (!exception->IsNativeError() || place.empty())
		return;
	text = c_text(e->isolate, exception) + "\n    at " + place;
	exception.As<Object>()
		->Set(context, js_text(e->isolate, "stack"), js_text(e->isolate, text))
		.FromMaybe(false);
}

static MaybeLocal<Module> resolve_static(Local<Context> context, Local<String> specifier,
	Local<FixedArray> assertions, Local<Module> referrer)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *from = entry_of(e, referrer);
	std::string wanted = c_text(isolate, specifier);
	Local<Module> module;
	enum module_type type;
	TryCatch caught(isolate);

	if (read_assertions(e, assertions, STATIC_ASSERTION_LEN, &type) &&
		module_load(e, wanted, from ? from->name : "", type).ToLocal(&module))
		return module;
	/* A syntax error knows its place in the imported file already. */
	if (!caught.HasTerminated() &&
		!caught.Message()->GetScriptOrigin().ResourceName()->IsString())
		set_stack(e, caught.Exception(), import_place(e, referrer, wanted));
	caught.ReThrow();
	return MaybeLocal<Module>();
}

MaybeLocal<Promise> module_run(struct engine *e, Local<Module> module)
{
	Local<Context> context = engine_context(e);
	Local<Value> promise;

	if (module->GetStatus() == Module::kUninstantiated &&
		!module->InstantiateModule(context, resolve_static).FromMaybe(false))
		return MaybeLocal<Promise>();
	if (!module->Evaluate(context).ToLocal(&promise))
		return MaybeLocal<Promise>();
	return promise.As<Promise>();
}

/* The promise of import(): of the namespace, once the module's own promise is fulfilled. */
static MaybeLocal<Promise> import_now(struct engine *e, const std::string &specifier,
	const std::string &referrer, Local<FixedArray> assertions)
{
	enum module_type type;
	Local<Module> module;
	Local<Promise> evaluated;
	Local<Function> to_namespace;

	if (!read_assertions(e, assertions, DYNAMIC_ASSERTION_LEN, &type) ||
		!module_load(e, specifier, referrer, type).ToLocal(&module) ||
		!module_run(e, module).ToLocal(&evaluated) ||
		!callback_function(e, CALLBACK_NAMESPACE, module->GetModuleNamespace())
			 .ToLocal(&to_namespace))
		return MaybeLocal<Promise>();
	return evaluated->Then(engine_context(e), to_namespace);
}

static MaybeLocal<Promise> import_dynamically(Local<Context> context, Local<Data>,
	Local<Value> referrer, Local<String> specifier, Local<FixedArray> assertions)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	TryCatch caught(isolate);
	Local<Promise> promise;
	Local<Promise::Resolver> failed;

	if (import_now(e, c_text(isolate, specifier), c_text(isolate, referrer), assertions)
			.ToLocal(&promise))
		return promise;
	if (caught.HasTerminated() || !Promise::Resolver::New(context).ToLocal(&failed) ||
		failed->Reject(context, caught.Exception()).IsNothing()) {
		caught.ReThrow();
		return MaybeLocal<Promise>();
	}
	return failed->GetPromise();
}

/* A path as a file: URL; what is a URL already stays as it is. */
static std::string name_url(const std::string &name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~!$&'()*+,;=:@/";
	std::string url = name.rfind("/", 0) == 0 ? "file://" : "file:///";
	char hex[4];

	if (name.find("://") != std::string::npos)
		return name;
	for (char c : name) {
		if (c != '\0' && strchr(plain, c)) {
			url += c;
			continue;
		}
		snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)c);
		url += hex;
	}
	return url;
}

static void import_meta(Local<Context> context, Local<Module> module, Local<Object> meta)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *entry = entry_of(e, module);
	std::string name = entry ? entry->name : "";

	meta->CreateDataProperty(context, js_text(isolate, "url"), js_text(isolate, name_url(name)))
		.Check();
	meta->CreateDataProperty(context, js_text(isolate, "main"),
		    Boolean::New(isolate, name == e->modules.main))
		.Check();
}

void modules_attach(struct engine *e)
{
	e->isolate->SetHostImportModuleDynamicallyCallback(import_dynamically);
	e->isolate->SetHostInitializeImportMetaObjectCallback(import_meta);
}
