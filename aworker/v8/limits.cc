/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much memory JavaScript may take. The heap asks before it grows beyond its limit, ArrayBuffers are
 * the allocator's (values.cc). Memories of WebAssembly V8 maps by itself and asks nobody: one of them has
 * a limit that is a flag, and all together are counted behind each collection, which they bring about by
 * growing.
 */
#include "aworker/v8/engine.h"

#include <stdio.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* What a script may still allocate after the limit, until it is stopped. */
static const size_t HEAP_RESERVE = 16u << 20;
/* Of WebAssembly, in bytes; and how many one memory may have at all. */
static const size_t WASM_PAGE = 64u << 10;
static const size_t WASM_PAGES_MAX = 65536;

static size_t on_near_heap_limit(void *data, size_t current, size_t)
{
	struct engine *e = (struct engine *)data;

	/* All of it: the object that wants more may be a large one. */
	if (current < e->heap_max)
		return e->heap_max;
	/* A second call means that no stack check came since: native code is at it. */
	if (e->out_of_memory)
		return current + (current < e->heap_max + 4 * HEAP_RESERVE ? HEAP_RESERVE : 0);
	e->out_of_memory = true;
	e->isolate->TerminateExecution();
	return current + HEAP_RESERVE;
}

/* V8 looks at it whenever a memory is made or grows. */
static void limit_one_memory(size_t bytes)
{
	char flag[64];
	size_t pages = bytes / WASM_PAGE;

	pages = pages < 1 ? 1 : pages > WASM_PAGES_MAX ? WASM_PAGES_MAX : pages;
	snprintf(flag, sizeof(flag), "--wasm-max-mem-pages=%zu", pages);
	V8::SetFlagsFromString(flag);
}

/* What keeps memory alive outside of the heap and is neither a buffer nor the host's. */
static size_t measure_memories(struct engine *e)
{
	int64_t all = e->isolate->AdjustAmountOfExternalAllocatedMemory(0) - e->external;
	int64_t buffers = (int64_t)e->allocator->used();

	return all > buffers ? (size_t)(all - buffers) : 0;
}

static void collect_again(Isolate *, void *data)
{
	engine_collect((struct engine *)data, Isolate::kFullGarbageCollection);
}

/* What died while the heap was marked is still counted, so one collection is no proof. */
static void on_collected(Isolate *isolate, GCType, GCCallbackFlags, void *data)
{
	struct engine *e = (struct engine *)data;

	e->allocator->memories = measure_memories(e);
	if (e->allocator->memories <= e->allocator->limit) {
		e->suspected = false;
	} else if (!e->suspected) {
		e->suspected = true;
		isolate->RequestInterrupt(collect_again, e);
	} else if (!e->out_of_memory) {
		e->exhausted = "WebAssembly";
		e->out_of_memory = true;
		isolate->TerminateExecution();
	}
}

void engine_set_heap_limit(struct engine *e, size_t bytes)
{
	size_t heap = bytes ? bytes : e->heap_default;
	size_t buffers = bytes ? bytes : e->buffers_default;

	if (heap == e->heap_max && buffers == e->allocator->limit)
		return;
	/* V8 lowers its limit in no other way. */
	e->isolate->RemoveNearHeapLimitCallback(on_near_heap_limit, heap);
	e->isolate->AddNearHeapLimitCallback(on_near_heap_limit, e);
	e->heap_max = heap;
	e->allocator->limit = buffers;
	limit_one_memory(buffers);
}

void engine_external_memory(struct engine *e, int64_t change)
{
	e->external += change;
	e->isolate->AdjustAmountOfExternalAllocatedMemory(change);
}

void memory_attach(struct engine *e)
{
	HeapStatistics stats;

	e->isolate->GetHeapStatistics(&stats);
	e->isolate->AddNearHeapLimitCallback(on_near_heap_limit, e);
	e->isolate->AddGCEpilogueCallback(on_collected, e, kGCTypeMarkSweepCompact);
	e->heap_max = e->heap_default = stats.heap_size_limit();
	e->buffers_default = e->allocator->limit;
}
