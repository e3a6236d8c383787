/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large the young generation may be. A copy of a seed soon has all of it to itself, so it
 * begins small; but the more often it is collected, the more objects are moved that would have
 * died in a moment. So it is small for those who run shortly or seldom, and doubles for those who
 * have paid for it: with semi-spaces of 8 MB instead of 2, a page of React takes two thirds of the
 * time, and 18 MB more.
 *
 * V8 doubles the semi-spaces whenever enough survives a collection, by a factor that is a flag and
 * is read each time. At 1 they stay as they are.
 */
#include <string.h>
#include <time.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* Sizes of one semi-space: for everybody, and for who has spent YOUNG_PRICE_NS on collections. */
static const size_t YOUNG_SMALL = 2u << 20;
static const size_t YOUNG_LARGE = 8u << 20;
static const int64_t YOUNG_PRICE_NS = 250 * 1000 * 1000;
/* A heap that may not become this many times as large keeps small semi-spaces. */
static const size_t YOUNG_HEAP_SHARE = 16;
/*
 * A young generation that is large by itself lets buffers, which V8 does not count to it, pile up
 * until they are in no cache of the processor. So they are collected at the latest after this many
 * bytes of them: uploads of 1 MiB take two thirds of the time.
 */
static const size_t YOUNG_BUFFERS = 16u << 20;
/* V8 counts two semi-spaces and one of large objects. */
static const size_t YOUNG_SPACES = 3;

static int64_t cpu_ns(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static size_t semi_space_size(struct engine *e)
{
	HeapSpaceStatistics space;

	for (size_t i = 0; e->isolate->GetHeapSpaceStatistics(&space, i); i++)
		if (strcmp(space.space_name(), "new_space") == 0)
			return space.space_size() / 2;
	return SIZE_MAX;
}

static size_t semi_space_allowed(const struct engine *e)
{
	bool paid = e->young.spent_ns >= YOUNG_PRICE_NS;

	for (size_t size = YOUNG_LARGE; paid && size > YOUNG_SMALL; size /= 2)
		if (e->heap_max / YOUNG_HEAP_SHARE >= size)
			return size;
	return YOUNG_SMALL;
}

static void set_growth(struct engine *e)
{
	bool grows = semi_space_size(e) * 2 <= semi_space_allowed(e);

	if (grows == e->young.grows)
		return;
	e->young.grows = grows;
	V8::SetFlagsFromString(
		grows ? "--semi-space-growth-factor=2" : "--semi-space-growth-factor=1");
}

static void on_collection_begins(Isolate *, GCType, GCCallbackFlags, void *data)
{
	((struct engine *)data)->young.began_ns = cpu_ns();
}

static void on_collection_ends(Isolate *, GCType, GCCallbackFlags, void *data)
{
	struct engine *e = (struct engine *)data;

	e->young.spent_ns += cpu_ns() - e->young.began_ns;
	set_growth(e);
}

static void on_buffers_collected(Isolate *, GCType, GCCallbackFlags, void *data)
{
	struct engine *e = (struct engine *)data;

	e->young.buffers = e->allocator->total();
}

void young_limit(ResourceConstraints *c)
{
	size_t young = c->max_young_generation_size_in_bytes();
	size_t most = YOUNG_SPACES * YOUNG_LARGE;

	/* What it does not get is the old generation's. */
	if (young > most)
		c->set_max_old_generation_size_in_bytes(
			c->max_old_generation_size_in_bytes() + young - most);
	if (young == 0 || young > most)
		c->set_max_young_generation_size_in_bytes(most);
}

void young_attach(struct engine *e)
{
	e->isolate->AddGCPrologueCallback(on_collection_begins, e, kGCTypeScavenge);
	e->isolate->AddGCEpilogueCallback(on_collection_ends, e, kGCTypeScavenge);
	e->isolate->AddGCEpilogueCallback(
		on_buffers_collected, e, (GCType)(kGCTypeScavenge | kGCTypeMarkSweepCompact));
}

void young_fork_child(struct engine *e)
{
	e->young.spent_ns = 0;
	set_growth(e);
}

void young_pump(struct engine *e)
{
	if (e->allocator->total() - e->young.buffers > YOUNG_BUFFERS && e->depth == 0)
		engine_collect(e, Isolate::kMinorGarbageCollection);
}
