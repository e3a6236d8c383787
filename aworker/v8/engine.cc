/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the engine: V8 is set up once a process, then one isolate with one
 * context, from the sources or from a startup snapshot. Flags are part of a
 * snapshot's fingerprint and never change afterwards.
 */
#include "aworker/v8/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/*
 * One thread always; no protection keys, which a restored image could not carry; code stays when
 * it is not used for a while, since a copy would have to compile it anew; no collection in idle
 * moments, which would unshare the heap of every copy; the snapshot is part of the executable, its
 * checksum would cost more than reading it.
 */
static const char *const v8_flags[] = {
	"--single-threaded", "--no-wasm-memory-protection-keys", "--no-flush-bytecode",
	"--no-memory-reducer", "--no-verify-snapshot-checksum",
	"--harmony-import-assertions", /* import ... assert { type: "json" } */
#if V8_MAJOR_VERSION > 10 || V8_MINOR_VERSION >= 5
	"--no-freeze-flags-after-init", /* engine_fork_prepare() needs it */
#endif
};

static uint64_t fnv1a(uint64_t hash, const char *s)
{
	do
		hash = (hash ^ (unsigned char)*s) * 0x100000001b3u;
	while (*s++);
	return hash;
}

uint64_t engine_fingerprint(const struct engine_options *options)
{
	uint64_t hash = fnv1a(0xcbf29ce484222325u, V8::GetVersion());

	hash = fnv1a(hash, TURF_VERSION);
	for (const char *flag : v8_flags)
		hash = fnv1a(hash, flag);
	for (const struct engine_op *op = options->ops; op->name; op++)
		hash = fnv1a(hash, op->name);
	for (size_t i = 0; i < options->n_sources; i++) {
		hash = fnv1a(hash, options->sources[i].name);
		hash = (hash ^ options->sources[i].len) * 0x100000001b3u;
	}
	return hash;
}

const char *engine_version(void)
{
	return V8::GetVersion();
}

static class loop_platform *the_platform;

class loop_platform *engine_platform(void)
{
	return the_platform;
}

void engine_set_flags(const char *flags)
{
	assert(!the_platform);
	V8::SetFlagsFromString(flags);
}

void engine_v8_init(void)
{
	if (the_platform)
		return;
	for (const char *flag : v8_flags)
		V8::SetFlagsFromString(flag);
	the_platform = new loop_platform;
	V8::InitializePlatform(the_platform);
	V8::Initialize();
}

static void on_fatal(const char *location, const char *message)
{
	Isolate *isolate = Isolate::TryGetCurrent();
	struct engine *e = isolate ? engine_of(isolate) : nullptr;
	char text[512];

	snprintf(text, sizeof(text), "V8 cannot go on: %s (%s)", message,
		location ? location : "no place given");
	if (e && e->options.host.fatal)
		e->options.host.fatal(e->options.host.data, text);
	dprintf(STDERR_FILENO, "aworker: %s\n", text);
	abort();
}

/* The second argument differs between versions of V8; none of them says more than this. */
template <typename T> static void on_oom(const char *location, T)
{
	on_fatal(location, "out of memory");
}

bool engine_measure_space(struct engine *e, size_t i, struct engine_heap_space *ret)
{
	HeapSpaceStatistics space;

	if (i >= e->isolate->NumberOfHeapSpaces() || !e->isolate->GetHeapSpaceStatistics(&space, i))
		return false;
	ret->name = space.space_name();
	ret->size = space.space_size();
	ret->used = space.space_used_size();
	ret->available = space.space_available_size();
	return true;
}

void engine_measure(struct engine *e, struct engine_memory *ret)
{
	HeapStatistics stats;

	e->isolate->GetHeapStatistics(&stats);
	*ret = {.heap_used = stats.used_heap_size(),
		.heap_committed = stats.total_physical_size(),
		.heap_limit = e->heap_max,
		.buffers = e->allocator->used(),
		.native = stats.malloced_memory()};
}

void engine_use_stack(struct engine *e, void *low)
{
	e->isolate->SetStackLimit((uintptr_t)low + ENGINE_STACK_RESERVE);
}

struct engine *engine_alloc(const struct engine_options *options)
{
	struct engine *e = new engine;

	e->options = *options;
	while (options->ops[e->n_ops].name)
		e->n_ops++;
	sources_attach(e);
	e->allocator = std::make_shared<buffer_allocator>();
	if (options->heap_limit)
		e->allocator->limit = options->heap_limit;
	engine_platform()->tasks().set_wake(options->host.wake, options->host.data);
	return e;
}

/* What an isolate needs before the first line of JavaScript, and no snapshot holds. */
void engine_attach(struct engine *e)
{
	const char *tz = getenv("TZ");

	e->isolate->SetData(0, e);
	e->isolate->SetMicrotasksPolicy(MicrotasksPolicy::kExplicit);
	e->isolate->SetFatalErrorHandler(on_fatal);
	e->isolate->SetOOMErrorHandler(on_oom);
	memory_attach(e);
	e->time_zone = tz ? tz : "";
	e->locale = locale_of_environment();
	errors_attach(e);
	modules_attach(e);
	young_attach(e);
}

static int context_from_snapshot(struct engine *e, struct err *err)
{
	HandleScope scope(e->isolate);
	Local<Context> context;
	Local<Object> ops, internals;

	if (!Context::FromSnapshot(e->isolate, 0).ToLocal(&context) ||
		!context->GetDataFromSnapshotOnce<Object>(SNAPSHOT_OPS).ToLocal(&ops) ||
		!context->GetDataFromSnapshotOnce<Object>(SNAPSHOT_INTERNALS).ToLocal(&internals))
		return err_say(err, EINVAL, "the startup snapshot holds no platform");
	e->context.Reset(e->isolate, context);
	e->ops.Reset(e->isolate, ops);
	e->internals.Reset(e->isolate, internals);
	context->Enter();
	return 0;
}

int engine_context_new(struct engine *e, struct err *err)
{
	HandleScope scope(e->isolate);
	Local<Context> context = Context::New(e->isolate);

	if (context.IsEmpty())
		return err_say(err, ENOMEM, "cannot make a JavaScript context");
	e->context.Reset(e->isolate, context);
	context->Enter();
	e->ops.Reset(e->isolate, Object::New(e->isolate));
	e->internals.Reset(e->isolate, Object::New(e->isolate));
	if (ops_install(e, e->ops.Get(e->isolate), err) < 0)
		return -err->code;
	return random_prepare(e, err);
}

/* Whoever makes another context reads it once more. */
static StartupData *snapshot_data(struct engine *e)
{
	e->blob.data = (const char *)e->options.snapshot + sizeof(struct snapshot_header);
	e->blob.raw_size = (int)(e->options.snapshot_len - sizeof(struct snapshot_header));
	return &e->blob;
}

int engine_create(const struct engine_options *options, struct engine **ret, struct err *err)
{
	Isolate::CreateParams params;
	struct engine *e;
	int rc;

	engine_v8_init();
	if (options->snapshot &&
		!engine_snapshot_fits(options, options->snapshot, options->snapshot_len))
		return err_say(err, EINVAL,
			"the startup snapshot was made by another build of aworker or V8");
	e = engine_alloc(options);
	params.array_buffer_allocator_shared = e->allocator;
	params.external_references = e->external_references.data();
	params.allow_atomics_wait = false;
	if (options->heap_limit)
		params.constraints.ConfigureDefaultsFromHeapSize(0, options->heap_limit);
	young_limit(&params.constraints);
	if (options->snapshot)
		params.snapshot_blob = snapshot_data(e);
	e->isolate = Isolate::New(params);
	e->isolate->Enter();
	engine_attach(e);
	rc = options->snapshot ? context_from_snapshot(e, err) : engine_context_new(e, err);
	if (rc < 0) {
		engine_destroy(e);
		return rc;
	}
	if (options->snapshot) {
		random_renew(e);
		e->continuations = snapshot_has_continuations(options);
	}
	*ret = e;
	return 0;
}

static void context_leave(struct engine *e)
{
	HandleScope scope(e->isolate);

	if (!e->context.IsEmpty())
		engine_context(e)->Exit();
}

/* Leaves the context and drops every handle into the heap but those of the host. */
void engine_detach(struct engine *e)
{
	context_leave(e);
	e->rejected.clear();
	e->handled_late.clear();
	e->modules.arrivals.clear();
	e->modules.tickets.clear();
	e->modules.by_hash.clear();
	e->modules.by_key.clear();
	engine_drop_tool(e);
	e->ops.Reset();
	e->internals.Reset();
	e->context.Reset();
	while (e->free_values) {
		struct engine_value *v = e->free_values;

		e->free_values = v->next_free;
		delete v;
	}
}

void engine_abandon(struct engine *e)
{
	assert(e->depth == 0);
	context_leave(e);
	e->isolate->Exit();
	engine_platform()->tasks().clear();
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	assert(e->n_values == 0 || e->creator);
	engine_inspector_close(e);
	engine_detach(e);
	engine_platform()->tasks().clear();
	if (e->creator) {
		delete e->creator;
	} else {
		e->isolate->Exit();
		e->isolate->Dispose();
	}
	delete e;
}
