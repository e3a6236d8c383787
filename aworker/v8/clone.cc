/* SPDX-License-Identifier: Apache-2.0 */
/*
 * structuredClone: V8's serializer writes, its deserializer reads, in memory.
 * Transferred ArrayBuffers change hands by their backing store; shared buffers
 * and wasm modules are known to both sides by number.
 */
#include "aworker/v8/engine.h"

#include <stdlib.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* What both sides see beside the bytes. */
struct clone_parts {
	std::vector<Local<ArrayBuffer>> transferred;
	std::vector<std::shared_ptr<BackingStore>> shared;
	std::vector<CompiledWasmModule> wasm;
};

static void throw_clone_error(struct engine *e, Local<String> message)
{
	Local<Value> argument = message;
	Local<Value> error;

	if (!call_internal(e, "dataCloneError", 1, &argument).ToLocal(&error))
		error = Exception::Error(message);
	e->isolate->ThrowException(error);
}

class writer final : public ValueSerializer::Delegate
{
      public:
	writer(struct engine *e, struct clone_parts *parts) : e_(e), parts_(parts)
	{
	}

	void ThrowDataCloneError(Local<String> message) override
	{
		throw_clone_error(e_, message);
	}

	Maybe<uint32_t> GetSharedArrayBufferId(Isolate *, Local<SharedArrayBuffer> buffer) override
	{
		parts_->shared.push_back(buffer->GetBackingStore());
		return Just((uint32_t)(parts_->shared.size() - 1));
	}

	Maybe<uint32_t> GetWasmModuleTransferId(Isolate *, Local<WasmModuleObject> module) override
	{
		parts_->wasm.push_back(module->GetCompiledModule());
		return Just((uint32_t)(parts_->wasm.size() - 1));
	}

      private:
	struct engine *e_;
	struct clone_parts *parts_;
};

class reader final : public ValueDeserializer::Delegate
{
      public:
	explicit reader(struct clone_parts *parts) : parts_(parts)
	{
	}

	MaybeLocal<SharedArrayBuffer> GetSharedArrayBufferFromId(
		Isolate *isolate, uint32_t id) override
	{
		return SharedArrayBuffer::New(isolate, parts_->shared.at(id));
	}

	MaybeLocal<WasmModuleObject> GetWasmModuleFromId(Isolate *isolate, uint32_t id) override
	{
		return WasmModuleObject::FromCompiledModule(isolate, parts_->wasm.at(id));
	}

      private:
	struct clone_parts *parts_;
};

static int clone_error(struct engine *e, const char *message)
{
	throw_clone_error(e, js_text(e->isolate, message));
	return -1;
}

static int read_transfer(struct engine *e, Local<Value> list, struct clone_parts *parts)
{
	Local<Context> context = engine_context(e);

	if (list->IsNullOrUndefined())
		return 0;
	if (!list->IsArray())
		return clone_error(e, "The transfer list is not an array.");
	for (uint32_t i = 0; i < list.As<Array>()->Length(); i++) {
		Local<Value> item;

		if (!list.As<Array>()->Get(context, i).ToLocal(&item))
			return -1;
		if (!item->IsArrayBuffer())
			return clone_error(e, "Value in the transfer list is not transferable.");
		if (!item.As<ArrayBuffer>()->IsDetachable())
			return clone_error(
				e, "An ArrayBuffer of the transfer list cannot be detached.");
		for (Local<ArrayBuffer> other : parts->transferred)
			if (other == item)
				return clone_error(
					e, "An ArrayBuffer is in the transfer list twice.");
		parts->transferred.push_back(item.As<ArrayBuffer>());
	}
	return 0;
}

#if V8_MAJOR_VERSION >= 11
static bool is_detached(struct engine *e, Local<ArrayBuffer> buffer)
{
	(void)e;
	return buffer->WasDetached();
}
#else
/* No way to ask: whoever detached it left neither length nor memory, but an empty one has none too. */
static bool is_detached(struct engine *e, Local<ArrayBuffer> buffer)
{
	Local<Context> context = engine_context(e);
	Local<Value> primordials = internal_get(e, "primordials");
	Local<Value> zero = Integer::New(e->isolate, 0);
	Local<Value> argv[] = {buffer, zero, zero};
	TryCatch caught(e->isolate);
	Local<Value> slice, copy;

	if (buffer->ByteLength() != 0 || buffer->Data())
		return false;
	return !primordials->IsObject() ||
	       !primordials.As<Object>()
			->Get(context, js_text(e->isolate, "bufferSlice"))
			.ToLocal(&slice) ||
	       !slice->IsFunction() ||
	       !slice.As<Function>()->Call(context, Undefined(e->isolate), 3, argv).ToLocal(&copy);
}
#endif

static MaybeLocal<Value> read_clone(struct engine *e, const uint8_t *data, size_t len,
	std::vector<std::shared_ptr<BackingStore>> &stores, struct clone_parts *parts)
{
	Local<Context> context = engine_context(e);
	reader delegate(parts);
	ValueDeserializer in(e->isolate, data, len, &delegate);

	for (size_t i = 0; i < stores.size(); i++)
		in.TransferArrayBuffer(
			(uint32_t)i, ArrayBuffer::New(e->isolate, std::move(stores[i])));
	if (in.ReadHeader(context).IsNothing())
		return MaybeLocal<Value>();
	return in.ReadValue(context);
}

static MaybeLocal<Value> clone(struct engine *e, Local<Value> value, struct clone_parts *parts)
{
	Local<Context> context = engine_context(e);
	std::vector<std::shared_ptr<BackingStore>> stores;
	writer delegate(e, parts);
	ValueSerializer out(e->isolate, &delegate);
	MaybeLocal<Value> result;
	std::pair<uint8_t *, size_t> bytes;

	out.WriteHeader();
	for (size_t i = 0; i < parts->transferred.size(); i++)
		out.TransferArrayBuffer((uint32_t)i, parts->transferred[i]);
	if (!out.WriteValue(context, value).FromMaybe(false))
		return MaybeLocal<Value>();
	/* Getters may have run: what is transferred is looked at only now. */
	for (Local<ArrayBuffer> buffer : parts->transferred)
		if (is_detached(e, buffer)) {
			clone_error(e, "An ArrayBuffer of the transfer list is detached.");
			return MaybeLocal<Value>();
		}
	for (Local<ArrayBuffer> buffer : parts->transferred) {
		stores.push_back(buffer->GetBackingStore());
		buffer->Detach();
	}
	bytes = out.Release();
	result = read_clone(e, bytes.first, bytes.second, stores, parts);
	free(bytes.first);
	return result;
}

int clone_value(struct engine *e, Local<Value> value, Local<Value> transfer, MaybeLocal<Value> *ret)
{
	struct clone_parts parts;

	if (read_transfer(e, transfer, &parts) < 0)
		return -1;
	*ret = clone(e, value, &parts);
	return ret->IsEmpty() ? -1 : 0;
}
