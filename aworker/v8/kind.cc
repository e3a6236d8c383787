/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object is by V8's own mark, and what is inside those whose contents no
 * JavaScript can see without side effects. console and structuredClone() must
 * not be fooled by prototypes, proxies and Symbol.toStringTag.
 */
#include "aworker/v8/engine.h"

#include "aworker/v8/engine_priv.h"

using namespace v8;

enum engine_kind op_arg_kind(struct op_call *call, int i)
{
	Local<Value> v = op_value(call, i);

	/* Proxies first: a proxy of a function is a function too. */
	if (!v->IsObject())
		return ENGINE_KIND_PRIMITIVE;
	if (v->IsProxy())
		return ENGINE_KIND_PROXY;
	if (v->IsArray())
		return ENGINE_KIND_ARRAY;
	if (v->IsFunction())
		return ENGINE_KIND_FUNCTION;
	if (v->IsNativeError())
		return ENGINE_KIND_ERROR;
	if (v->IsDate())
		return ENGINE_KIND_DATE;
	if (v->IsRegExp())
		return ENGINE_KIND_REGEXP;
	if (v->IsMap())
		return ENGINE_KIND_MAP;
	if (v->IsSet())
		return ENGINE_KIND_SET;
	if (v->IsArrayBuffer() || v->IsSharedArrayBuffer())
		return ENGINE_KIND_BUFFER;
	if (v->IsArrayBufferView())
		return ENGINE_KIND_VIEW;
	if (v->IsNumberObject() || v->IsStringObject() || v->IsBooleanObject() ||
		v->IsSymbolObject() || v->IsBigIntObject())
		return ENGINE_KIND_BOXED;
	if (v->IsPromise())
		return ENGINE_KIND_PROMISE;
	if (v->IsWeakMap() || v->IsWeakSet())
		return ENGINE_KIND_WEAK;
	if (v->IsMapIterator() || v->IsSetIterator())
		return ENGINE_KIND_ITERATOR;
	if (v->IsModuleNamespaceObject())
		return ENGINE_KIND_NAMESPACE;
	if (v->IsArgumentsObject())
		return ENGINE_KIND_ARGUMENTS;
	if (v->IsGeneratorObject() || v->IsWasmModuleObject() || v->IsWasmMemoryObject() ||
		v->IsExternal())
		return ENGINE_KIND_OTHER;
	return ENGINE_KIND_OBJECT;
}

static Local<Value> promise_parts(Isolate *isolate, Local<Promise> promise)
{
	Local<Value> parts[] = {Integer::New(isolate, promise->State()), Undefined(isolate)};

	if (promise->State() != Promise::kPending)
		parts[1] = promise->Result();
	return Array::New(isolate, parts, 2);
}

void op_ret_inside(struct op_call *call, int i)
{
	Isolate *isolate = op_engine(call)->isolate;
	Local<Value> v = op_value(call, i);
	Local<Array> entries;
	bool pairs;

	if (v->IsPromise()) {
		op_ret(call, promise_parts(isolate, v.As<Promise>()));
	} else if (v->IsProxy()) {
		Local<Value> parts[] = {v.As<Proxy>()->GetTarget(), v.As<Proxy>()->GetHandler()};

		op_ret(call, Array::New(isolate, parts, 2));
	} else if (v->IsObject() && !v->IsArray() &&
		   v.As<Object>()->PreviewEntries(&pairs).ToLocal(&entries)) {
		op_ret(call, entries);
	}
}

void op_ret_named_keys(struct op_call *call, int i, bool hidden)
{
	struct engine *e = op_engine(call);
	Local<Value> v = op_value(call, i);
	Local<Array> keys;

	if (v->IsObject() &&
		v.As<Object>()
			->GetPropertyNames(engine_context(e), KeyCollectionMode::kOwnOnly,
				hidden ? ALL_PROPERTIES : ONLY_ENUMERABLE,
				IndexFilter::kSkipIndices)
			.ToLocal(&keys))
		op_ret(call, keys);
	else
		op_ret(call, Array::New(e->isolate));
}
