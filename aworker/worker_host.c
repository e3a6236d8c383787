/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine asks of its host: modules (modules.c), tasks, and a place for errors.
 */
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/*
 * A task that is due keeps the worker alive (WebAssembly compiles so); one for later is the
 * garbage collector's.
 */
static void host_wake(void *data, double delay_ms)
{
	struct worker *w = data;

	if (!w || !loop_is_open(&w->loop))
		return;
	if (delay_ms <= 0)
		loop_timer_start(&w->loop, &w->task_timer, 0);
	else
		loop_timer_start(&w->loop, &w->delayed_timer, (uint64_t)(delay_ms * 1e6));
}

static void host_uncaught(void *data, const char *message, const char *stack)
{
	struct worker *w = data;
	bool memory = w && w->engine && engine_out_of_memory(w->engine);

	worker_say_error(w, message, stack);
	report_of_error(w, message, stack);
	if (w && loop_is_open(&w->loop) && !w->repl)
		worker_exit(w, memory ? WORKER_EXIT_ENGINE : WORKER_EXIT_ERROR);
}

static void host_fatal(void *data, const char *message)
{
	worker_say("the engine cannot go on: %s", message);
	report_of_engine(data, message);
	_exit(WORKER_EXIT_ENGINE);
}

const struct engine_host worker_host = {
	.resolve = modules_resolve,
	.load = modules_load,
	.prefetch = modules_prefetch,
	.prefetch_wait = modules_prefetch_wait,
	.wake = host_wake,
	.uncaught = host_uncaught,
	.fatal = host_fatal,
};
