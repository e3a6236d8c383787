/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no startup snapshot can hold, and where it is. V8 ends the process over an object that
 * refers to memory outside of its heap: of WebAssembly, of ICU. So all that can be reached is looked
 * at before, as a debugger would do it, the shortest way first.
 */
#include "aworker/v8/engine.h"

#include <deque>
#include <unordered_map>

#include <v8-profiler.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* How much of a way is told: its end says most. */
static const size_t STEPS_MAX = 8;

/* Their instances, and those of classes that extend them, have a part in C++. */
static const char *const native_classes[][2] = {
	{"WebAssembly", "Module"},
	{"WebAssembly", "Instance"},
	{"WebAssembly", "Memory"},
	{"WebAssembly", "Table"},
	{"WebAssembly", "Global"},
	{"WebAssembly", "Tag"},
	{"WebAssembly", "Exception"},
	{"Intl", "Collator"},
	{"Intl", "DateTimeFormat"},
	{"Intl", "DisplayNames"},
	{"Intl", "DurationFormat"},
	{"Intl", "ListFormat"},
	{"Intl", "Locale"},
	{"Intl", "NumberFormat"},
	{"Intl", "PluralRules"},
	{"Intl", "RelativeTimeFormat"},
	{"Intl", "Segmenter"},
};

struct native_class {
	std::string name;
	Local<Value> prototype;
};

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

static std::vector<struct native_class> find_classes(struct engine *e)
{
	std::vector<struct native_class> classes;
	Local<Context> context = engine_context(e);

	for (const char *const *name : native_classes) {
		Local<Value> space = member(context, context->Global(), name[0]);
		Local<Value> prototype =
			member(context, member(context, space, name[1]), "prototype");

		if (prototype->IsObject())
			classes.push_back({std::string(name[0]) + "." + name[1], prototype});
	}
	return classes;
}

/* Its name; "" when it is none of them. */
static std::string native_name(
	const std::vector<struct native_class> &classes, Local<Context> context, Local<Value> v)
{
	Local<Value> at;

	if (!v->IsObject() || v->IsProxy())
		return v->IsWasmModuleObject() ? "a WebAssembly.Module" : "";
	if (v->IsSharedArrayBuffer())
		return "a SharedArrayBuffer";
	for (const struct native_class &c : classes)
		if (v == c.prototype)
			return "";
	for (at = v.As<Object>()->GetPrototype(); at->IsObject() && !at->IsProxy();
		at = at.As<Object>()->GetPrototype())
		for (const struct native_class &c : classes)
			if (at == c.prototype)
				return "an object of " + c.name;
	/* Whose prototype was taken away. */
	if (v->IsWasmModuleObject() || v->IsWasmMemoryObject())
		return "an object of WebAssembly";
	return "";
}

/* What the platform says of it. */
static std::string platform_name(struct engine *e, Local<Value> v)
{
	TryCatch caught(e->isolate);
	Local<Value> said;

	return call_internal(e, "nativePart", 1, &v).ToLocal(&said) && said->IsString()
		       ? c_text(e->isolate, said)
		       : "";
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
	const std::vector<struct native_class> &classes, std::string *ret_what)
{
	HeapProfiler *profiler = e->isolate->GetHeapProfiler();
	std::unordered_map<SnapshotObjectId, bool> seen;

	/* A deque, since its elements stay where they are while it grows. */
	for (size_t i = 0; i < visits->size(); i++) {
		const struct visit *v = &(*visits)[i];
		HandleScope scope(e->isolate);

		if (v->node->GetType() == HeapGraphNode::kObject) {
			Local<Value> value = profiler->FindObjectById(v->node->GetId());

			if (!value.IsEmpty())
				*ret_what = native_name(classes, engine_context(e), value);
			if (!value.IsEmpty() && ret_what->empty())
				*ret_what = platform_name(e, value);
			if (!ret_what->empty())
				return v;
		}
		for (int n = 0; n < v->node->GetChildrenCount(); n++) {
			const HeapGraphEdge *edge = v->node->GetChild(n);

			if (edge->GetType() != HeapGraphEdge::kWeak &&
				seen.emplace(edge->GetToNode()->GetId(), true).second)
				visits->push_back({edge->GetToNode(), v, edge});
		}
	}
	return nullptr;
}

std::string reach_unkept(struct engine *e, std::string *ret_what)
{
	call_scope scope(e);
	HeapProfiler *profiler = e->isolate->GetHeapProfiler();
	std::vector<struct native_class> classes = find_classes(e);
	const HeapSnapshot *graph = profiler->TakeHeapSnapshot();
	std::deque<struct visit> visits = {{graph->GetRoot(), nullptr, nullptr}};
	const struct visit *found = find_native(e, &visits, classes, ret_what);
	std::string where = found ? way(e->isolate, found) : "";

	const_cast<HeapSnapshot *>(graph)->Delete();
	profiler->ClearObjectIds();
	return where;
}
