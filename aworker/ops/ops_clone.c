/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the engine knows of values: their kind, what is inside, and copies of
 * what is built in. structuredClone() and console are made from it in JavaScript.
 */
#include "aworker/ops/ops.h"

#include <unistd.h>

/* clone(value[, transfer]): by the engine's own serialiser */
static int op_clone(struct op_call *call)
{
	return op_ret_structured_clone(call, 0, op_arg_is_nullish(call, 1) ? -1 : 1);
}

/* valueKind(value): enum engine_kind */
static int op_value_kind(struct op_call *call)
{
	op_ret_f64(call, op_arg_kind(call, 0));
	return 0;
}

/* valueInside(value): see op_ret_inside() */
static int op_value_inside(struct op_call *call)
{
	op_ret_inside(call, 0);
	return 0;
}

/* namedKeys(object, hidden): see op_ret_named_keys() */
static int op_named_keys(struct op_call *call)
{
	bool hidden;

	if (op_arg_bool(call, 1, &hidden) < 0)
		return -1;
	op_ret_named_keys(call, 0, hidden);
	return 0;
}

/* isTerminal(fd) */
static int op_is_terminal(struct op_call *call)
{
	int64_t fd;

	if (op_arg_i64(call, 0, &fd) < 0)
		return -1;
	op_ret_bool(call, isatty((int)fd) == 1);
	return 0;
}

const struct engine_op ops_clone[] = {
	{"clone", op_clone},
	{"valueKind", op_value_kind},
	{"valueInside", op_value_inside},
	{"namedKeys", op_named_keys},
	{"isTerminal", op_is_terminal},
	{NULL, NULL},
};
