/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a graph of modules before it is linked: each is compiled when it
 * arrives, and what it imports is asked for then, so that all that can be read at
 * once is. An import() waits for its graph and lets the loop turn.
 *
 * What goes wrong here is left out: whoever links later meets it again, and knows
 * which import it was.
 */
#include "aworker/v8/engine.h"

#include "aworker/v8/engine_priv.h"

using namespace v8;

typedef std::shared_ptr<struct module_wait> wait_ptr;
typedef std::vector<Local<Module>> modules;

/* The module of that key is one of those that `wait` needs; a known one goes to `todo`. */
static void want(
	struct engine *e, const wait_ptr &wait, bool json, const std::string &name, modules *todo)
{
	struct engine_host *host = &e->options.host;
	struct module_map *map = &e->modules;
	const std::string key = module_key(json, name);

	if (!wait->seen.insert(key).second)
		return;
	auto known = map->by_key.find(key);
	if (known != map->by_key.end()) {
		todo->push_back(known->second.module.Get(e->isolate));
		return;
	}
	auto ticket = map->tickets.find(key);
	if (ticket == map->tickets.end()) {
		const uint64_t next = ++map->last_ticket;

		if (host->prefetch(host->data, name.c_str(), next) < 0)
			return;
		map->arrivals[next] = {name, json, {}};
		ticket = map->tickets.emplace(key, next).first;
	}
	map->arrivals[ticket->second].waits.push_back(wait);
	wait->missing++;
}

static void want_specifier(struct engine *e, const wait_ptr &wait, bool json,
	const std::string &specifier, const std::string &referrer, modules *todo)
{
	struct engine_host *host = &e->options.host;
	_cleanup_free_ char *name = nullptr;
	struct err err = ERR_INIT;

	if (host->resolve(host->data, specifier.c_str(), referrer.c_str(), &name, &err) == 0)
		want(e, wait, json, name, todo);
}

static void want_imports(
	struct engine *e, const wait_ptr &wait, Local<Module> module, modules *todo)
{
	struct module_entry *entry = module_entry_of(e, module);
	Local<FixedArray> requests;

	if (!entry || module->GetStatus() != Module::kUninstantiated ||
		!module->IsSourceTextModule())
		return;
	requests = module->GetModuleRequests();
	for (int i = 0; i < requests->Length(); i++) {
		Local<ModuleRequest> request =
			requests->Get(engine_context(e), i).As<ModuleRequest>();
		TryCatch caught(e->isolate);
		bool json;

		if (module_assertions(
			    e, request->GetImportAssertions(), STATIC_ASSERTION_LEN, &json))
			want_specifier(e, wait, json, c_text(e->isolate, request->GetSpecifier()),
				entry->name, todo);
	}
}

static void want_all(struct engine *e, const wait_ptr &wait, modules *todo)
{
	while (!todo->empty()) {
		Local<Module> module = todo->back();

		todo->pop_back();
		want_imports(e, wait, module, todo);
	}
}

void graph_read(struct engine *e, Local<Module> module)
{
	struct engine_host *host = &e->options.host;
	wait_ptr wait = std::make_shared<struct module_wait>();
	modules todo{module};

	if (!host->prefetch)
		return;
	want_all(e, wait, &todo);
	while (wait->missing > 0)
		host->prefetch_wait(host->data);
}

/* --- import() --- */

MaybeLocal<Promise> graph_import(
	struct engine *e, const std::string &specifier, const std::string &referrer, bool json)
{
	Local<Context> context = engine_context(e);
	struct engine_host *host = &e->options.host;
	Local<Promise::Resolver> promise;
	modules todo;

	if (!host->prefetch || !host->resolve)
		return MaybeLocal<Promise>();
	wait_ptr wait = std::make_shared<struct module_wait>();
	want_specifier(e, wait, json, specifier, referrer, &todo);
	want_all(e, wait, &todo);
	if (wait->missing == 0 || !Promise::Resolver::New(context).ToLocal(&promise))
		return MaybeLocal<Promise>();
	wait->promise.Reset(e->isolate, promise);
	wait->continuation.Reset(e->isolate, context->GetContinuationPreservedEmbedderData());
	wait->specifier = specifier;
	wait->referrer = referrer;
	wait->stack = "\n" + current_stack(e);
	wait->json = json;
	return promise->GetPromise();
}

static bool has_stack(struct engine *e, Local<Value> exception)
{
	Local<Value> stack;

	return exception->IsNativeError() &&
	       exception.As<Object>()
		       ->Get(engine_context(e), js_text(e->isolate, "stack"))
		       .ToLocal(&stack) &&
	       c_text(e->isolate, stack).find("\n    at ") != std::string::npos;
}

static void end_import(struct engine *e, struct module_wait *wait)
{
	Local<Context> context = engine_context(e);
	Local<Promise::Resolver> promise = wait->promise.Get(e->isolate);
	TryCatch caught(e->isolate);
	Local<Promise> imported;

	if (e->continuations)
		context->SetContinuationPreservedEmbedderData(wait->continuation.Get(e->isolate));
	if (module_import(e, wait->specifier, wait->referrer, wait->json).ToLocal(&imported)) {
		promise->Resolve(context, imported).FromMaybe(false);
	} else if (!caught.HasTerminated()) {
		/* A syntax error knows its place in the imported file already. */
		if (!has_stack(e, caught.Exception()) &&
			!caught.Message()->GetScriptOrigin().ResourceName()->IsString())
			module_set_stack(e, caught.Exception(), wait->stack);
		promise->Reject(context, caught.Exception()).FromMaybe(false);
	}
	continuation_reset(e);
}

/* Empty where that is not possible. */
static Local<Module> compile(struct engine *e, const struct module_arrival &arrival,
	enum engine_module_type type, const struct buf *source)
{
	TryCatch caught(e->isolate);

	return module_make(e, arrival.name, arrival.name, arrival.json, type, source)
		.FromMaybe(Local<Module>());
}

void engine_module_arrived(
	struct engine *e, uint64_t ticket, enum engine_module_type type, const struct buf *source)
{
	call_scope scope(e);
	auto found = e->modules.arrivals.find(ticket);
	struct module_arrival arrival;
	Local<Module> module;

	if (found == e->modules.arrivals.end())
		return;
	arrival = std::move(found->second);
	e->modules.arrivals.erase(found);
	e->modules.tickets.erase(module_key(arrival.json, arrival.name));
	module = source ? compile(e, arrival, type, source) : Local<Module>();
	for (const wait_ptr &wait : arrival.waits) {
		modules todo;

		if (!module.IsEmpty())
			todo.push_back(module);
		want_all(e, wait, &todo);
		if (--wait->missing == 0 && !wait->promise.IsEmpty())
			end_import(e, wait.get());
	}
}
