/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no startup snapshot can hold, and where it is. V8 ends the process over an object that
 * refers to memory outside of its heap, as those of Intl do, and C knows nothing any more of what was
 * open. So all that can be reached is looked at before, as a debugger would do it, the shortest way
 * first. WebAssembly is not there in such an engine.
 */
#include "aworker/v8/engine.h"

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include <v8-profiler.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* How much of a way is told, from its end. */
static const size_t STEPS_MAX = 16;
/* Prototypes of prototypes that are followed. */
static const int CHAIN_MAX = 16;

static const char *const intl_classes[] = {"Collator", "DateTimeFormat", "DisplayNames",
	"DurationFormat", "ListFormat", "Locale", "NumberFormat", "PluralRules",
	"RelativeTimeFormat", "Segmenter"};

/* What an object is whose prototype has this id; "": the platform knows. */
typedef std::unordered_map<SnapshotObjectId, std::string> prototypes;

/* One node of the graph, and how it was reached. */
struct visit {
	const HeapGraphNode *node;
	const struct visit *from;
	const HeapGraphEdge *by;
};

static Local<Value> member(Local<Context> context, Local<Value> of, const char *name)
{
	Isolate *isolate = context->GetIsolate();
	Local<Value> value;

	if (!of->IsObject() || !of.As<Object>()
					->GetRealNamedProperty(context, js_text(isolate, name))
					.ToLocal(&value))
		return Undefined(isolate);
	return value;
}

static prototypes find_prototypes(struct engine *e)
{
	HeapProfiler *profiler = e->isolate->GetHeapProfiler();
	Local<Context> context = engine_context(e);
	Local<Value> intl = member(context, context->Global(), "Intl");
	Local<Value> ours = internal_get(e, "nativePrototype");
	prototypes ids;

	for (const char *name : intl_classes) {
		Local<Value> prototype = member(context, member(context, intl, name), "prototype");

		if (prototype->IsObject())
			ids[profiler->GetObjectId(prototype)] =
				std::string("an object of Intl.") + name;
	}
	if (ours->IsObject())
		ids[profiler->GetObjectId(ours)] = "";
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

/* What the platform says of an object of its own. */
static std::string platform_name(struct engine *e, const HeapGraphNode *node)
{
	Local<Value> value = e->isolate->GetHeapProfiler()->FindObjectById(node->GetId());
	TryCatch caught(e->isolate);
	Local<Value> said;

	return !value.IsEmpty() && call_internal(e, "nativePart", 1, &value).ToLocal(&said) &&
			       said->IsString()
		       ? c_text(e->isolate, said)
		       : "";
}

/* "" when it can be kept. */
static std::string native_name(struct engine *e, const prototypes &ids, const HeapGraphNode *node)
{
	const HeapGraphNode *at = node;

	/* A prototype itself is as good as any object. */
	if (ids.count(node->GetId()))
		return "";
	for (int i = 0; i < CHAIN_MAX && (at = prototype_of(at, e->isolate)); i++) {
		auto known = ids.find(at->GetId());

		if (known != ids.end())
			return known->second.empty() ? platform_name(e, node) : known->second;
	}
	return "";
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

		if (v->node->GetType() == HeapGraphNode::kObject)
			*ret_what = native_name(e, ids, v->node);
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
