/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong in JavaScript, as text for people: "file:line:column: Error:
 * ..." and the lines of the stack. Frames of the platform's own scripts stay in
 * the stack but never name the place of an error: that is the user's line which
 * led there. Also the book-keeping of promises rejected without a handler.
 */
#include "aworker/v8/engine.h"

#include <stdio.h>

#include "aworker/v8/engine_priv.h"

using namespace v8;

static const int CAUSE_DEPTH_MAX = 4;
static const size_t SOURCE_LINE_MAX = 160;
static const size_t JSON_TEXT_MAX = 200;
static const int REJECTION_FRAMES_MAX = 8;
/* Of current_stack(): as many as an error has. */
static const int STACK_FRAMES_MAX = 10;
/* A listener that rejects anew each time must not hang the loop's turn. */
static const int REJECTION_ROUNDS_MAX = 100;

/* The first line for a value: no code of the user runs where V8 can do without. */
static std::string value_text(struct engine *e, Local<Value> value)
{
	Local<Context> context = engine_context(e);
	TryCatch caught(e->isolate);
	Local<String> s;
	std::string text;

	if (value->ToDetailString(context).ToLocal(&s))
		text = c_text(e->isolate, s);
	if (!value->IsObject() || text.rfind("#<", 0) != 0)
		return text;
	/* An object: its own toString() if it has one, else its fields. */
	if (value->ToString(context).ToLocal(&s)) {
		std::string own = c_text(e->isolate, s);

		if (own != "[object Object]")
			return own;
	}
	if (JSON::Stringify(context, value).ToLocal(&s)) {
		std::string json = c_text(e->isolate, s);

		if (json.size() > 2 && json.size() <= JSON_TEXT_MAX)
			return text + " " + json;
	}
	return text;
}

static bool is_platform_file(const std::string &file)
{
	return file.rfind(ENGINE_PLATFORM_PREFIX, 0) == 0;
}

/* The place in one line of a stack, "    at f (file:1:2)" or "    at file:1:2"; "" if none. */
static std::string frame_place(const std::string &line)
{
	size_t open = line.rfind(" (");
	std::string place;

	if (line.rfind("    at ", 0) != 0)
		return "";
	if (open != std::string::npos && line.back() == ')')
		place = line.substr(open + 2, line.size() - open - 3);
	else
		place = line.substr(7);
	if (place.rfind("async ", 0) == 0)
		place = place.substr(6);
	if (is_platform_file(place) || place.find(':') == std::string::npos ||
		place.find('<') != std::string::npos)
		return "";
	return place;
}

std::string stack_place(const std::string &stack)
{
	size_t from = 0;

	while (from < stack.size()) {
		size_t end = stack.find('\n', from);
		std::string place;

		if (end == std::string::npos)
			end = stack.size();
		place = frame_place(stack.substr(from, end - from));
		if (!place.empty())
			return place;
		from = end + 1;
	}
	return "";
}

static std::string message_place(struct engine *e, Local<Message> message)
{
	Local<Context> context = engine_context(e);
	std::string file;
	int line;

	if (message.IsEmpty() || !message->GetScriptOrigin().ResourceName()->IsString())
		return "";
	file = c_text(e->isolate, message->GetScriptOrigin().ResourceName());
	line = message->GetLineNumber(context).FromMaybe(0);
	if (file.empty() || is_platform_file(file) || line <= 0)
		return "";
	return file + ":" + std::to_string(line) + ":" +
	       std::to_string(message->GetStartColumn(context).FromMaybe(0) + 1);
}

/* The frames of error.stack without the line(s) that repeat the message. */
static std::string error_frames(struct engine *e, Local<Value> exception)
{
	TryCatch caught(e->isolate);
	Local<Value> value;
	std::string stack;
	size_t frames;

	if (!exception->IsObject() ||
		!exception.As<Object>()
			 ->Get(engine_context(e), js_text(e->isolate, "stack"))
			 .ToLocal(&value) ||
		!value->IsString())
		return "";
	stack = c_text(e->isolate, value);
	frames = stack.find("\n    at ");
	return frames == std::string::npos ? "" : stack.substr(frames + 1);
}

/* A syntax error has no frame of its own: the line it is in says more. */
static std::string source_excerpt(struct engine *e, Local<Message> message)
{
	Local<Context> context = engine_context(e);
	Local<String> source;
	std::string text, marker;
	int start, end;

	if (message.IsEmpty() || !message->GetSourceLine(context).ToLocal(&source))
		return "";
	text = c_text(e->isolate, source);
	start = message->GetStartColumn(context).FromMaybe(0);
	end = message->GetEndColumn(context).FromMaybe(start + 1);
	if (text.empty() || text.size() > SOURCE_LINE_MAX || (size_t)end > text.size())
		return "";
	for (int i = 0; i < start; i++)
		marker += text[(size_t)i] == '\t' ? '\t' : ' ';
	marker.append((size_t)(end > start ? end - start : 1), '^');
	return "    " + text + "\n    " + marker;
}

static std::string cause_chain(struct engine *e, Local<Value> exception)
{
	TryCatch caught(e->isolate);
	Local<String> key = js_text(e->isolate, "cause");
	std::string text;

	for (int i = 0; i < CAUSE_DEPTH_MAX && exception->IsNativeError(); i++) {
		Local<Object> error = exception.As<Object>();
		std::string frames;

		if (!error->HasOwnProperty(engine_context(e), key).FromMaybe(false) ||
			!error->Get(engine_context(e), key).ToLocal(&exception))
			break;
		frames = error_frames(e, exception);
		text += "\nCaused by: " + value_text(e, exception);
		if (!frames.empty())
			text += "\n" + frames;
	}
	return text;
}

struct failure describe(
	struct engine *e, Local<Value> exception, Local<Message> message, const std::string &where)
{
	struct failure f;
	std::string place;

	f.message = value_text(e, exception);
	f.stack = error_frames(e, exception);
	/* V8's message knows where it was thrown, the stack where it was made. */
	if (f.message.rfind("SyntaxError", 0) != 0)
		place = stack_place(f.stack);
	if (place.empty())
		place = message_place(e, message);
	if (place.empty())
		place = stack_place(f.stack);
	if (place.empty())
		place = where;
	if (!exception->IsNativeError() && !exception->IsObject())
		f.message = "Uncaught " + f.message;
	if (!place.empty())
		f.message = place + ": " + f.message;
	if (exception->IsNativeError() && f.stack.empty())
		f.stack = source_excerpt(e, message);
	f.stack += cause_chain(e, exception);
	if (!f.stack.empty() && f.stack[0] == '\n')
		f.stack.erase(0, 1);
	return f;
}

static void tell_host(struct engine *e, const struct failure &f)
{
	if (e->options.host.uncaught)
		e->options.host.uncaught(e->options.host.data, f.message.c_str(), f.stack.c_str());
}

void report_uncaught(
	struct engine *e, Local<Value> exception, Local<Message> message, const std::string &where)
{
	inspector_exception(e, exception, message);
	tell_host(e, describe(e, exception, message, where));
}

void report_exception(struct engine *e, Local<Value> exception, Local<Message> message)
{
	Local<Value> handled;

	if (call_internal(e, "reportException", 1, &exception).ToLocal(&handled) &&
		handled->IsTrue())
		return;
	report_uncaught(e, exception, message, "");
}

static std::string out_of_memory_text(struct engine *e)
{
	size_t limit = e->heap_max >> 20;

	e->out_of_memory_told = true;
	return std::string(e->exhausted) + " out of memory (limit " + std::to_string(limit) +
	       " MiB)";
}

void report_out_of_memory(struct engine *e)
{
	tell_host(e, {out_of_memory_text(e), ""});
}

int failure_err(struct engine *e, const TryCatch &caught, struct failure *ret, struct err *err)
{
	if (e->out_of_memory)
		return err_say(err, ENOMEM, "%s", out_of_memory_text(e).c_str());
	if (caught.HasTerminated() || caught.Exception().IsEmpty())
		return err_say(err, EINTR, "stopped");
	*ret = describe(e, caught.Exception(), caught.Message(), "");
	return err_say(err, EINVAL, "%s", ret->message.c_str());
}

/* What V8 reports by itself: microtasks and finalizers that throw, outside of any TryCatch. */
static void on_message(Local<Message> message, Local<Value> exception)
{
	struct engine *e = engine_of(message->GetIsolate());

	report_exception(e, exception, message);
}

/* Where JavaScript is now, outside of the platform's own scripts. */
static std::string frame_text(Isolate *isolate, Local<StackFrame> frame)
{
	Local<String> file = frame->GetScriptNameOrSourceURL(), function = frame->GetFunctionName();
	std::string place = (file.IsEmpty() ? "<anonymous>" : c_text(isolate, file)) + ":" +
			    std::to_string(frame->GetLineNumber()) + ":" +
			    std::to_string(frame->GetColumn());

	if (function.IsEmpty() || function->Length() == 0)
		return "    at " + place;
	return "    at " + c_text(isolate, function) + " (" + place + ")";
}

std::string current_stack(struct engine *e)
{
	HandleScope scope(e->isolate);
	Local<StackTrace> trace = StackTrace::CurrentStackTrace(e->isolate, STACK_FRAMES_MAX);
	std::string stack;

	for (int i = 0; i < trace->GetFrameCount(); i++)
		stack += (i ? "\n" : "") +
			 frame_text(e->isolate, trace->GetFrame(e->isolate, (uint32_t)i));
	return stack;
}

static std::string current_place(Isolate *isolate)
{
	Local<StackTrace> trace = StackTrace::CurrentStackTrace(isolate, REJECTION_FRAMES_MAX);

	for (int i = 0; i < trace->GetFrameCount(); i++) {
		Local<StackFrame> frame = trace->GetFrame(isolate, (uint32_t)i);
		Local<String> name = frame->GetScriptName();
		std::string file = name.IsEmpty() ? "" : c_text(isolate, name);

		if (!file.empty() && !is_platform_file(file))
			return file + ":" + std::to_string(frame->GetLineNumber()) + ":" +
			       std::to_string(frame->GetColumn());
	}
	return "";
}

static void on_handler_added(struct engine *e, Local<Promise> promise)
{
	struct rejection late;

	for (size_t i = 0; i < e->rejected.size(); i++) {
		if (e->rejected[i].promise != promise)
			continue;
		e->rejected.erase(e->rejected.begin() + (ptrdiff_t)i);
		return;
	}
	late.promise.Reset(e->isolate, promise);
	late.reason.Reset(e->isolate, promise->Result());
	e->handled_late.push_back(std::move(late));
}

static void on_reject(PromiseRejectMessage message)
{
	Local<Promise> promise = message.GetPromise();
	struct engine *e = engine_of(promise->GetIsolate());
	struct rejection r;

	if (message.GetEvent() == kPromiseHandlerAddedAfterReject) {
		on_handler_added(e, promise);
		return;
	}
	if (message.GetEvent() != kPromiseRejectWithNoHandler)
		return;
	r.promise.Reset(e->isolate, promise);
	r.reason.Reset(e->isolate, message.GetValue());
	if (!message.GetValue()->IsNativeError())
		r.where = current_place(e->isolate);
	e->rejected.push_back(std::move(r));
}

void errors_attach(struct engine *e)
{
	e->isolate->AddMessageListener(on_message);
	e->isolate->SetPromiseRejectCallback(on_reject);
}

/* V8 would put the listener's address into a snapshot. */
void errors_detach(struct engine *e)
{
	e->isolate->RemoveMessageListeners(on_message);
}

static void report_late(struct engine *e)
{
	std::vector<struct rejection> late;

	late.swap(e->handled_late);
	for (struct rejection &r : late) {
		HandleScope scope(e->isolate);
		Local<Value> argv[] = {r.promise.Get(e->isolate), r.reason.Get(e->isolate)};

		call_internal(e, "rejectionHandled", 2, argv);
	}
}

static void report_rejected(struct engine *e)
{
	/* Popped one by one: a listener called for one of them may handle the next one. */
	for (size_t n = e->rejected.size(); n > 0 && !e->rejected.empty(); n--) {
		HandleScope scope(e->isolate);
		struct rejection r = std::move(e->rejected.front());
		Local<Value> reason = r.reason.Get(e->isolate);
		Local<Value> argv[] = {r.promise.Get(e->isolate), reason};
		Local<Value> taken;

		e->rejected.pop_front();
		if (call_internal(e, "reportRejection", 2, argv).ToLocal(&taken) && taken->IsTrue())
			continue;
		report_uncaught(e, reason, Exception::CreateMessage(e->isolate, reason), r.where);
	}
}

void rejections_report(struct engine *e)
{
	for (int i = 0; i < REJECTION_ROUNDS_MAX; i++) {
		if (e->rejected.empty() && e->handled_late.empty())
			return;
		report_late(e);
		report_rejected(e);
		e->isolate->PerformMicrotaskCheckpoint();
	}
}
