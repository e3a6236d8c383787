/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of aworker/v8 share. The isolate and its one context are
 * entered from engine_create() to engine_destroy(); each function of engine.h
 * that touches V8 opens a HandleScope of its own.
 */
#ifndef AWORKER_V8_ENGINE_PRIV_H
#define AWORKER_V8_ENGINE_PRIV_H

#include <deque>
#include <memory>
#include <string>
#include <v8.h>
#include <vector>

#include "aworker/v8/engine.h"
#include "aworker/v8/module_map.h"
#include "aworker/v8/platform.h"

struct engine_value {
	v8::Global<v8::Value> value;
	struct engine_value *next_free;
};

/* Counts what ArrayBuffers hold; an allocation above `limit` fails, which is a RangeError in JS. */
class buffer_allocator final : public v8::ArrayBuffer::Allocator
{
      public:
	void *Allocate(size_t len) override;
	void *AllocateUninitialized(size_t len) override;
	void Free(void *data, size_t len) override;
	/* Memory of malloc() becomes its own; false, and it is freed, where it would be too much. */
	bool adopt(void *data, size_t len);
	bool fits(size_t len) const;
	size_t used() const
	{
		return used_;
	}
	/* All bytes that were ever allocated. */
	uint64_t total() const
	{
		return total_;
	}

	size_t limit = SIZE_MAX;
	/* Bytes of WebAssembly at the last count, which are within the same limit. */
	size_t memories = 0;

      private:
	void *got(void *data, size_t len);

	size_t used_ = 0;
	uint64_t total_ = 0;
};

/* Text of the platform where it is, outside of V8's heap. */
class source_text final : public v8::String::ExternalOneByteStringResource
{
      public:
	explicit source_text(const struct engine_source *source) : source_(source)
	{
	}

	const char *data() const override
	{
		return source_->text;
	}

	size_t length() const override
	{
		return source_->len;
	}

      protected:
	/* The engine's, not the string's. */
	void Dispose() override
	{
	}

      private:
	const struct engine_source *source_;
};

struct rejection {
	v8::Global<v8::Promise> promise;
	v8::Global<v8::Value> reason;
	std::string where; /* "file:line:column" for a reason that carries no stack */
};

struct inspector;

/* x86-64 has one range of code and one of builtins; elsewhere the first ones have to do. */
static const size_t CODE_RANGES_MAX = 64;

struct code_ranges {
	v8::MemoryRange ranges[CODE_RANGES_MAX];
	size_t n = 0;
};

struct engine {
	struct engine_options options;
	size_t n_ops = 0;
	std::deque<source_text> texts; /* of options.sources */
	std::vector<intptr_t> external_references;
	v8::Isolate *isolate = nullptr;
	v8::StartupData blob = {nullptr, 0};	/* what it started from; V8 keeps the address */
	v8::SnapshotCreator *creator = nullptr; /* owns the isolate while a snapshot is made */
	v8::Global<v8::Context> context;
	v8::Global<v8::Object> ops;
	v8::Global<v8::Object> internals;
	/* Outlives the isolate: backing stores may be freed late. */
	std::shared_ptr<buffer_allocator> allocator;
	struct module_map modules;
	v8::Global<v8::Context> tool_context; /* of engine_load_tool() */
	v8::Global<v8::Function> tool;
	std::deque<struct rejection> rejected; /* without a handler so far */
	std::vector<struct rejection> handled_late;
	struct engine_value *free_values = nullptr;
	size_t n_values = 0; /* handles that the host holds */
	size_t depth = 0;    /* nested calls into JavaScript */
	size_t heap_max = 0; /* 0: V8's own limit is final */
	/* limits.cc: what limits were when the engine was made */
	size_t heap_default = 0, buffers_default = 0;
	bool suspected = false; /* of too much memory of WebAssembly */
	int64_t external = 0;	/* bytes of engine_external_memory() */
	bool out_of_memory = false;
	const char *exhausted = "JavaScript heap"; /* what is out of memory then */
	bool out_of_memory_told = false;
	bool continuations = false; /* op_set_continuation() was called */
	bool main_pending = false;  /* the main module waits at a top-level await */
	struct code_ranges code;    /* of engine_find_code() */
	struct inspector *inspector = nullptr;
	struct {
		int64_t began_ns; /* CPU time at the start of a collection */
		int64_t spent_ns; /* on all of them in this process */
		bool grows;	  /* at V8's next collection, if enough survives */
		uint64_t buffers; /* allocator->total() after the last one */
	} young = {0, 0, true, 0};
	std::string time_zone; /* TZ when it was last told to V8 */
	std::string locale;    /* and what locale_of_environment() was */
};

/* Handles of our own callbacks carry one of these instead of the index of an op. */
enum callback {
	CALLBACK_MAIN_LOADED = -1,
	CALLBACK_MAIN_FAILED = -2,
	CALLBACK_NAMESPACE = -3,
	CALLBACK_RANDOM_REFILL = -4,
	CALLBACK_RESOLVE = -5,
};

/* Around everything that may run JavaScript: at the outermost level a termination ends. */
class call_scope
{
      public:
	explicit call_scope(struct engine *e);
	~call_scope();
	call_scope(const call_scope &) = delete;
	void operator=(const call_scope &) = delete;

      private:
	struct engine *e_;
	v8::HandleScope handles_;
};

static inline struct engine *engine_of(v8::Isolate *isolate)
{
	return (struct engine *)isolate->GetData(0);
}

static inline v8::Local<v8::Context> engine_context(struct engine *e)
{
	return e->context.Get(e->isolate);
}

/* Strings. An empty handle when it is longer than V8 allows. */
v8::MaybeLocal<v8::String> js_string(v8::Isolate *isolate, const char *utf8, size_t len);
v8::MaybeLocal<v8::String> js_latin1(v8::Isolate *isolate, const char *bytes, size_t len);
/* For names and sentences of our own; truncated text is better than none. */
v8::Local<v8::String> js_text(v8::Isolate *isolate, const std::string &text);
std::string c_text(v8::Isolate *isolate, v8::Local<v8::Value> value);

/* A Uint8Array of `len` bytes, zeroed when data is NULL. Empty when there is no memory. */
v8::MaybeLocal<v8::Value> js_bytes(struct engine *e, const void *data, size_t len);
v8::MaybeLocal<v8::Value> js_bytes_given(struct engine *e, void *data, size_t len);

struct engine_value *value_new(struct engine *e, v8::Local<v8::Value> value);

/* ops.cc: the one function that V8 calls for every op and callback. */
void trampoline(const v8::FunctionCallbackInfo<v8::Value> &info);
v8::Local<v8::Value> op_value(struct op_call *call, int i);
void op_ret(struct op_call *call, v8::Local<v8::Value> value);
v8::MaybeLocal<v8::Function> callback_function(
	struct engine *e, enum callback which, v8::Local<v8::Value> data);
int ops_install(struct engine *e, v8::Local<v8::Object> ops, struct err *err);

/* run.cc */
v8::MaybeLocal<v8::Value> call_internal(
	struct engine *e, const char *name, int argc, v8::Local<v8::Value> *argv);
v8::Local<v8::Value> internal_get(struct engine *e, const char *name);
void main_loaded(struct engine *e, v8::Local<v8::Value> ns);

/* continuation.cc: before a call from C */
void continuation_reset(struct engine *e);

/* errors.cc */
struct failure {
	std::string message; /* "file:line:column: Error: ..." */
	std::string stack;   /* lines "    at ...", may be empty */
};
/* The place of its first frame that is not of the platform; "" if none. */
std::string stack_place(const std::string &stack);
/* Where JavaScript is now, as the lines of a stack. */
std::string current_stack(struct engine *e);
struct failure describe(struct engine *e, v8::Local<v8::Value> exception,
	v8::Local<v8::Message> message, const std::string &where);
/* To the platform's listeners, else to host.uncaught. */
void report_exception(
	struct engine *e, v8::Local<v8::Value> exception, v8::Local<v8::Message> message);
void report_uncaught(struct engine *e, v8::Local<v8::Value> exception,
	v8::Local<v8::Message> message, const std::string &where);
/* After JavaScript came back empty-handed: the err of what `caught` holds. Returns -err->code. */
int failure_err(struct engine *e, const v8::TryCatch &caught, struct failure *ret, struct err *err);
void report_out_of_memory(struct engine *e);
void errors_attach(struct engine *e);
void errors_detach(struct engine *e);
void rejections_report(struct engine *e);

/* clone.cc: negative when an exception waits */
int clone_value(struct engine *e, v8::Local<v8::Value> value, v8::Local<v8::Value> transfer,
	v8::MaybeLocal<v8::Value> *ret);

/* module.cc */
v8::MaybeLocal<v8::Module> module_compile(
	struct engine *e, const std::string &name, v8::Local<v8::String> source);
/* False: an exception waits. */
bool module_link(struct engine *e, v8::Local<v8::Module> module);
/* Links and evaluates; the result is the promise of its evaluation. Empty: an exception waits. */
v8::MaybeLocal<v8::Promise> module_run(struct engine *e, v8::Local<v8::Module> module);
/* import.meta.resolve(specifier) of the module `name`. */
void module_resolve(
	struct engine *e, const std::string &name, const v8::FunctionCallbackInfo<v8::Value> &info);
void modules_attach(struct engine *e);
/* By what the import says: one without an assertion is the host's to judge. */
std::string module_key(bool json, const std::string &name);
struct module_entry *module_entry_of(struct engine *e, v8::Local<v8::Module> module);
/* How long an entry of a list of assertions is: of a static import, which has an offset, or not. */
enum { DYNAMIC_ASSERTION_LEN = 2, STATIC_ASSERTION_LEN = 3 };
/* False, with an exception, for an assertion that we do not know. */
bool module_assertions(
	struct engine *e, v8::Local<v8::FixedArray> list, int entry_len, bool *ret_json);
/* A module that is not known yet, of its bytes. Empty: an exception waits. */
v8::MaybeLocal<v8::Module> module_make(struct engine *e, const std::string &specifier,
	const std::string &name, bool json, enum engine_module_type type, const struct buf *source);
/* The promise of import(), of modules that are known or can be loaded. Empty: an exception waits. */
v8::MaybeLocal<v8::Promise> module_import(
	struct engine *e, const std::string &specifier, const std::string &referrer, bool json);
/* Becomes the stack of an error that has none. */
void module_set_stack(struct engine *e, v8::Local<v8::Value> exception, const std::string &stack);

/* module_graph.cc */
/* What the module imports is read, all at once. Returns when all of it has come. */
void graph_read(struct engine *e, v8::Local<v8::Module> module);
/* The promise of an import() that has to wait; empty: it has not. */
v8::MaybeLocal<v8::Promise> graph_import(
	struct engine *e, const std::string &specifier, const std::string &referrer, bool json);
std::string name_url(const std::string &name);

/* engine.cc */
class loop_platform *engine_platform(void);
void engine_v8_init(void);
struct engine *engine_alloc(const struct engine_options *options);
void engine_attach(struct engine *e);
void engine_detach(struct engine *e);
int engine_context_new(struct engine *e, struct err *err);

/* limits.cc: when the isolate is made */
void memory_attach(struct engine *e);

/* young.cc: before the isolate is made, when it is, and in a copy of the process */
void young_limit(v8::ResourceConstraints *c);
void young_attach(struct engine *e);
void young_fork_child(struct engine *e);
/* When no JavaScript runs. */
void young_pump(struct engine *e);

/* fork.cc: one collection, no more */
void engine_collect(struct engine *e, v8::Isolate::GarbageCollectionType what);

/* fork.cc: one collection, no more */
void engine_collect(struct engine *e, v8::Isolate::GarbageCollectionType what);

/* fork.cc: Math.random of a new context, of a process that inherited or restored one */
int random_prepare(struct engine *e, struct err *err);
void random_renew(struct engine *e);
/* What ICU takes the environment of the moment for. */
std::string locale_of_environment(void);
int random_pool_refill(struct engine *e);

/* inspector.cc; nothing happens without an inspector */
void inspector_exception(
	struct engine *e, v8::Local<v8::Value> exception, v8::Local<v8::Message> message);

/* reach.cc: "globalThis.a.b" of something reachable that no snapshot can hold; "" when there is none. */
std::string reach_unkept(struct engine *e, std::string *ret_what);

/* source.cc: before the isolate is made */
void sources_attach(struct engine *e);

/* snapshot.cc */
struct snapshot_header {
	char magic[8];
	uint64_t fingerprint;
	uint64_t len;		/* of V8's data behind it */
	uint64_t continuations; /* 1: op_set_continuation() was called before */
};
bool snapshot_has_continuations(const struct engine_options *options);
enum snapshot_data { SNAPSHOT_OPS, SNAPSHOT_INTERNALS };

#endif
