/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timer of this thread's processor time raises a signal: no other thread is needed, a request costs
 * no system call, and a worker that waits is not woken. A task is as old as the first tick that saw it,
 * so it may take up to a tick more than its limit, and never less.
 *
 * In order of urgency, once a limit is reached:
 * 1. The loop comes back by itself, and the worker ends.
 * 2. V8 is asked to interrupt JavaScript, says where that is, and stops it. Asking takes memory, so it is
 *    done only where the signal has found code of V8's making.
 * 3. STOP_NS later it is stopped without that.
 * 4. DEAD_NS later the process ends by itself: native code does not come back, be it V8's that sorts
 *    or copies, or ours.
 *
 * A handler has no argument: what it needs is static. It is empty while no worker is open, so a copy of the
 * process, which has not inherited the timer either, begins anew.
 */
#include "aworker/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "aworker/signals.h"
#include "aworker/stack.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Ticks within the limit of a task. */
#define TICKS_A_TASK 4
/* Between those of a worker that has to end, and how long it may take for that. */
#define URGENT_NS (5 * NS_PER_MS)
#define STOP_NS	  (50 * NS_PER_MS)
#define DEAD_NS	  (250 * NS_PER_MS)

#define SENTENCE_MAX 128

enum limit { LIMIT_NONE, LIMIT_TASK, LIMIT_CPU };

static const int exit_codes[] = {[LIMIT_TASK] = WORKER_EXIT_TASK, [LIMIT_CPU] = WORKER_EXIT_CPU};

static struct {
	struct worker *worker; /* NULL: not open, or it ends already */
	timer_t timer;
	uint64_t task_ns, cpu_ns; /* the limits; 0: none */
	uint64_t began_ns;	  /* processor time when it was opened */
	volatile sig_atomic_t tasks;
	sig_atomic_t task_seen; /* the handler's, like what follows */
	uint64_t task_began_ns;
	volatile sig_atomic_t reached; /* enum limit */
	uint64_t reached_ns;
	struct engine_interruption interruption;
	bool interrupts;
	char *place, *stack; /* where JavaScript was interrupted */
	char sentences[LIMIT_CPU + 1][SENTENCE_MAX];
} state;

static uint64_t processor_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void arm(uint64_t ns)
{
	const struct itimerspec next = {
		.it_value = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)}};

	timer_settime(state.timer, 0, &next, NULL);
}

/* Until the next look at a worker that has used `used_ns`. */
static uint64_t next_tick(uint64_t used_ns)
{
	uint64_t task = state.task_ns / TICKS_A_TASK;
	uint64_t rest = state.cpu_ns - used_ns;

	return task && (!state.cpu_ns || task < rest) ? task : rest;
}

static void on_interrupted(void *data UNUSED)
{
	if (!state.worker || !state.reached)
		return;
	if (!state.stack)
		engine_where(state.worker->engine, &state.place, &state.stack);
	engine_terminate(state.worker->engine);
}

static _Noreturn void die(void)
{
	char *name = state.worker->name, *sentence = state.sentences[state.reached];
	const struct iovec pieces[] = {
		{name, strlen(name)}, {": ", 2}, {sentence, strlen(sentence)}, {"\n", 1}};

	(void)!writev(STDERR_FILENO, pieces, ARRAY_SIZE(pieces));
	_exit(exit_codes[state.reached]);
}

static void stop(uint64_t now, const void *context)
{
	struct engine *e = state.worker->engine;

	if (now - state.reached_ns >= DEAD_NS)
		die();
	if (now - state.reached_ns >= STOP_NS) {
		engine_terminate(e);
	} else if (!state.interrupts && engine_is_in_code(e, signals_counter(context))) {
		state.interrupts = true;
		engine_interrupt(e, &state.interruption);
	}
	arm(URGENT_NS);
}

static void look(uint64_t now)
{
	if (state.tasks != state.task_seen) {
		state.task_seen = state.tasks;
		state.task_began_ns = now;
	}
	if (state.task_ns && now - state.task_began_ns >= state.task_ns)
		state.reached = LIMIT_TASK;
	else if (state.cpu_ns && now - state.began_ns >= state.cpu_ns)
		state.reached = LIMIT_CPU;
	else
		arm(next_tick(now - state.began_ns));
	state.reached_ns = now;
}

static void on_tick(int sig UNUSED, siginfo_t *info UNUSED, void *context)
{
	int e = errno;
	uint64_t now = processor_ns();

	if (state.worker && !state.reached)
		look(now);
	if (state.worker && state.reached) {
		stop(now, context);
		signals_wake();
	}
	errno = e;
}

static int start_timer(struct err *err)
{
	const int tick = SIGRTMIN;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = tick};
	struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t set;

	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &state.timer) < 0)
		return err_set(err, errno, "limit processor time: make a timer");
	sigemptyset(&action.sa_mask);
	sigaction(tick, &action, NULL);
	/* Whoever started us may have blocked it. */
	sigemptyset(&set);
	sigaddset(&set, tick);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

/* Now, since no handler can. */
static void make_sentences(struct worker *w)
{
	const struct box_limits *l = &w->options.limits;

	snprintf(state.sentences[LIMIT_TASK], SENTENCE_MAX,
		"a task takes more than %" PRIu64 " ms of processor time, its limit", l->task_ms);
	snprintf(state.sentences[LIMIT_CPU], SENTENCE_MAX,
		"the worker has used %" PRIu64 " ms of processor time, its limit", l->cpu_ms);
}

/* A worker that comes from an image may have had another one. */
static void limit_stack(const struct worker *w, uint64_t bytes)
{
	const size_t most = STACK_SIZE - ENGINE_STACK_RESERVE;
	char *low = w->stack_low;

	if (bytes != 0 && bytes < most)
		low += most - bytes;
	engine_use_stack(w->engine, low);
}

int limits_open(struct worker *w, struct err *err)
{
	const struct box_limits *l = &w->options.limits;

	engine_set_heap_limit(w->engine, (size_t)l->heap);
	limit_stack(w, l->stack);
	memset(&state, 0, sizeof(state));
	if (!l->cpu_ms && !l->task_ms)
		return 0;
	if (start_timer(err) < 0)
		return -err->code;
	make_sentences(w);
	engine_find_code(w->engine);
	state.cpu_ns = l->cpu_ms * NS_PER_MS;
	state.task_ns = l->task_ms * NS_PER_MS;
	state.interruption.fn = on_interrupted;
	state.began_ns = state.task_began_ns = processor_ns();
	state.worker = w;
	arm(next_tick(0));
	return 0;
}

static void disarm(void)
{
	if (!state.worker)
		return;
	state.worker = NULL;
	timer_delete(state.timer);
	/* One that is on its way is dropped with it. */
	signal(SIGRTMIN, SIG_IGN);
	signal(SIGRTMIN, SIG_DFL);
}

void limits_close(void)
{
	disarm();
	free_clear(&state.place);
	free_clear(&state.stack);
	state.reached = LIMIT_NONE;
}

void limits_task_done(void)
{
	state.tasks++;
}

bool limits_reached(struct worker *w)
{
	_cleanup_buf_ struct buf message = BUF_INIT;

	if (!state.reached)
		return false;
	if (!state.worker)
		return true;
	disarm();
	buf_printf(&message, "%s: %s", state.place && *state.place ? state.place : w->name,
		state.sentences[state.reached]);
	if (!buf_failed(&message)) {
		worker_say_error(w, message.data, state.stack);
		report_of_error(w, message.data, state.stack);
	}
	worker_exit(w, exit_codes[state.reached]);
	return true;
}
