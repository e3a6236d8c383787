/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/foreground.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/console.h"
#include "runtime/life.h"

/* How long the keeper of a seed may take to write how a clone ended. */
#define EXIT_FILE_TIMEOUT_MS 5000

/*
 * Not forwarded: what tells of our own children or terminal, what the kernel sends
 * for faults of our own, and what cannot be caught.
 */
static const int kept_signals[] = {SIGCHLD, SIGURG, SIGWINCH, SIGTTIN, SIGTTOU, SIGPIPE, SIGSEGV,
	SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};

static void forwarded_signals(sigset_t *set)
{
	sigfillset(set);
	for (size_t i = 0; i < ARRAY_SIZE(kept_signals); i++)
		sigdelset(set, kept_signals[i]);
}

int foreground_begin(struct foreground *fg, struct err *err)
{
	sigset_t set;

	forwarded_signals(&set);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, &fg->before) < 0)
		return err_set(err, errno, "block signals");
	fg->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fg->signal_fd < 0)
		return err_set(err, errno, "signalfd");
	return 0;
}

void foreground_end(struct foreground *fg)
{
	if (fg->signal_fd >= 0)
		(void)sigprocmask(SIG_SETMASK, &fg->before, NULL);
	fd_close(&fg->signal_fd);
}

static void take_signals(
	const struct foreground *fg, const struct life *life, const struct console *console)
{
	struct signalfd_siginfo info;

	while (read(fg->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			console_resize(console);
		else
			(void)proc_pidfd_signal(life->pidfd, (int)info.ssi_signo);
	}
}

/* A child of ours is reaped; a clone's end is told by the file that its keeper writes. */
static int read_status(const struct life *life, int *ret_code, struct err *err)
{
	siginfo_t info = {0};
	struct exit_file e;
	int r;

	if (life->payload == RECORD_WARM) {
		r = exit_file_wait(life->container.dir_fd, EXIT_FILE_TIMEOUT_MS, &e, err);
		if (r == 0)
			*ret_code = exit_file_code(e.status);
		return r < 0 ? err_wrap(err, "how '%s' ended is not known", life->container.id) : 0;
	}
	while (waitid(P_PIDFD, (id_t)life->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "wait for process %d", (int)life->pid);
	*ret_code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int foreground_wait(struct foreground *fg, const struct life *life, struct console *console,
	int *ret_code, struct err *err)
{
	struct pollfd fds[2 + CONSOLE_POLLFDS] = {
		{.fd = fg->signal_fd, .events = POLLIN},
		{.fd = life->pidfd, .events = POLLIN},
	};

	while (!fds[1].revents) {
		console_prepare(console, fds + 2);
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno != EINTR)
				return err_set(err, errno, "poll");
			fds[1].revents = 0;
			continue;
		}
		take_signals(fg, life, console);
		console_copy(console, fds + 2);
	}
	console_drain(console);
	return read_status(life, ret_code, err);
}
