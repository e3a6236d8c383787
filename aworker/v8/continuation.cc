/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The value that goes with the flow of JavaScript. V8 takes it down for each
 * reaction of a promise, sets it while that reaction runs and leaves undefined
 * behind. A reaction that took down undefined runs with whatever is there, so
 * that from the first use on the value is null when there is none.
 */
#include "aworker/v8/engine.h"

#include "aworker/v8/engine_priv.h"

using namespace v8;

/* What the last call from C has left is not for the next one. */
void continuation_reset(struct engine *e)
{
	if (e->continuations && e->depth == 1)
		engine_context(e)->SetContinuationPreservedEmbedderData(Null(e->isolate));
}

void op_ret_continuation(struct op_call *call)
{
	op_ret(call, engine_context(op_engine(call))->GetContinuationPreservedEmbedderData());
}

void op_set_continuation(struct op_call *call, int i)
{
	struct engine *e = op_engine(call);

	e->continuations = true;
	engine_context(e)->SetContinuationPreservedEmbedderData(op_value(call, i));
}
