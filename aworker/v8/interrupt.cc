/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running JavaScript is interrupted from a signal handler. V8 allocates memory for that, so it may
 * happen only while its own code runs, and never in the middle of malloc().
 */
#include "aworker/v8/engine_priv.h"

using namespace v8;

void engine_find_code(struct engine *e)
{
	struct code_ranges *c = &e->code;

	c->n = e->isolate->CopyCodePages(CODE_RANGES_MAX, c->ranges);
	if (c->n > CODE_RANGES_MAX)
		c->n = CODE_RANGES_MAX;
}

bool engine_is_in_code(struct engine *e, uintptr_t pc)
{
	for (size_t i = 0; i < e->code.n; i++) {
		uintptr_t start = (uintptr_t)e->code.ranges[i].start;

		if (pc >= start && pc - start < e->code.ranges[i].length_in_bytes)
			return true;
	}
	return false;
}

static void on_interrupt(Isolate *, void *data)
{
	const struct engine_interruption *i = (const struct engine_interruption *)data;

	i->fn(i->data);
}

void engine_interrupt(struct engine *e, struct engine_interruption *what)
{
	e->isolate->RequestInterrupt(on_interrupt, what);
}

void engine_where(struct engine *e, char **ret_place, char **ret_stack)
{
	HandleScope scope(e->isolate);
	std::string stack = current_stack(e);

	*ret_place = strdup(stack_place(stack).c_str());
	*ret_stack = strdup(stack.c_str());
}
