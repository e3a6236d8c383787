/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules: the host resolves and loads, one entry per resolved name. Sources are
 * read before linking (module_graph.cc), or else loaded while linking, so that
 * evaluation meets no I/O of ours. JSON modules
 * need `assert { type: "json" }`, as the standard has it; what else is no script
 * is known by the host, as bundlers expect.
 */
#include "aworker/v8/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

static void throw_error(struct engine *e, const std::string &text)
{
	e->isolate->ThrowException(Exception::Error(js_text(e->isolate, text)));
}

static void throw_type_error(struct engine *e, const std::string &text)
{
	e->isolate->ThrowException(Exception::TypeError(js_text(e->isolate, text)));
}

std::string module_key(bool json, const std::string &name)
{
	return (json ? "json:" : "any:") + name;
}

struct module_entry *module_entry_of(struct engine *e, Local<Module> module)
{
	auto range = e->modules.by_hash.equal_range(module->GetIdentityHash());

	for (auto it = range.first; it != range.second; ++it)
		if (it->second->module == module)
			return it->second;
	return nullptr;
}

static struct module_entry *entry_add(
	struct engine *e, bool json, const std::string &name, Local<Module> module)
{
	struct module_entry *entry = &e->modules.by_key[module_key(json, name)];

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
	entry_add(e, false, name, module);
	return module;
}

static MaybeLocal<Value> value_evaluate(Local<Context> context, Local<Module> module)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *entry = module_entry_of(e, module);
	Local<Promise::Resolver> done;

	if (!entry || module->SetSyntheticModuleExport(
				    isolate, js_text(isolate, "default"), entry->value.Get(isolate))
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

static MaybeLocal<Value> compile_wasm(
	struct engine *e, const std::string &name, const struct buf *source)
{
	TryCatch caught(e->isolate);
	Local<WasmModuleObject> module;

	if (WasmModuleObject::Compile(
		    e->isolate, {(const uint8_t *)(source->data ? source->data : ""), source->len})
			.ToLocal(&module))
		return module;
	if (!caught.HasCaught())
		throw_error(e, name + ": WebAssembly is not allowed to make code");
	caught.ReThrow();
	return MaybeLocal<Value>();
}

static MaybeLocal<Value> array_buffer(struct engine *e, const struct buf *source)
{
	Local<Value> bytes;

	if (!js_bytes(e, source->data ? source->data : "", source->len).ToLocal(&bytes))
		return MaybeLocal<Value>();
	return bytes.As<Uint8Array>()->Buffer();
}

/* False, with an exception. */
static bool make_value(struct engine *e, const std::string &name, enum engine_module_type type,
	const struct buf *source, Local<Value> *ret)
{
	Local<String> text;

	if (type == ENGINE_MODULE_WASM)
		return compile_wasm(e, name, source).ToLocal(ret);
	if (type == ENGINE_MODULE_DATA) {
		if (array_buffer(e, source).ToLocal(ret))
			return true;
	} else if (js_string(e->isolate, source->data ? source->data : "", source->len)
			   .ToLocal(&text)) {
		*ret = text;
		return type == ENGINE_MODULE_TEXT || parse_json(e, name, text).ToLocal(ret);
	}
	throw_error(e, name + ": too large");
	return false;
}

static MaybeLocal<Module> value_module(struct engine *e, const std::string &name, bool json,
	enum engine_module_type type, const struct buf *source)
{
	Local<Value> value;
	Local<Module> module;

	if (!make_value(e, name, json ? ENGINE_MODULE_JSON : type, source, &value))
		return MaybeLocal<Module>();
	module = Module::CreateSyntheticModule(e->isolate, js_text(e->isolate, name),
		{js_text(e->isolate, "default")}, value_evaluate);
	entry_add(e, json, name, module)->value.Reset(e->isolate, value);
	return module;
}

bool module_assertions(struct engine *e, Local<FixedArray> list, int entry_len, bool *ret_json)
{
	Local<Context> context = engine_context(e);

	*ret_json = false;
	for (int i = 0; i + 1 < list->Length(); i += entry_len) {
		std::string key = c_text(e->isolate, list->Get(context, i).As<Value>());
		std::string value = c_text(e->isolate, list->Get(context, i + 1).As<Value>());

		if (key != "type" || value != "json") {
			throw_type_error(e, "import assertion { " + key + ": '" + value +
						    "' } is not supported");
			return false;
		}
		*ret_json = true;
	}
	return true;
}

static MaybeLocal<Module> cannot_import(
	struct engine *e, const std::string &specifier, const std::string &why)
{
	throw_error(e, "Cannot import '" + specifier + "': " + why);
	return MaybeLocal<Module>();
}

MaybeLocal<Module> module_make(struct engine *e, const std::string &specifier,
	const std::string &name, bool json, enum engine_module_type type, const struct buf *source)
{
	Local<String> text;

	if (json || (type != ENGINE_MODULE_SCRIPT && type != ENGINE_MODULE_JSON))
		return value_module(e, name, json, type, source);
	if (type == ENGINE_MODULE_JSON)
		return cannot_import(
			e, specifier, "JSON has to be imported with assert { type: 'json' }");
	if (!js_string(e->isolate, source->data ? source->data : "", source->len).ToLocal(&text))
		return cannot_import(e, specifier, "too large");
	return module_compile(e, name, text);
}

/* A module that is not known yet. */
static MaybeLocal<Module> module_new(
	struct engine *e, const std::string &specifier, const std::string &name, bool json)
{
	struct engine_host *host = &e->options.host;
	enum engine_module_type type = ENGINE_MODULE_SCRIPT;
	_cleanup_buf_ struct buf source = BUF_INIT;
	struct err err = ERR_INIT;

	if (host->load(host->data, name.c_str(), &type, &source, &err) < 0)
		return cannot_import(e, specifier, err.msg);
	return module_make(e, specifier, name, json, type, &source);
}

/* What `specifier` means to `referrer`: a known module or a new one. */
static MaybeLocal<Module> module_load(
	struct engine *e, const std::string &specifier, const std::string &referrer, bool json)
{
	struct engine_host *host = &e->options.host;
	_cleanup_free_ char *name = nullptr;
	struct err err = ERR_INIT;

	if (!host->resolve)
		return cannot_import(e, specifier, "this worker has no modules");
	if (host->resolve(host->data, specifier.c_str(), referrer.c_str(), &name, &err) < 0)
		return cannot_import(e, specifier, err.msg);
	auto known = e->modules.by_key.find(module_key(json, name));
	if (known != e->modules.by_key.end())
		return known->second.module.Get(e->isolate);
	return module_new(e, specifier, name, json);
}

/* A stack of the import of `specifier` in `module`: no JavaScript runs while modules are linked. */
static std::string import_stack(
	struct engine *e, Local<Module> module, const std::string &specifier)
{
	Local<Context> context = engine_context(e);
	struct module_entry *entry = module_entry_of(e, module);
	Local<FixedArray> requests = module->GetModuleRequests();

	for (int i = 0; entry && i < requests->Length(); i++) {
		Local<ModuleRequest> request = requests->Get(context, i).As<ModuleRequest>();
		Location at = module->SourceOffsetToLocation(request->GetSourceOffset());

		if (c_text(e->isolate, request->GetSpecifier()) == specifier)
			return "\n    at " + entry->name + ":" +
			       std::to_string(at.GetLineNumber() + 1) + ":" +
			       std::to_string(at.GetColumnNumber() + 1);
	}
	return "";
}

void module_set_stack(struct engine *e, Local<Value> exception, const std::string &stack)
{
	Local<Context> context = engine_context(e);
	std::string text;

	if (!exception->IsNativeError() || stack.empty())
		return;
	text = c_text(e->isolate, exception) + stack;
	exception.As<Object>()
		->Set(context, js_text(e->isolate, "stack"), js_text(e->isolate, text))
		.FromMaybe(false);
}

static MaybeLocal<Module> resolve_static(Local<Context> context, Local<String> specifier,
	Local<FixedArray> assertions, Local<Module> referrer)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *from = module_entry_of(e, referrer);
	std::string wanted = c_text(isolate, specifier);
	Local<Module> module;
	bool json;
	TryCatch caught(isolate);

	if (module_assertions(e, assertions, STATIC_ASSERTION_LEN, &json) &&
		module_load(e, wanted, from ? from->name : "", json).ToLocal(&module))
		return module;
	/* A syntax error knows its place in the imported file already. */
	if (!caught.HasTerminated() &&
		!caught.Message()->GetScriptOrigin().ResourceName()->IsString())
		module_set_stack(e, caught.Exception(), import_stack(e, referrer, wanted));
	caught.ReThrow();
	return MaybeLocal<Module>();
}

bool module_link(struct engine *e, Local<Module> module)
{
	return module->GetStatus() != Module::kUninstantiated ||
	       module->InstantiateModule(engine_context(e), resolve_static).FromMaybe(false);
}

MaybeLocal<Promise> module_run(struct engine *e, Local<Module> module)
{
	Local<Value> promise;

	if (!module_link(e, module) || !module->Evaluate(engine_context(e)).ToLocal(&promise))
		return MaybeLocal<Promise>();
	return promise.As<Promise>();
}

/* Of the namespace, once the module's own promise is fulfilled. */
MaybeLocal<Promise> module_import(
	struct engine *e, const std::string &specifier, const std::string &referrer, bool json)
{
	Local<Module> module;
	Local<Promise> evaluated;
	Local<Function> to_namespace;

	if (!module_load(e, specifier, referrer, json).ToLocal(&module) ||
		!module_run(e, module).ToLocal(&evaluated) ||
		!callback_function(e, CALLBACK_NAMESPACE, module->GetModuleNamespace())
			 .ToLocal(&to_namespace))
		return MaybeLocal<Promise>();
	return evaluated->Then(engine_context(e), to_namespace);
}

static MaybeLocal<Promise> import_or_wait(struct engine *e, const std::string &specifier,
	const std::string &referrer, Local<FixedArray> assertions)
{
	Local<Promise> waiting;
	bool json;

	if (!module_assertions(e, assertions, DYNAMIC_ASSERTION_LEN, &json))
		return MaybeLocal<Promise>();
	if (graph_import(e, specifier, referrer, json).ToLocal(&waiting))
		return waiting;
	return module_import(e, specifier, referrer, json);
}

static MaybeLocal<Promise> import_dynamically(Local<Context> context, Local<Data>,
	Local<Value> referrer, Local<String> specifier, Local<FixedArray> assertions)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	TryCatch caught(isolate);
	Local<Promise> promise;
	Local<Promise::Resolver> failed;

	if (import_or_wait(e, c_text(isolate, specifier), c_text(isolate, referrer), assertions)
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
std::string name_url(const std::string &name)
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

void module_resolve(
	struct engine *e, const std::string &name, const FunctionCallbackInfo<Value> &info)
{
	struct engine_host *host = &e->options.host;
	_cleanup_free_ char *resolved = nullptr;
	struct err err = ERR_INIT;
	Local<String> specifier;

	if (info.Length() < 1) {
		throw_type_error(e, "import.meta.resolve: a specifier is needed");
		return;
	}
	if (!info[0]->ToString(engine_context(e)).ToLocal(&specifier))
		return;
	if (host->resolve(host->data, c_text(e->isolate, specifier).c_str(), name.c_str(),
		    &resolved, &err) < 0)
		throw_type_error(e, std::string("import.meta.resolve: ") + err.msg);
	else
		info.GetReturnValue().Set(js_text(e->isolate, name_url(resolved)));
}

static void put_meta(
	Local<Context> context, Local<Object> meta, const char *key, Local<Value> value)
{
	meta->CreateDataProperty(context, js_text(context->GetIsolate(), key), value).Check();
}

/* Those that are not files have neither filename nor dirname, as in Deno. */
static void import_meta(Local<Context> context, Local<Module> module, Local<Object> meta)
{
	Isolate *isolate = context->GetIsolate();
	struct engine *e = engine_of(isolate);
	struct module_entry *entry = module_entry_of(e, module);
	/* Of a startup snapshot there is one alone. */
	std::string name = entry ? entry->name : e->modules.main;
	size_t slash = name.rfind('/');
	Local<Function> resolve;

	put_meta(context, meta, "url", js_text(isolate, name_url(name)));
	put_meta(context, meta, "main", Boolean::New(isolate, name == e->modules.main));
	if (name.rfind("/", 0) == 0) {
		put_meta(context, meta, "filename", js_text(isolate, name));
		put_meta(context, meta, "dirname",
			js_text(isolate, name.substr(0, slash > 0 ? slash : 1)));
	}
	if (e->options.host.resolve &&
		callback_function(e, CALLBACK_RESOLVE, js_text(isolate, name)).ToLocal(&resolve)) {
		resolve->SetName(js_text(isolate, "resolve"));
		put_meta(context, meta, "resolve", resolve);
	}
}

void engine_set_main(struct engine *e, const char *name)
{
	e->modules.main = name;
}

void modules_attach(struct engine *e)
{
	e->isolate->SetHostImportModuleDynamicallyCallback(import_dynamically);
	e->isolate->SetHostInitializeImportMetaObjectCallback(import_meta);
}
