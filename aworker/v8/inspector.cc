/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debugger's side of V8: one context, sessions that speak the Chrome DevTools
 * Protocol. Where the messages come from is the host's (aworker/inspect/inspect.c).
 *
 * The platform has a console of its own, V8 another one that only tells the sessions. While
 * an inspector is there each method of the former calls the latter too, from C++, so
 * that the top frame of what a client sees is the user's line.
 */
#include <map>
#include <v8-inspector.h>
#include <v8-profiler.h>

#include "aworker/v8/engine.h"
#include "aworker/v8/engine_priv.h"

using namespace v8;
using v8_inspector::StringBuffer;
using v8_inspector::StringView;
using v8_inspector::V8ContextInfo;
using v8_inspector::V8Inspector;
using v8_inspector::V8InspectorClient;
using v8_inspector::V8InspectorSession;

static const int GROUP = 1;

static StringView view_of(const std::string &s)
{
	return StringView((const uint8_t *)s.data(), s.size());
}

/* A view of UTF-16 that holds ASCII most of the time. */
static std::string ascii_of(const StringView &view)
{
	std::string text(view.length(), '?');

	for (size_t i = 0; i < view.length(); i++) {
		unsigned c = view.is8Bit() ? view.characters8()[i] : view.characters16()[i];

		if (c < 0x80)
			text[i] = (char)c;
	}
	return text;
}

namespace
{

class channel final : public V8Inspector::Channel
{
      public:
	channel(const struct engine_inspector_host *host, uint32_t id) : host_(host), id_(id)
	{
	}

	/* V8 writes JSON with everything beyond ASCII escaped. */
	void sendResponse(int, std::unique_ptr<StringBuffer> message) override
	{
		send(message->string());
	}

	void sendNotification(std::unique_ptr<StringBuffer> message) override
	{
		send(message->string());
	}

	void flushProtocolNotifications() override
	{
	}

      private:
	void send(const StringView &message)
	{
		std::string json = ascii_of(message);

		host_->send(host_->data, id_, json.data(), json.size());
	}

	const struct engine_inspector_host *host_;
	uint32_t id_;
};

class client final : public V8InspectorClient
{
      public:
	client(struct engine *e, const struct engine_inspector_host &h) : host(h), e_(e)
	{
	}

	void runMessageLoopOnPause(int) override
	{
		host.pause(host.data);
	}

	void quitMessageLoopOnPause() override
	{
		host.resume(host.data);
	}

	void runIfWaitingForDebugger(int) override
	{
		host.run(host.data);
	}

	Local<Context> ensureDefaultContextInGroup(int) override
	{
		return engine_context(e_);
	}

	double currentTimeMS() override
	{
		return engine_platform()->CurrentClockTimeMillis();
	}

	/* Tools find a file by its URL. */
	std::unique_ptr<StringBuffer> resourceNameToUrl(const StringView &name) override
	{
		std::string path;

		if (name.length() == 0 ||
			(name.is8Bit() ? name.characters8()[0] : name.characters16()[0]) != '/')
			return nullptr;
		path = name_url(utf8_of(name));
		return StringBuffer::create(view_of(path));
	}

	void startRepeatingTimer(double seconds, TimerCallback fn, void *data) override
	{
		timers[data] = fn;
		host.tick_every(host.data, seconds * 1e3);
	}

	void cancelTimer(void *data) override
	{
		timers.erase(data);
		if (timers.empty())
			host.tick_every(host.data, 0);
	}

	const struct engine_inspector_host host;
	std::map<void *, TimerCallback> timers;

      private:
	std::string utf8_of(const StringView &view)
	{
		HandleScope scope(e_->isolate);
		MaybeLocal<String> s =
			view.is8Bit() ? String::NewFromOneByte(e_->isolate, view.characters8(),
						NewStringType::kNormal, (int)view.length())
				      : String::NewFromTwoByte(e_->isolate, view.characters16(),
						NewStringType::kNormal, (int)view.length());
		Local<String> text;

		return s.ToLocal(&text) ? c_text(e_->isolate, text) : "";
	}

	struct engine *e_;
};

} // namespace

struct session {
	std::unique_ptr<channel> to_client;
	std::unique_ptr<V8InspectorSession> v8;
	unsigned running = 0; /* messages that are being carried out */
	bool gone = false;
};

struct inspector {
	inspector(struct engine *e, const struct engine_inspector_host &host) : of_host(e, host)
	{
	}

	client of_host;
	std::unique_ptr<V8Inspector> v8;
	std::map<uint32_t, struct session> sessions;
};

/* --- console --- */

/* Data: [method of V8's console, method of ours]. */
static void console_call(const FunctionCallbackInfo<Value> &info)
{
	Isolate *isolate = info.GetIsolate();
	Local<Context> context = isolate->GetCurrentContext();
	Local<Object> pair = info.Data().As<Object>();
	std::vector<Local<Value>> args((size_t)info.Length());
	Local<Value> fn, result;

	for (int i = 0; i < info.Length(); i++)
		args[(size_t)i] = info[i];
	for (uint32_t i = 0; i < 2; i++) {
		if (!pair->Get(context, i).ToLocal(&fn) || !fn->IsFunction())
			continue;
		if (!fn.As<Function>()
				->Call(context, info.This(), info.Length(), args.data())
				.ToLocal(&result))
			return;
	}
}

static Local<Object> console_of(Local<Context> context, Local<Object> owner)
{
	Isolate *isolate = context->GetIsolate();
	Local<Value> console;

	if (!owner->Get(context, js_text(isolate, "console")).ToLocal(&console) ||
		!console->IsObject())
		return Local<Object>();
	return console.As<Object>();
}

static void wrap_method(
	Local<Context> context, Local<Object> ours, Local<Object> v8s, Local<Value> name)
{
	Isolate *isolate = context->GetIsolate();
	Local<Value> pair[2];
	Local<Function> both;

	if (!v8s->Get(context, name).ToLocal(&pair[0]) || !pair[0]->IsFunction() ||
		!ours->Get(context, name).ToLocal(&pair[1]))
		return;
	/* What only a debugger knows: profile, profileEnd, timeStamp. */
	if (!pair[1]->IsFunction()) {
		ours->Set(context, name, pair[0]).FromMaybe(false);
		return;
	}
	if (!Function::New(context, console_call, Array::New(isolate, pair, 2), 0,
		    ConstructorBehavior::kThrow)
			.ToLocal(&both))
		return;
	both->SetName(name.As<String>());
	ours->Set(context, name, both).FromMaybe(false);
}

static void wrap_console(struct engine *e)
{
	Local<Context> context = engine_context(e);
	TryCatch caught(e->isolate);
	Local<Object> ours = console_of(context, context->Global());
	Local<Object> v8s = console_of(context, context->GetExtrasBindingObject());
	Local<Array> names;

	if (ours.IsEmpty() || v8s.IsEmpty() ||
		!v8s->GetOwnPropertyNames(context, ALL_PROPERTIES).ToLocal(&names))
		return;
	for (uint32_t i = 0; i < names->Length(); i++) {
		Local<Value> name;

		if (names->Get(context, i).ToLocal(&name) && name->IsString())
			wrap_method(context, ours, v8s, name);
	}
}

/* --- life --- */

void engine_inspector_open(
	struct engine *e, const struct engine_inspector_host *host, const char *title)
{
	call_scope scope(e);
	Local<Context> context = engine_context(e);
	std::string name = title;
	struct inspector *in = new inspector(e, *host);

	assert(!e->inspector);
	in->v8 = V8Inspector::create(e->isolate, &in->of_host);
	V8ContextInfo info(context, GROUP, view_of(name));
	std::string aux = "{\"isDefault\":true}";
	info.auxData = view_of(aux);
	in->v8->contextCreated(info);
	e->inspector = in;
	if (host->console)
		wrap_console(e);
}

void engine_inspector_close(struct engine *e)
{
	struct inspector *in = e->inspector;

	if (!in)
		return;
	call_scope scope(e);
	in->sessions.clear();
	e->inspector = nullptr;
	delete in;
}

/* Who may connect may run any code (inspect.c); newer versions of V8 ask. */
static std::unique_ptr<V8InspectorSession> session_of(V8Inspector *v8, V8Inspector::Channel *to)
{
#if V8_MAJOR_VERSION > 10 || V8_MINOR_VERSION >= 5
	return v8->connect(GROUP, to, StringView(), V8Inspector::kFullyTrusted);
#else
	return v8->connect(GROUP, to, StringView());
#endif
}

void engine_inspector_connect(struct engine *e, uint32_t id)
{
	call_scope scope(e);
	struct inspector *in = e->inspector;
	struct session *s = &in->sessions[id];

	s->to_client = std::make_unique<channel>(&in->of_host.host, id);
	s->v8 = session_of(in->v8.get(), s->to_client.get());
}

void engine_inspector_disconnect(struct engine *e, uint32_t id)
{
	call_scope scope(e);
	struct inspector *in = e->inspector;
	auto found = in->sessions.find(id);

	if (found == in->sessions.end())
		return;
	/* One that stands at a breakpoint in the code of its own message ends with that. */
	if (found->second.running > 0) {
		found->second.gone = true;
		found->second.v8->setSkipAllPauses(true);
		found->second.v8->resume(true);
		return;
	}
	in->sessions.erase(found);
}

void engine_inspector_message(struct engine *e, uint32_t id, const char *json, size_t len)
{
	call_scope scope(e);
	struct inspector *in = e->inspector;
	auto found = in->sessions.find(id);

	if (found == in->sessions.end() || found->second.gone)
		return;
	found->second.running++;
	found->second.v8->dispatchProtocolMessage(StringView((const uint8_t *)json, len));
	/* The map may have changed meanwhile, but this session is there. */
	found = in->sessions.find(id);
	if (--found->second.running == 0 && found->second.gone)
		in->sessions.erase(found);
}

void engine_inspector_break(struct engine *e)
{
	std::string reason = "Break on start";

	for (auto &entry : e->inspector->sessions)
		entry.second.v8->schedulePauseOnNextStatement(view_of(reason), StringView());
}

void engine_inspector_finished(struct engine *e)
{
	call_scope scope(e);

	e->inspector->v8->contextDestroyed(engine_context(e));
}

void engine_inspector_tick(struct engine *e)
{
	call_scope scope(e);

	if (!e->inspector)
		return;
	/* A callback may cancel itself. */
	std::map<void *, V8InspectorClient::TimerCallback> timers = e->inspector->of_host.timers;
	for (auto &timer : timers)
		timer.second(timer.first);
}

/* --- what happens in JavaScript --- */

void inspector_exception(struct engine *e, Local<Value> exception, Local<Message> message)
{
	struct inspector *in = e->inspector;
	Local<Context> context = engine_context(e);
	std::string url, text = "Uncaught", detail;
	Local<StackTrace> trace;
	int script = 0, line = 0, column = 0;

	if (!in)
		return;
	if (!message.IsEmpty()) {
		trace = message->GetStackTrace();
		detail = c_text(e->isolate, message->Get());
		url = c_text(e->isolate, message->GetScriptOrigin().ResourceName());
		script = message->GetScriptOrigin().ScriptId();
		line = message->GetLineNumber(context).FromMaybe(0);
		column = message->GetStartColumn(context).FromMaybe(0) + 1;
	}
	if (trace.IsEmpty() && exception->IsNativeError())
		trace = Exception::GetStackTrace(exception);
	in->v8->exceptionThrown(context, view_of(text), exception, view_of(detail), view_of(url),
		(unsigned)line, (unsigned)column, in->v8->createStackTrace(trace), script);
}

void engine_async_scheduled(struct engine *e, const char *name, uintptr_t task)
{
	if (e->inspector)
		e->inspector->v8->asyncTaskScheduled(view_of(name), (void *)task, false);
}

void engine_async_started(struct engine *e, uintptr_t task)
{
	if (e->inspector)
		e->inspector->v8->asyncTaskStarted((void *)task);
}

void engine_async_finished(struct engine *e, uintptr_t task)
{
	if (e->inspector)
		e->inspector->v8->asyncTaskFinished((void *)task);
}

void engine_async_canceled(struct engine *e, uintptr_t task)
{
	if (e->inspector)
		e->inspector->v8->asyncTaskCanceled((void *)task);
}
