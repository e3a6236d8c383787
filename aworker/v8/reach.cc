/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no startup snapshot can hold, and where it is. V8 ends the process over an object that
 * refers to memory outside of its heap, as those of Intl do, and C knows nothing any more of what was
 * open. So all that can be reached is looked at before, as a debugger would do it, the shortest way
 * first. WebAssembly is not there in such an engine.
 */
#include "aworker/v8/engine.h"

#include <deque>
#include <unordered_set>

#include <v8-profiler.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* How much of a way is told, from its end. */
static const size_t STEPS_MAX = 16;
/* Prototypes of prototypes that are followed. */
static const int CHAIN_MAX = 16;

/* Of internals.nativePrototypes. */
typedef std::unordered_set<SnapshotObjectId> prototypes;

/* One node of the graph, and how it was reached. */
struct visit {
	const HeapGraphNode *node;
	const struct visit *from;
	const HeapGraphEdge *by;
};

static prototypes find_prototypes(struct engine *e)
{
	Local<Context> context = engine_context(e);
	Local<Value> list = internal_get(e, "nativePrototypes");
	prototypes ids;
	Local<Value> prototype;

	for (uint32_t i = 0; list->IsArray() && i < list.As<Array>()->Length(); i++)
		if (list.As<Array>()->Get(context, i).ToLocal(&prototype))
			ids.insert(e->isolate->GetHeapProfiler()->GetObjectId(prototype));
	return ids;
}

static const HeapGraphNode *prototype_of(const HeapGraphNode *node, Isolate *isolate)
{
	for (int i = 0; i < node->GetChildrenCount(); i++) {
		const HeapGraphEdge *edge = node->GetChild(i);

		if (edge->GetType() == HeapGraphEdge::kProperty &&
			c_text(isolate, edge->GetName()) == "__proto__")
			return edge->GetToNode();
	}
	return nullptr;
}

/* As the platform says; "" when it can be kept. */
static std::string native_name(struct engine *e, const HeapGraphNode *node)
{
	Local<Value> value = e->isolate->GetHeapProfiler()->FindObjectById(node->GetId());
	TryCatch caught(e->isolate);
	Local<Value> said;

	return !value.IsEmpty() && call_internal(e, "nativePart", 1, &value).ToLocal(&said) &&
			       said->IsString()
		       ? c_text(e->isolate, said)
		       : "";
}

static bool inherits(const HeapGraphNode *node, const prototypes &ids, Isolate *isolate)
{
	for (int i = 0; i < CHAIN_MAX && (node = prototype_of(node, isolate)); i++)
		if (ids.count(node->GetId()))
			return true;
	return false;
}

static std::string step_name(Isolate *isolate, const HeapGraphEdge *edge)
{
	std::string name = c_text(isolate, edge->GetName());

	switch (edge->GetType()) {
	case HeapGraphEdge::kElement: return "[" + name + "]";
	case HeapGraphEdge::kProperty: return "." + name;
	case HeapGraphEdge::kContextVariable: return " variable " + name;
	default: return "";
	}
}

static std::string way(Isolate *isolate, const struct visit *v)
{
	std::string text;
	size_t steps = 0;

	for (; v && v->by && steps < STEPS_MAX; v = v->from) {
		std::string step = step_name(isolate, v->by);

		text = step + text;
		steps += !step.empty();
	}
	while (!text.empty() && (text[0] == '.' || text[0] == ' '))
		text.erase(0, 1);
	return text.empty() ? "a place without a name" : text;
}

static const struct visit *find_native(struct engine *e, std::deque<struct visit> *visits,
	const prototypes &ids, std::string *ret_what)
{
	std::unordered_set<SnapshotObjectId> seen;

	/* A deque, since its elements stay where they are while it grows. */
	for (size_t i = 0; i < visits->size(); i++) {
		const struct visit *v = &(*visits)[i];
		HandleScope scope(e->isolate);

		if (v->node->GetType() == HeapGraphNode::kObject &&
			inherits(v->node, ids, e->isolate))
			*ret_what = native_name(e, v->node);
		if (!ret_what->empty())
			return v;
		for (int n = 0; n < v->node->GetChildrenCount(); n++) {
			const HeapGraphEdge *edge = v->node->GetChild(n);

			if (edge->GetType() != HeapGraphEdge::kWeak &&
				seen.insert(edge->GetToNode()->GetId()).second)
				visits->push_back({edge->GetToNode(), v, edge});
		}
	}
	return nullptr;
}

std::string reach_unkept(struct engine *e, std::string *ret_what)
{
	call_scope scope(e);
	HeapProfiler *profiler = e->isolate->GetHeapProfiler();
	const HeapSnapshot *graph = profiler->TakeHeapSnapshot();
	std::deque<struct visit> visits = {{graph->GetRoot(), nullptr, nullptr}};
	const struct visit *found = find_native(e, &visits, find_prototypes(e), ret_what);
	std::string where = found ? way(e->isolate, found) : "";

	const_cast<HeapSnapshot *>(graph)->Delete();
	profiler->ClearObjectIds();
	return where;
}
