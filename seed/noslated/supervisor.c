/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"
#include "seed/noslated/supervisor_priv.h"

/* Between two starts of a control plane that dies. */
#define PAUSE_MS     100
#define PAUSE_MAX_MS 5000
/* Control planes that may die of ending. */
#define END_TRIES 3
/* One that lived so long did not die of how it began. */
#define STEADY_MS 10000

/* What a program that takes over finds in its environment: "CONTROL-PID SOCKET READY NAME:FD ...". */
#define SUCCESSION "NOSLATED_SUCCESSION"

struct kept {
	char *name;
	int fd;
};

struct supervisor {
	const char *program;
	char **argv;
	struct kept kept[SUPERVISOR_KEPT_MAX];
	size_t n;
	int signals, store; /* -1: no control plane */
	pid_t control;	    /* 0: none */
	bool ready, ends;
	unsigned pause_ms;
	uint64_t started_ms, start_at_ms; /* of CLOCK_MONOTONIC; the latter while there is none */
	int status;			  /* of the last one */
	int more_tries;			  /* to end in order */
};

/* --- what is kept --- */

static void drop(struct supervisor *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!streq(s->kept[i].name, name))
			continue;
		fd_close(&s->kept[i].fd);
		free(s->kept[i].name);
		s->kept[i] = s->kept[--s->n];
		return;
	}
}

static bool is_name(const char *name)
{
	return name && *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static void keep(struct supervisor *s, const char *name, int *fd)
{
	char *copy;

	drop(s, name);
	copy = s->n < SUPERVISOR_KEPT_MAX ? strdup(name) : NULL;
	if (copy)
		s->kept[s->n++] = (struct kept){copy, take_fd(fd)};
	else
		log_error("'%s' is not kept: %s", name,
			s->n < SUPERVISOR_KEPT_MAX ? "no memory" : "too many");
}

static void take_message(struct supervisor *s)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_close_ int fd = -1;
	struct link_message m = {0};
	struct err err = ERR_INIT;

	if (link_receive(s->store, &doc, &m, &fd, &err) < 0) {
		/* Its process has ended, or will be ended for talking nonsense. */
		if (err.code != EPIPE && s->control > 0)
			(void)kill(s->control, SIGKILL);
		fd_close(&s->store);
		return;
	}
	if (streq(m.kind, "ready"))
		s->ready = true;
	else if (streq(m.kind, "drop") && is_name(m.id))
		drop(s, m.id);
	else if (streq(m.kind, "keep") && is_name(m.id) && fd >= 0)
		keep(s, m.id, &fd);
}

/* --- the control plane --- */

static _Noreturn void child_control(struct supervisor *s, char **argv, int store)
{
	int fds[SUPERVISOR_KEPT_MAX + 1];
	const int n = (int)s->n + 1;

	/* What is typed at a terminal is for us, who pass it on. */
	(void)setpgid(0, 0);
	/* Above all others first, so that none is overwritten by another. */
	for (int i = 0; i < n; i++)
		fds[i] = fcntl(
			i == 0 ? store : s->kept[i - 1].fd, F_DUPFD_CLOEXEC, ROLE_STORE_FD + n);
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], ROLE_STORE_FD + i) < 0)
			_exit(EXIT_FAILURE);
	execv(s->program, argv);
	log_error("execute '%s': %s", s->program, strerror(errno));
	_exit(EXIT_FAILURE);
}

static int put_names(const struct supervisor *s, struct err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	for (size_t i = 0; i < s->n; i++)
		buf_printf(&names, "%s%s", i ? " " : "", s->kept[i].name);
	buf_put(&names, "", 1);
	if (buf_failed(&names) || setenv(SUPERVISOR_NAMES, names.data, 1) < 0)
		return err_oom(err);
	return 0;
}

/* Ours, with the role in front. */
static char **control_argv(const struct supervisor *s)
{
	size_t n = 0;
	char **argv;

	while (s->argv[n])
		n++;
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return NULL;
	argv[0] = s->argv[0];
	argv[1] = (char *)ROLE_CONTROL;
	memcpy(argv + 2, s->argv + 1, (n - 1) * sizeof(*argv));
	return argv;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int start(struct supervisor *s, struct err *err)
{
	_cleanup_free_ char **argv = control_argv(s);
	_cleanup_close_ int theirs = -1;
	int ends[2];

	if (!argv)
		return err_oom(err);
	if (put_names(s, err) < 0 || link_pair(ends, err) < 0)
		return -err->code;
	theirs = ends[1];
	s->control = fork();
	if (s->control == 0)
		child_control(s, argv, theirs);
	if (s->control < 0) {
		s->control = 0;
		close(ends[0]);
		return err_set(err, errno, "fork");
	}
	fd_close(&s->store);
	s->store = ends[0];
	s->started_ms = now_ms();
	if (s->ends)
		(void)kill(s->control, SIGTERM);
	return 0;
}

/* What it said before it ended. */
static void hear_the_rest(struct supervisor *s)
{
	while (s->store >= 0 && poll(&(struct pollfd){.fd = s->store, .events = POLLIN}, 1, 0) > 0)
		take_message(s);
}

static void start_later(struct supervisor *s)
{
	const uint64_t now = now_ms();
	const bool steady = now - s->started_ms > STEADY_MS;

	s->pause_ms = s->pause_ms && !steady ? 2 * s->pause_ms : PAUSE_MS;
	if (s->pause_ms > PAUSE_MAX_MS)
		s->pause_ms = PAUSE_MAX_MS;
	s->start_at_ms = now + s->pause_ms;
}

static void start_again(struct supervisor *s)
{
	struct err err = ERR_INIT;

	if (start(s, &err) == 0)
		return;
	start_later(s);
	log_error("%s; again in %u ms", err.msg, s->pause_ms);
}

/* True when this is the end of all. */
static bool on_control_end(struct supervisor *s, int status)
{
	const bool exited = WIFEXITED(status);

	s->control = 0;
	hear_the_rest(s);
	fd_close(&s->store);
	s->status = exited ? WEXITSTATUS(status) : EXIT_FAILURE;
	if (exited && s->status == SUPERVISOR_AGAIN) {
		s->pause_ms = 0;
		s->start_at_ms = 0;
		return false;
	}
	/* It died before it heard, or could do, that all is to end: the next one does it. */
	if (s->ends && s->ready && s->status != EXIT_SUCCESS && s->more_tries-- > 0)
		return false;
	if (s->ends || !s->ready || s->status == EXIT_SUCCESS)
		return true;
	start_later(s);
	log_error("the control plane has ended (%s %d); it is started again in %u ms",
		exited ? "code" : "signal", exited ? s->status : WTERMSIG(status), s->pause_ms);
	return false;
}

/* --- succession --- */

static int put_succession(const struct supervisor *s, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int e = fd_set_cloexec(s->store, false);

	buf_printf(&text, "%d %d %d", (int)s->control, s->store, s->ready);
	for (size_t i = 0; i < s->n && e == 0; i++) {
		e = fd_set_cloexec(s->kept[i].fd, false);
		buf_printf(&text, " %s:%d", s->kept[i].name, s->kept[i].fd);
	}
	buf_put(&text, "", 1);
	if (e < 0)
		return err_set(err, -e, "keep a descriptor");
	return buf_failed(&text) || setenv(SUCCESSION, text.data, 1) < 0 ? err_oom(err) : 0;
}

static void keep_from_children(struct supervisor *s)
{
	(void)fd_set_cloexec(s->store, true);
	for (size_t i = 0; i < s->n; i++)
		(void)fd_set_cloexec(s->kept[i].fd, true);
}

/* Returns when that failed, and then nothing has changed. */
static void succeed(struct supervisor *s)
{
	struct err err = ERR_INIT;

	if (s->control == 0)
		return;
	if (put_succession(s, &err) == 0) {
		fd_close(&s->signals);
		execv(s->program, s->argv);
		err_set(&err, errno, "execute '%s'", s->program);
	}
	unsetenv(SUCCESSION);
	keep_from_children(s);
	log_error("%s; it goes on as it was", err.msg);
}

/* Of the process that this program took over from. The control plane is that of the other program. */
static int take_over(struct supervisor *s, struct err *err)
{
	_cleanup_free_ char *text = strdup(getenv(SUCCESSION));
	int pid, ready, n = 0;
	char *rest, *one;

	if (!text)
		return err_oom(err);
	unsetenv(SUCCESSION);
	if (sscanf(text, "%d %d %d%n", &pid, &s->store, &ready, &n) != 3)
		return err_say(err, EINVAL, SUCCESSION ": '%s' is not ours", text);
	s->control = pid;
	s->ready = ready;
	rest = text + n;
	while ((one = strsep(&rest, " "))) {
		char *colon = strchr(one, ':');
		int fd;

		if (!colon)
			continue;
		*colon = '\0';
		fd = atoi(colon + 1);
		keep(s, one, &fd);
	}
	keep_from_children(s);
	(void)kill(s->control, SIGHUP);
	return 0;
}

/* --- the loop --- */

static bool on_children(struct supervisor *s)
{
	bool ended = false;
	int status;
	pid_t pid;

	/* Also those that have lost their parents; who ends them does it by SIGKILL. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->control)
			ended = on_control_end(s, status);
		else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			log_error("process %d has died of signal %d", (int)pid, WTERMSIG(status));
	}
	return ended;
}

/* True when this is the end of all. */
static bool on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP: succeed(s); break;
		case SIGCHLD:
			if (on_children(s))
				return true;
			break;
		default:
			s->ends = s->ends || info.ssi_signo != SIGUSR1;
			if (s->control > 0)
				(void)kill(s->control, (int)info.ssi_signo);
		}
	}
	return false;
}

static int open_signals(struct supervisor *s, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_set(err, errno, "make a signalfd") : 0;
}

/* Until the next control plane is due; -1: there is one. */
static int left_ms(const struct supervisor *s)
{
	const uint64_t now = now_ms();

	if (s->control > 0)
		return -1;
	return s->ends || s->start_at_ms <= now ? 0 : (int)(s->start_at_ms - now);
}

static void serve(struct supervisor *s)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = s->signals, .events = POLLIN}, {.fd = s->store, .events = POLLIN}};

		(void)poll(fds, 2, left_ms(s));
		if (fds[0].revents && on_signals(s))
			return;
		if (fds[1].revents && s->store >= 0)
			take_message(s);
		if (left_ms(s) == 0)
			start_again(s);
	}
}

int supervisor_run(const char *program, char **argv, struct err *err)
{
	struct supervisor s = {.program = program,
		.argv = argv,
		.signals = -1,
		.store = -1,
		.more_tries = END_TRIES};
	int r = open_signals(&s, err);

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (r == 0)
		r = getenv(SUCCESSION) ? take_over(&s, err) : start(&s, err);
	if (r < 0)
		return r;
	serve(&s);
	return s.status;
}
