/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one value that follows the flow of JavaScript through its promises. What it
 * is made of is aworker/js/async_context.js's business.
 */
#include "aworker/ops/ops.h"

/* asyncFrame(): what asyncSetFrame() has set for what runs now, or undefined */
static int op_async_frame(struct op_call *call)
{
	op_ret_continuation(call);
	return 0;
}

/* asyncSetFrame(value) */
static int op_async_set_frame(struct op_call *call)
{
	op_set_continuation(call, 0);
	return 0;
}

const struct engine_op ops_async[] = {
	{"asyncFrame", op_async_frame},
	{"asyncSetFrame", op_async_set_frame},
	{NULL, NULL},
};
