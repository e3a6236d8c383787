/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code that is typed at a prompt. V8 has a mode for the consoles of debuggers: let, const and class
 * may be declared anew, await is allowed outside of functions, and the value of the last
 * statement comes as the promise of a box. It is exported for the inspector, but has no public
 * header: what is declared here is the same in V8 10.2 and 11.3.
 */
#include "aworker/v8/engine.h"

#include <errno.h>

#include "aworker/v8/engine_priv.h"

namespace v8::debug
{
enum class EvaluateGlobalMode { kDefault, kDisableBreaks, kDisableBreaksAndThrowOnSideEffect };
MaybeLocal<Value> EvaluateGlobal(
	Isolate *isolate, Local<String> source, EvaluateGlobalMode mode, bool repl_mode);
} // namespace v8::debug

using namespace v8;

static MaybeLocal<Value> evaluate(struct engine *e, const std::string &text)
{
	Local<String> source;

	if (!js_string(e->isolate, text.data(), text.size()).ToLocal(&source))
		return MaybeLocal<Value>();
	return debug::EvaluateGlobal(e->isolate, source, debug::EvaluateGlobalMode::kDefault, true);
}

/* "{a: 1}" is meant as an object more often than as a block with a label. */
static bool is_object_literal(const std::string &text)
{
	size_t first = text.find_first_not_of(" \t\r\n");
	size_t last = text.find_last_not_of(" \t\r\n");

	return first != std::string::npos && text[first] == '{' && text[last] != ';';
}

/* The code is right as far as it goes. */
static bool is_incomplete(struct engine *e, const TryCatch &caught, const std::string &text)
{
	size_t last = text.find_last_not_of(" \t\r\n");
	std::string message;

	if (caught.HasTerminated() || caught.Message().IsEmpty())
		return false;
	message = c_text(e->isolate, caught.Message()->Get());
	if (message.find("SyntaxError: Unexpected end of input") != std::string::npos ||
		message.find("SyntaxError: Unterminated template literal") != std::string::npos)
		return true;
	return message.find("SyntaxError: missing ) after argument list") != std::string::npos &&
	       caught.Message()->GetEndPosition() > (int)last;
}

static MaybeLocal<Value> evaluate_as_object(struct engine *e, const std::string &text)
{
	TryCatch caught(e->isolate);
	MaybeLocal<Value> value = evaluate(e, "(" + text + "\n)");

	if (caught.HasTerminated())
		caught.ReThrow();
	return value;
}

int engine_repl(struct engine *e, const char *text, size_t len, char **ret_stack, struct err *err)
{
	call_scope scope(e);
	std::string code(text, len);
	TryCatch caught(e->isolate);
	Local<Value> promise;
	struct failure f;
	int rc;

	*ret_stack = nullptr;
	if ((is_object_literal(code) && evaluate_as_object(e, code).ToLocal(&promise)) ||
		evaluate(e, code).ToLocal(&promise)) {
		call_internal(e, "replResult", 1, &promise);
		return 0;
	}
	if (is_incomplete(e, caught, code))
		return err_say(err, EAGAIN, "the code goes on");
	rc = failure_err(e, caught, &f, err);
	if (!f.stack.empty())
		*ret_stack = strdup(f.stack.c_str());
	return rc;
}
