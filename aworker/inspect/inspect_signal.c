/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that computes does not come back to its loop, and there is no other thread that
 * could hear a debugger say "pause". So its sockets raise SIGIO, and the handler has
 * V8 serve them at its next check, which every loop of JavaScript makes.
 *
 * Asking V8 for that allocates memory. The handler does it only when it has interrupted
 * code of V8's making; else a timer that runs while the process computes tries again soon.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "aworker/inspect/inspect_priv.h"
#include "aworker/signals.h"
#include "aworker/worker.h"
#include "runtime/base/util.h"

/* Of computing, until the next try. */
#define RETRY_US 2000

/* Of the tries after the last SIGIO: a client that connects sends its request a little later. */
#define TRIES_MAX 50

static struct {
	struct inspect *inspect; /* NULL: not open */
	struct engine_interruption interruption;
	volatile sig_atomic_t tries;
} state;

static void try_again(void)
{
	const struct itimerval soon = {.it_value = {.tv_usec = RETRY_US}};

	if (state.tries <= 0)
		return;
	state.tries--;
	(void)setitimer(ITIMER_VIRTUAL, &soon, NULL);
}

static void on_signal(int sig, siginfo_t *info UNUSED, void *context)
{
	struct inspect *in = state.inspect;
	int e = errno;

	if (sig == SIGIO)
		state.tries = TRIES_MAX;
	/* A message that is carried out is not interrupted by the next one, so long as it runs. */
	if (in && !in->busy && engine_is_in_code(in->worker->engine, signals_counter(context)))
		engine_interrupt(in->worker->engine, &state.interruption);
	try_again();
	errno = e;
}

/* Perhaps later than the debugger has gone. */
static void on_interrupted(void *data UNUSED)
{
	if (state.inspect)
		inspect_interrupted(state.inspect);
}

void inspect_signal_open(struct inspect *in)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGIO);
	sigaddset(&action.sa_mask, SIGVTALRM);
	state.tries = 0;
	state.inspect = in;
	state.interruption = (struct engine_interruption){.fn = on_interrupted};
	engine_find_code(in->worker->engine);
	(void)sigaction(SIGIO, &action, NULL);
	(void)sigaction(SIGVTALRM, &action, NULL);
	inspect_signal_watch(in->listener.fd);
}

/* Without it the debugger is heard later, between two callbacks. */
void inspect_signal_watch(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && fcntl(fd, F_SETOWN, getpid()) == 0)
		(void)fcntl(fd, F_SETFL, flags | O_ASYNC);
}

void inspect_signal_close(void)
{
	const struct itimerval never = {0};

	if (!state.inspect)
		return;
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	signal(SIGIO, SIG_IGN);
	signal(SIGVTALRM, SIG_DFL);
	state.inspect = NULL;
}
