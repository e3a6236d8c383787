/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signalfd would be read by the loop only, and there may be no other thread. So these
 * signals have an ordinary handler: it wakes the loop by an eventfd and starts a timer of
 * the process, whose SIGALRM then stops JavaScript in the middle of whatever it does.
 *
 * Who asks for a report (seed/report.h) is answered from the loop as well.
 *
 * A handler has no argument: what it needs is static. It is empty while no worker is
 * open, so a copy of the process inherits nothing of its seed's.
 */
#include "aworker/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/report.h"

static const int asking[] = {SIGTERM, SIGINT, SIGHUP};

static struct {
	struct engine *engine; /* NULL: not open */
	int wake_fd;
	volatile sig_atomic_t last;
	volatile sig_atomic_t n;
	sig_atomic_t heard; /* of them, by the loop */
	volatile sig_atomic_t overdue;
	bool at_prompt; /* SIGINT stops what runs, and nothing else */
	volatile sig_atomic_t interrupted;
	volatile sig_atomic_t file_wanted; /* of --report */
	volatile sig_atomic_t report_wanted;
	uint64_t report_number; /* of who wants it; written by the handler while none is wanted */
} state = {.wake_fd = -1};

bool signals_overdue(void)
{
	return state.overdue;
}

int signals_last(void)
{
	return state.last;
}

uintptr_t signals_counter(const void *context)
{
	const ucontext_t *u = context;

#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#else
	(void)u;
	return 0;
#endif
}

void signals_wake(void)
{
	const uint64_t one = 1;

	(void)!write(state.wake_fd, &one, sizeof(one));
}

static void stop_now(void)
{
	state.overdue = 1;
	engine_terminate(state.engine);
}

static void on_alarm(int sig UNUSED)
{
	int e = errno;

	stop_now();
	signals_wake();
	errno = e;
}

static void fill_asking(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(asking); i++)
		sigaddset(set, asking[i]);
}

static int handle(int sig, void (*fn)(int))
{
	/* No SA_RESTART: a write that nobody reads would go on for ever. */
	struct sigaction action = {.sa_handler = fn};

	fill_asking(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGALRM);
	return sigaction(sig, &action, NULL);
}

/* False when a filter of system calls forbids it. */
static bool start_grace(void)
{
	/* Again each second: one that comes just before a call blocks does not interrupt it. */
	const struct itimerval grace = {.it_value = {.tv_sec = WORKER_GRACE_MS / 1000,
						.tv_usec = WORKER_GRACE_MS % 1000 * 1000},
		.it_interval = {.tv_sec = 1}};

	return handle(SIGALRM, on_alarm) == 0 && setitimer(ITIMER_REAL, &grace, NULL) == 0;
}

static void on_asked(int sig)
{
	int e = errno;

	if (sig == SIGINT && state.at_prompt) {
		state.interrupted = 1;
		engine_terminate(state.engine);
		signals_wake();
		errno = e;
		return;
	}
	state.last = sig;
	if (state.n < 2)
		state.n++;
	if (state.n > 1 || !start_grace())
		stop_now();
	signals_wake();
	errno = e;
}

/* Who comes while another one waits asks again. */
static void on_report(int sig UNUSED, siginfo_t *info, void *context UNUSED)
{
	int e = errno;

	if (info->si_code == SI_QUEUE && !state.report_wanted) {
		state.report_number = (uintptr_t)info->si_value.sival_ptr;
		state.report_wanted = 1;
		signals_wake();
	}
	errno = e;
}

static void on_file(int sig UNUSED)
{
	int e = errno;

	state.file_wanted = 1;
	signals_wake();
	errno = e;
}

static void on_wake(void *data, uint32_t events UNUSED)
{
	struct worker *w = data;
	uint64_t n;

	(void)!read(state.wake_fd, &n, sizeof(n));
	if (state.report_wanted) {
		worker_report(w, state.report_number);
		state.report_wanted = 0;
	}
	if (state.file_wanted) {
		state.file_wanted = 0;
		report_of_signal(w);
	}
	if (state.interrupted) {
		state.interrupted = 0;
		repl_interrupt(w);
	}
	if (state.n > state.heard || state.overdue) {
		state.heard = state.n;
		worker_shut_down(w, state.last);
	}
}

void signals_delay(void)
{
	sigset_t set;

	fill_asking(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int signals_open(struct worker *w, struct err *err)
{
	_cleanup_close_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct sigaction report = {
		.sa_sigaction = on_report, .sa_flags = SA_SIGINFO | SA_RESTART};
	sigset_t set;
	int r;

	if (fd < 0)
		return err_set(err, errno, "create an event descriptor");
	w->wake = (struct loop_fd){.fn = on_wake, .data = w, .background = true};
	r = loop_fd_add(&w->loop, &w->wake, fd, EPOLLIN);
	if (r < 0)
		return err_set(err, -r, "watch an event descriptor");
	state.engine = w->engine;
	state.wake_fd = take_fd(&fd);
	state.at_prompt = w->options.repl;
	state.interrupted = state.file_wanted = 0;
	state.last = state.n = state.heard = state.overdue = state.report_wanted = 0;
	for (size_t i = 0; i < ARRAY_SIZE(asking); i++)
		handle(asking[i], on_asked);
	sigaction(REPORT_SIGNAL, &report, NULL);
	if (w->options.report)
		handle(SIGUSR2, on_file);
	fill_asking(&set);
	/* Whoever started us may have blocked them. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return 0;
}

void signals_close(struct worker *w)
{
	const struct itimerval never = {0};

	if (!state.engine)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(asking); i++)
		signal(asking[i], SIG_DFL);
	signal(REPORT_SIGNAL, SIG_DFL);
	if (w->options.report)
		signal(SIGUSR2, SIG_DFL);
	if (state.n > 0) {
		setitimer(ITIMER_REAL, &never, NULL);
		signal(SIGALRM, SIG_DFL);
	}
	state.engine = NULL;
	loop_fd_remove(&w->loop, &w->wake);
	fd_close(&state.wake_fd);
}
