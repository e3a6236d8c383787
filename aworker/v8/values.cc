/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings, buffers and handles: what crosses between C and JavaScript outside of
 * ops. Handles are recycled: a request takes and gives back a handful each time.
 */
#include "aworker/v8/engine.h"

#include <stdlib.h>
#include <string.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

MaybeLocal<String> js_string(Isolate *isolate, const char *utf8, size_t len)
{
	if (len > (size_t)String::kMaxLength)
		return MaybeLocal<String>();
	return String::NewFromUtf8(isolate, utf8, NewStringType::kNormal, (int)len);
}

Local<String> js_text(Isolate *isolate, const std::string &text)
{
	Local<String> s;

	if (!js_string(isolate, text.data(), text.size()).ToLocal(&s))
		return String::Empty(isolate);
	return s;
}

std::string c_text(Isolate *isolate, Local<Value> value)
{
	String::Utf8Value text(isolate, value);

	return *text ? std::string(*text, (size_t)text.length()) : std::string();
}

bool buffer_allocator::fits(size_t len) const
{
	size_t taken = used_ + memories;

	return len <= limit && taken <= limit - len;
}

void *buffer_allocator::got(void *data, size_t len)
{
	if (data) {
		used_ += len;
		total_ += len;
	}
	return data;
}

/* V8 expects a pointer for 0 bytes too. */
void *buffer_allocator::Allocate(size_t len)
{
	return got(fits(len) ? calloc(1, len ? len : 1) : nullptr, len);
}

void *buffer_allocator::AllocateUninitialized(size_t len)
{
	return got(fits(len) ? malloc(len ? len : 1) : nullptr, len);
}

void buffer_allocator::Free(void *data, size_t len)
{
	if (data)
		used_ -= len;
	free(data);
}

bool buffer_allocator::adopt(void *data, size_t len)
{
	bool ok = fits(len);

	if (ok)
		got(data, len);
	else
		free(data);
	return ok;
}

static void bytes_free(void *data, size_t len, void *allocator)
{
	((buffer_allocator *)allocator)->Free(data, len);
}

/* `data` is the allocator's. */
static Local<Value> bytes_of(struct engine *e, void *data, size_t len)
{
	std::unique_ptr<BackingStore> store =
		ArrayBuffer::NewBackingStore(data, len, bytes_free, e->allocator.get());

	return Uint8Array::New(ArrayBuffer::New(e->isolate, std::move(store)), 0, len);
}

/* V8 collects before it refuses a buffer; so do those that are made without it. */
static void make_room(struct engine *e, size_t len)
{
	if (len > e->allocator->limit || e->allocator->fits(len))
		return;
	engine_collect(e, Isolate::kMinorGarbageCollection);
	if (!e->allocator->fits(len))
		engine_collect(e, Isolate::kFullGarbageCollection);
}

MaybeLocal<Value> js_bytes_given(struct engine *e, void *data, size_t len)
{
	make_room(e, len);
	if (!e->allocator->adopt(data, len))
		return MaybeLocal<Value>();
	return bytes_of(e, data, len);
}

MaybeLocal<Value> js_bytes(struct engine *e, const void *data, size_t len)
{
	buffer_allocator *allocator = e->allocator.get();
	void *copy;

	make_room(e, len);
	/* ArrayBuffer::New() ends the process when there is no memory. */
	copy = data ? allocator->AllocateUninitialized(len) : allocator->Allocate(len);
	if (!copy)
		return MaybeLocal<Value>();
	if (data && len)
		memcpy(copy, data, len);
	return bytes_of(e, copy, len);
}

struct engine_value *value_new(struct engine *e, Local<Value> value)
{
	struct engine_value *v = e->free_values;

	if (v)
		e->free_values = v->next_free;
	else
		v = new engine_value;
	v->value.Reset(e->isolate, value);
	e->n_values++;
	return v;
}

void engine_release(struct engine *e, struct engine_value *v)
{
	if (!v)
		return;
	v->value.Reset();
	v->next_free = e->free_values;
	e->free_values = v;
	assert(e->n_values > 0);
	e->n_values--;
}

static struct engine_value *value_or_null(struct engine *e, MaybeLocal<Value> value)
{
	Local<Value> v;

	return value.ToLocal(&v) ? value_new(e, v) : nullptr;
}

struct engine_value *engine_undefined(struct engine *e)
{
	HandleScope scope(e->isolate);

	return value_new(e, Undefined(e->isolate));
}

struct engine_value *engine_number(struct engine *e, double v)
{
	HandleScope scope(e->isolate);

	return value_new(e, Number::New(e->isolate, v));
}

struct engine_value *engine_bool(struct engine *e, bool v)
{
	HandleScope scope(e->isolate);

	return value_new(e, Boolean::New(e->isolate, v));
}

struct engine_value *engine_string(struct engine *e, const char *utf8, size_t len)
{
	HandleScope scope(e->isolate);
	Local<String> s;

	return js_string(e->isolate, utf8, len).ToLocal(&s) ? value_new(e, s) : nullptr;
}

MaybeLocal<String> js_latin1(Isolate *isolate, const char *bytes, size_t len)
{
	if (len > (size_t)String::kMaxLength)
		return MaybeLocal<String>();
	return String::NewFromOneByte(
		isolate, (const uint8_t *)bytes, NewStringType::kNormal, (int)len);
}

struct engine_value *engine_latin1(struct engine *e, const char *bytes, size_t len)
{
	HandleScope scope(e->isolate);
	Local<String> s;

	return js_latin1(e->isolate, bytes, len).ToLocal(&s) ? value_new(e, s) : nullptr;
}

struct engine_value *engine_bytes_given(struct engine *e, void *data, size_t len)
{
	HandleScope scope(e->isolate);

	return value_or_null(e, js_bytes_given(e, data, len));
}

struct engine_value *engine_bytes(struct engine *e, const void *data, size_t len)
{
	HandleScope scope(e->isolate);

	return value_or_null(e, js_bytes(e, data, len));
}

struct engine_value *engine_latin1_array(
	struct engine *e, const char *const *strings, const size_t *lens, size_t n)
{
	HandleScope scope(e->isolate);
	std::vector<Local<Value>> elements(n);

	for (size_t i = 0; i < n; i++) {
		Local<String> s;

		if (!js_latin1(e->isolate, strings[i], lens[i]).ToLocal(&s))
			return nullptr;
		elements[i] = s;
	}
	return value_new(e, Array::New(e->isolate, elements.data(), n));
}
