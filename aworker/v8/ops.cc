/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops: one trampoline that V8 calls for every one of them, and what an op reads
 * and answers with. The op's index is the function's data. Arguments that are
 * copied out of the heap live in the call's scratch memory until the op returns.
 */
#include "aworker/v8/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* Most strings are shorter; longer ones cost a malloc. */
static const size_t SCRATCH_INLINE = 1024;
/* A JavaScript array of header strings is bounded by C, whatever it claims. */
static const uint32_t STRING_ARRAY_MAX = 65536;
static const size_t THROW_TEXT_MAX = 1024;

struct scratch_block {
	struct scratch_block *next;
};

struct op_call {
	struct engine *e;
	const FunctionCallbackInfo<Value> *info;
	const struct engine_op *op;
	struct scratch_block *blocks;
	size_t used;
	bool threw;
	alignas(16) char scratch[SCRATCH_INLINE];
};

static void *scratch_alloc(struct op_call *call, size_t len)
{
	struct scratch_block *block;
	size_t need = (len + 15) & ~(size_t)15;

	if (need <= SCRATCH_INLINE - call->used) {
		void *p = call->scratch + call->used;

		call->used += need;
		return p;
	}
	block = (struct scratch_block *)malloc(16 + len);
	if (!block)
		return nullptr;
	block->next = call->blocks;
	call->blocks = block;
	return (char *)block + 16;
}

static void scratch_free(struct op_call *call)
{
	while (call->blocks) {
		struct scratch_block *block = call->blocks;

		call->blocks = block->next;
		free(block);
	}
}

static void op_dispatch(const FunctionCallbackInfo<Value> &info, struct engine *e, int index)
{
	struct op_call call;
	int rc;

	call.e = e;
	call.info = &info;
	call.op = &e->options.ops[index];
	call.blocks = nullptr;
	call.used = 0;
	call.threw = false;
	rc = call.op->fn(&call);
	if (rc < 0 && !call.threw && !e->isolate->IsExecutionTerminating())
		op_throw(&call, "Error", "%s failed", call.op->name);
	scratch_free(&call);
}

static void callback_dispatch(const FunctionCallbackInfo<Value> &info, struct engine *e)
{
	Local<Context> context = engine_context(e);
	Local<Array> data = info.Data().As<Array>();
	Local<Value> which = data->Get(context, 0).ToLocalChecked();
	Local<Value> value = data->Get(context, 1).ToLocalChecked();

	switch (which.As<Int32>()->Value()) {
	case CALLBACK_MAIN_LOADED:
		e->main_pending = false;
		main_loaded(e, value);
		break;
	case CALLBACK_MAIN_FAILED:
		e->main_pending = false;
		report_uncaught(e, info[0], Exception::CreateMessage(e->isolate, info[0]), "");
		break;
	case CALLBACK_NAMESPACE: info.GetReturnValue().Set(value); break;
	case CALLBACK_RESOLVE: module_resolve(e, c_text(e->isolate, value), info); break;
	case CALLBACK_RANDOM_REFILL: info.GetReturnValue().Set(random_pool_refill(e)); break;
	}
}

void trampoline(const FunctionCallbackInfo<Value> &info)
{
	struct engine *e = engine_of(info.GetIsolate());
	Local<Value> data = info.Data();

	if (data->IsInt32())
		op_dispatch(info, e, data.As<Int32>()->Value());
	else
		callback_dispatch(info, e);
}

MaybeLocal<Function> callback_function(struct engine *e, enum callback which, Local<Value> data)
{
	Local<Value> parts[] = {Integer::New(e->isolate, which), data};

	return Function::New(engine_context(e), trampoline, Array::New(e->isolate, parts, 2), 0,
		ConstructorBehavior::kThrow);
}

int ops_install(struct engine *e, Local<Object> ops, struct err *err)
{
	Local<Context> context = engine_context(e);

	for (size_t i = 0; i < e->n_ops; i++) {
		const char *name = e->options.ops[i].name;
		Local<String> key = js_text(e->isolate, name);
		Local<Function> fn;

		if (!Function::New(context, trampoline, Integer::New(e->isolate, (int)i), 0,
			    ConstructorBehavior::kThrow)
				.ToLocal(&fn))
			return err_say(err, ENOMEM, "cannot make the function of op '%s'", name);
		fn->SetName(key);
		if (ops->CreateDataProperty(context, key, fn).IsNothing())
			return err_say(err, EINVAL, "cannot define op '%s'", name);
	}
	return 0;
}

struct engine *op_engine(struct op_call *call)
{
	return call->e;
}

void *op_data(struct op_call *call)
{
	return call->e->options.host.data;
}

Local<Value> op_value(struct op_call *call, int i)
{
	return (*call->info)[i];
}

void op_ret(struct op_call *call, Local<Value> value)
{
	call->info->GetReturnValue().Set(value);
}

int op_argc(const struct op_call *call)
{
	return call->info->Length();
}

int op_throw(struct op_call *call, const char *type, const char *fmt, ...)
{
	Isolate *isolate = call->e->isolate;
	char text[THROW_TEXT_MAX];
	Local<String> message;
	Local<Value> error;
	va_list ap;

	if (call->threw)
		return -1;
	call->threw = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	message = js_text(isolate, text);
	if (streq(type, "TypeError"))
		error = Exception::TypeError(message);
	else if (streq(type, "RangeError"))
		error = Exception::RangeError(message);
	else if (streq(type, "SyntaxError"))
		error = Exception::SyntaxError(message);
	else
		error = Exception::Error(message);
	isolate->ThrowException(error);
	return -1;
}

static int wrong_type(struct op_call *call, int i, const char *wanted)
{
	return op_throw(
		call, "TypeError", "%s: argument %d is not %s", call->op->name, i + 1, wanted);
}

static int no_memory(struct op_call *call)
{
	return op_throw(call, "RangeError", "%s: out of memory", call->op->name);
}

int op_arg_i64(struct op_call *call, int i, int64_t *ret)
{
	Local<Value> v = (*call->info)[i];
	bool lossless = true;
	double d;

	if (v->IsInt32()) {
		*ret = v.As<Int32>()->Value();
		return 0;
	}
	if (v->IsBigInt()) {
		int64_t n = v.As<BigInt>()->Int64Value(&lossless);

		if (!lossless)
			return wrong_type(call, i, "an integer of 64 bits");
		*ret = n;
		return 0;
	}
	if (!v->IsNumber())
		return wrong_type(call, i, "an integer");
	d = v.As<Number>()->Value();
	/* Also false for NaN. */
	if (!(d >= -9007199254740991.0 && d <= 9007199254740991.0) || d != (double)(int64_t)d)
		return wrong_type(call, i, "a safe integer");
	*ret = (int64_t)d;
	return 0;
}

int op_arg_f64(struct op_call *call, int i, double *ret)
{
	Local<Value> v = (*call->info)[i];

	if (!v->IsNumber())
		return wrong_type(call, i, "a number");
	*ret = v.As<Number>()->Value();
	return 0;
}

int op_arg_bool(struct op_call *call, int i, bool *ret)
{
	Local<Value> v = (*call->info)[i];

	if (!v->IsBoolean())
		return wrong_type(call, i, "a boolean");
	*ret = v.As<Boolean>()->Value();
	return 0;
}

int op_arg_string(struct op_call *call, int i, const char **ret, size_t *ret_len)
{
	Isolate *isolate = call->e->isolate;
	Local<Value> v = (*call->info)[i];
	Local<String> s;
	size_t cap;
	char *text;
	int n;

	if (!v->IsString())
		return wrong_type(call, i, "a string");
	s = v.As<String>();
	/* A code unit is at most three bytes; measuring exactly pays only where that is much. */
	cap = (size_t)s->Length() * 3;
	if (cap >= SCRATCH_INLINE)
		cap = (size_t)s->Utf8Length(isolate);
	text = (char *)scratch_alloc(call, cap + 1);
	if (!text)
		return no_memory(call);
	n = s->WriteUtf8(isolate, text, (int)cap, nullptr,
		String::NO_NULL_TERMINATION | String::REPLACE_INVALID_UTF8);
	text[n] = '\0';
	*ret = text;
	*ret_len = (size_t)n;
	return 0;
}

static int read_latin1(
	struct op_call *call, int i, Local<Value> v, const char **ret, size_t *ret_len)
{
	Local<String> s;
	size_t len;
	char *text;

	if (!v->IsString())
		return wrong_type(call, i, "a string");
	s = v.As<String>();
	if (!s->ContainsOnlyOneByte())
		return wrong_type(call, i, "a byte string: it holds a character above U+00FF");
	len = (size_t)s->Length();
	text = (char *)scratch_alloc(call, len + 1);
	if (!text)
		return no_memory(call);
	s->WriteOneByte(
		call->e->isolate, (uint8_t *)text, 0, (int)len, String::NO_NULL_TERMINATION);
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return 0;
}

int op_arg_latin1(struct op_call *call, int i, const char **ret, size_t *ret_len)
{
	return read_latin1(call, i, (*call->info)[i], ret, ret_len);
}

int op_arg_latin1_array(struct op_call *call, int i, const char *const **ret,
	const size_t **ret_lens, size_t *ret_n)
{
	Local<Context> context = engine_context(call->e);
	Local<Value> v = (*call->info)[i];
	const char **strings;
	size_t *lens;
	uint32_t n;

	if (!v->IsArray())
		return wrong_type(call, i, "an array");
	n = v.As<Array>()->Length();
	if (n > STRING_ARRAY_MAX)
		return wrong_type(call, i, "an array of at most 65536 strings");
	strings = (const char **)scratch_alloc(call, (n + 1) * sizeof(*strings));
	lens = (size_t *)scratch_alloc(call, (n + 1) * sizeof(*lens));
	if (!strings || !lens)
		return no_memory(call);
	for (uint32_t k = 0; k < n; k++) {
		Local<Value> element;

		if (!v.As<Array>()->Get(context, k).ToLocal(&element)) {
			call->threw = true;
			return -1;
		}
		if (read_latin1(call, i, element, &strings[k], &lens[k]) < 0)
			return -1;
	}
	*ret = strings;
	*ret_lens = lens;
	*ret_n = n;
	return 0;
}

int op_arg_bytes(struct op_call *call, int i, uint8_t **ret, size_t *ret_len)
{
	Local<Value> v = (*call->info)[i];

	if (v->IsArrayBufferView()) {
		Local<ArrayBufferView> view = v.As<ArrayBufferView>();

		*ret_len = view->ByteLength();
		*ret = (uint8_t *)view->Buffer()->Data() + view->ByteOffset();
		return 0;
	}
	if (v->IsArrayBuffer()) {
		*ret_len = v.As<ArrayBuffer>()->ByteLength();
		*ret = (uint8_t *)v.As<ArrayBuffer>()->Data();
		return 0;
	}
	if (v->IsSharedArrayBuffer()) {
		*ret_len = v.As<SharedArrayBuffer>()->ByteLength();
		*ret = (uint8_t *)v.As<SharedArrayBuffer>()->Data();
		return 0;
	}
	return wrong_type(call, i, "an ArrayBuffer or a view of one");
}

void op_arg_drop_bytes(struct op_call *call, int i)
{
	Local<Value> v = (*call->info)[i];
	Local<ArrayBuffer> buffer =
		v->IsArrayBufferView() ? v.As<ArrayBufferView>()->Buffer() : v.As<ArrayBuffer>();

	if (buffer->IsDetachable())
		buffer->Detach();
}

int op_arg_value(struct op_call *call, int i, struct engine_value **ret)
{
	if (i >= call->info->Length())
		return wrong_type(call, i, "given");
	*ret = value_new(call->e, (*call->info)[i]);
	return 0;
}

int op_arg_function(struct op_call *call, int i, struct engine_value **ret)
{
	Local<Value> v = (*call->info)[i];

	if (!v->IsFunction())
		return wrong_type(call, i, "a function");
	*ret = value_new(call->e, v);
	return 0;
}

bool op_arg_is_nullish(struct op_call *call, int i)
{
	return (*call->info)[i]->IsNullOrUndefined();
}

bool op_arg_is_string(struct op_call *call, int i)
{
	return (*call->info)[i]->IsString();
}

void op_ret_bool(struct op_call *call, bool v)
{
	call->info->GetReturnValue().Set(v);
}

void op_ret_f64(struct op_call *call, double v)
{
	call->info->GetReturnValue().Set(v);
}

void op_ret_string(struct op_call *call, const char *utf8, size_t len)
{
	Local<String> s;

	if (js_string(call->e->isolate, utf8, len).ToLocal(&s))
		call->info->GetReturnValue().Set(s);
	else
		op_throw(call, "RangeError", "%s: string too long", call->op->name);
}

void op_ret_latin1(struct op_call *call, const char *bytes, size_t len)
{
	Local<String> s;

	if (js_latin1(call->e->isolate, bytes, len).ToLocal(&s))
		call->info->GetReturnValue().Set(s);
	else
		op_throw(call, "RangeError", "%s: string too long", call->op->name);
}

static void return_bytes(struct op_call *call, MaybeLocal<Value> bytes)
{
	Local<Value> v;

	if (bytes.ToLocal(&v))
		call->info->GetReturnValue().Set(v);
	else
		no_memory(call);
}

void op_ret_bytes(struct op_call *call, const void *data, size_t len)
{
	return_bytes(call, js_bytes(call->e, data, len));
}

void op_ret_bytes_given(struct op_call *call, void *data, size_t len)
{
	return_bytes(call, js_bytes_given(call->e, data, len));
}

void op_ret_value(struct op_call *call, struct engine_value *v)
{
	call->info->GetReturnValue().Set(v->value);
}

void op_ret_f64_array(struct op_call *call, const double *v, size_t n)
{
	Isolate *isolate = call->e->isolate;
	std::vector<Local<Value>> elements(n);

	for (size_t i = 0; i < n; i++)
		elements[i] = Number::New(isolate, v[i]);
	call->info->GetReturnValue().Set(Array::New(isolate, elements.data(), n));
}

int op_ret_structured_clone(struct op_call *call, int i, int transfer_i)
{
	Local<Value> transfer = Undefined(call->e->isolate);
	MaybeLocal<Value> result;

	if (transfer_i >= 0)
		transfer = (*call->info)[transfer_i];
	if (clone_value(call->e, (*call->info)[i], transfer, &result) < 0) {
		call->threw = true;
		return -1;
	}
	call->info->GetReturnValue().Set(result.ToLocalChecked());
	return 0;
}
