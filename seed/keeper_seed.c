/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of the seed process: started, ready, ended, started again after a pause
 * that doubles. It ends by itself when its end of the conversation is shut, which
 * happens too when the keeper dies; SIGKILL by parent death is for one that hangs
 * before it serves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "seed/client.h"
#include "seed/forkserver.h"
#include "seed/keeper_priv.h"
#include "seed/launch.h"
#include "seed/socket_priv.h"

/* Where the seed finds its descriptors. */
#define SEED_LISTEN_FD 3
#define SEED_KEEPER_FD 4
#define SEED_SERVE_ARG SEED_OPTION_SERVE "3,4"

/* The loader finds its image there, and closes it. */
#define SEED_BASE_FD 5

/* Pause before a seed that died is started again. One that served for a while died of something else. */
#define PAUSE_MIN_MS   100
#define PAUSE_MAX_MS   30000
#define PAUSE_RESET_MS 60000

/* How long a seed may take to end when it is told to. */
#define RETIRE_TIMEOUT_MS 2000

static void child_exec(
	struct keeper *k, const struct seed_launch *launch, int conn, int output, pid_t keeper_pid)
{
	sigset_t none;
	int null_fd;
	int r;

	/* First out of the way of the numbers that they shall get. */
	int listen_fd = fcntl(k->clone_fd, F_DUPFD_CLOEXEC, 10);
	int conn_fd = fcntl(conn, F_DUPFD_CLOEXEC, 10);
	int out_fd = fcntl(output, F_DUPFD_CLOEXEC, 10);
	int base_fd = launch->base_fd < 0 ? -1 : fcntl(launch->base_fd, F_DUPFD_CLOEXEC, 10);
	struct seed_launch l = *launch;

	l.image_fd = fcntl(launch->image_fd, F_DUPFD_CLOEXEC, 10);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (listen_fd < 0 || conn_fd < 0 || out_fd < 0 || l.image_fd < 0 || null_fd < 0 ||
		dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(out_fd, 2) < 0 ||
		dup2(listen_fd, SEED_LISTEN_FD) < 0 || dup2(conn_fd, SEED_KEEPER_FD) < 0 ||
		(launch->base_fd >= 0 && (base_fd < 0 || dup2(base_fd, SEED_BASE_FD) < 0)))
		_exit(126);
	syscall(SYS_close_range, base_fd < 0 ? SEED_BASE_FD : SEED_BASE_FD + 1, ~0u,
		CLOSE_RANGE_CLOEXEC);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &k->nofile);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper_pid)
		_exit(126);
	r = seed_launch_exec(&l);
	dprintf(STDERR_FILENO, "execute worker '%s': %s\n", launch->argv[0], strerrordesc_np(-r));
	_exit(127);
}

static int send_config(struct keeper *k)
{
	struct seed_keeper_message m = {
		.magic = SEED_CONTROL_MAGIC,
		.version = SEED_CONTROL_VERSION,
		.op = SEED_KEEPER_CONFIG,
		.count = k->clones.alive,
		.clones_max = k->options->max_clones,
		.parked = k->options->parked,
		.build_id = k->seed.build_id,
	};

	return seed_wire_send(k->seed.conn, &m, sizeof(m), NULL, 0);
}

/* From the base image where there is one for this worker: its clones then copy no page tables. */
static int prepare(struct keeper *k, struct seed_launch *ret, struct err *err)
{
	struct keeper_seed *s = &k->seed;

	s->from_image = !s->image_refused && seed_launch_prepare_base(k->options->worker,
						     SEED_BASE_FD, SEED_SERVE_ARG, ret, err) == 0;
	if (s->from_image)
		return 0;
	if (!s->image_refused)
		log_info("seed: a new engine: %s", err->msg);
	return seed_launch_prepare(k->options->worker, SEED_SERVE_ARG, ret, err);
}

/* The process and its two connections, or nothing. */
static int spawn(struct keeper *k, struct err *err)
{
	_cleanup_seed_launch_ struct seed_launch launch = SEED_LAUNCH_INIT;
	_cleanup_close_ int theirs = -1;
	_cleanup_close_ int output_w = -1;
	struct keeper_seed *s = &k->seed;
	pid_t keeper_pid = getpid();
	int pair[2];
	pid_t pid;
	int r;

	r = prepare(k, &launch, err);
	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, errno, "make a socket pair");
	s->conn = pair[0];
	theirs = pair[1];
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "make a pipe");
	s->output = pair[0];
	output_w = pair[1];
	/* Only our end is non-blocking: the seed's writes must not get lost. */
	if (fcntl(output_w, F_SETFL, 0) < 0)
		return err_set(err, errno, "set up a pipe");
	s->build_id = launch.build_id;
	s->gone_pending = 0;
	r = send_config(k);
	if (r < 0)
		return err_set(err, -r, "send the configuration");
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_exec(k, &launch, theirs, output_w, keeper_pid);
	s->pid = pid;
	return 0;
}

/* `why` is a sentence. Whoever waits for the first seed gets it; else it is tried again. */
static void failed(struct keeper *k, int code, const char *why)
{
	struct keeper_seed *s = &k->seed;

	snprintf(s->last_error, sizeof(s->last_error), "%s", why);
	log_warn("seed: %s", why);
	fd_close(&s->conn);
	fd_close(&s->output);
	s->state = SEED_STATE_WAITING;
	if (k->report_fd >= 0) {
		err_say(&k->failure, code, "%s", why);
		keeper_stop(k);
		return;
	}
	s->pause_ms = s->pause_ms == 0		       ? PAUSE_MIN_MS
		      : s->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
						       : s->pause_ms * 2;
	s->deadline_ms = clock_ms() + s->pause_ms;
}

void keeper_seed_start(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;
	struct err err = ERR_INIT;

	s->line_len = 0;
	s->last_line[0] = '\0';
	s->retiring = false;
	if (spawn(k, &err) < 0) {
		failed(k, err.code, err.msg);
		return;
	}
	s->state = SEED_STATE_STARTING;
	s->started_s = time(NULL);
	s->deadline_ms = clock_ms() + SEED_START_TIMEOUT_MS;
	log_info("seed: process %d starts", (int)s->pid);
}

void keeper_seed_retire(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;

	if (s->pid == 0 || s->retiring)
		return;
	s->retiring = true;
	s->state = SEED_STATE_STARTING;
	s->deadline_ms = clock_ms() + RETIRE_TIMEOUT_MS;
	shutdown(s->conn, SHUT_WR);
}

static void on_ready(struct keeper *k, const char *version)
{
	struct keeper_seed *s = &k->seed;

	if (s->state != SEED_STATE_STARTING || s->retiring)
		return;
	s->state = SEED_STATE_READY;
	s->ready_ms = clock_ms();
	snprintf(s->build, sizeof(s->build), "%.*s", (int)sizeof(s->build) - 1, version);
	s->last_error[0] = '\0';
	log_info("seed: process %d of version %s is ready", (int)s->pid, s->build);
	keeper_report_to(&k->report_fd, 0, "");
	keeper_image_renew(k);
}

/* A client of another build. When the file has changed its build is the one to run from now on. */
static void on_stale(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;
	struct seed_build_id now;
	struct err err;

	if (s->retiring)
		return;
	if (seed_build_id_of(k->options->worker, &now, &err) < 0) {
		log_warn("seed: a client of another build asked: %s, ignoring", err.msg);
		return;
	}
	if (memcmp(&now, &s->build_id, sizeof(now)) == 0) {
		log_info("seed: a client of another build asked; '%s' is unchanged",
			k->options->worker);
		return;
	}
	log_info("seed: '%s' has changed, the seed is replaced", k->options->worker);
	keeper_seed_retire(k);
}

static void on_message(struct keeper *k, struct seed_keeper_message *m, int *fds, size_t n_fds)
{
	struct keeper_seed *s = &k->seed;

	m->text[sizeof(m->text) - 1] = '\0';
	s->parked = m->parked;
	if (m->op == SEED_KEEPER_CLONE && m->pid > 0 && (n_fds == 1 || n_fds == 2)) {
		if (keeper_clones_add(&k->clones, m->pid, fds[0], n_fds == 2 ? fds[1] : -1))
			s->gone_pending++;
		return;
	}
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	switch (m->op) {
	case SEED_KEEPER_READY: on_ready(k, m->text); break;
	case SEED_KEEPER_STALE: on_stale(k); break;
	case SEED_KEEPER_PARKED: break;
	case SEED_KEEPER_LOG: log_info("seed: %s", m->text); break;
	default: log_warn("seed: unknown message %u, ignoring", m->op);
	}
}

void keeper_seed_hear(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;

	while (s->conn >= 0) {
		struct seed_keeper_message m;
		int fds[2];
		size_t n_fds = 0;
		ssize_t n = seed_wire_recv(
			s->conn, &m, sizeof(m), fds, ARRAY_SIZE(fds), &n_fds, MSG_DONTWAIT);

		if (n == -EAGAIN)
			return;
		if (n == sizeof(m) && m.magic == SEED_CONTROL_MAGIC &&
			m.version == SEED_CONTROL_VERSION) {
			on_message(k, &m, fds, n_fds);
			continue;
		}
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		if (n > 0) {
			log_warn("seed: a message of %zd bytes that is none, ignoring", n);
			continue;
		}
		/* It is gone, or no seed any more. SIGCHLD brings the rest. */
		fd_close(&s->conn);
		if (s->pid > 0)
			kill(s->pid, SIGKILL);
	}
}

static void end_line(struct keeper_seed *s)
{
	s->line[s->line_len] = '\0';
	if (s->line_len > 0) {
		memcpy(s->last_line, s->line, s->line_len + 1);
		log_info("seed says: %s", s->line);
	}
	s->line_len = 0;
}

void keeper_seed_hear_output(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;
	char data[4096];
	ssize_t n = s->output < 0 ? 0 : read(s->output, data, sizeof(data));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] != '\n')
			s->line[s->line_len++] = data[i] ? data[i] : ' ';
		if (data[i] == '\n' || s->line_len == sizeof(s->line) - 1)
			end_line(s);
	}
	if (n <= 0) {
		end_line(s);
		fd_close(&s->output);
	}
}

/* Everything that is in the pipe; others (a clone that has not settled) may hold it open. */
static void drain_output(struct keeper *k)
{
	for (;;) {
		struct pollfd p = {.fd = k->seed.output, .events = POLLIN};

		if (p.fd < 0 || poll(&p, 1, 0) <= 0)
			break;
		keeper_seed_hear_output(k);
	}
	end_line(&k->seed);
}

static void describe_end(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
			sigdescr_np(WTERMSIG(status)) ?: "unknown");
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

void keeper_seed_ended(struct keeper *k, int status)
{
	struct keeper_seed *s = &k->seed;
	bool was_ready = s->state == SEED_STATE_READY;
	char end[sizeof(s->last_end)];
	char why[ERR_MSG_MAX];

	s->pid = 0;
	keeper_seed_hear(k);
	s->parked = 0;
	drain_output(k);
	fd_close(&s->conn);
	fd_close(&s->output);
	describe_end(status, end, sizeof(end));
	if (s->retiring) {
		log_info("seed: ended as told, %s", end);
		s->state = SEED_STATE_WAITING;
		s->pause_ms = 0;
		s->deadline_ms = clock_ms();
		return;
	}
	if (s->from_image && !was_ready) {
		log_warn("seed: not ready from the base image, %s: a new engine", end);
		s->image_refused = true;
		s->state = SEED_STATE_WAITING;
		s->deadline_ms = clock_ms();
		return;
	}
	memcpy(s->last_end, end, sizeof(end));
	s->ended_s = time(NULL);
	s->restarts++;
	if (was_ready && clock_ms() - s->ready_ms >= PAUSE_RESET_MS)
		s->pause_ms = 0;
	snprintf(why, sizeof(why), "the worker ended %s it was ready: %s%s%s",
		was_ready ? "after" : "before", end, s->last_line[0] ? ": " : "", s->last_line);
	failed(k, ECHILD, why);
}

void keeper_seed_tell_gone(struct keeper *k)
{
	struct keeper_seed *s = &k->seed;
	struct seed_keeper_message m = {
		.magic = SEED_CONTROL_MAGIC,
		.version = SEED_CONTROL_VERSION,
		.op = SEED_KEEPER_GONE,
		.count = s->gone_pending,
	};

	/* A full socket is tried again with the next turn of the loop. */
	if (s->conn >= 0 && s->gone_pending > 0 && !s->retiring &&
		send(s->conn, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(m))
		s->gone_pending = 0;
}

void keeper_seed_tick(struct keeper *k, int64_t now_ms)
{
	struct keeper_seed *s = &k->seed;

	if (s->pid == 0) {
		if (!k->stopping && now_ms >= s->deadline_ms)
			keeper_seed_start(k);
		return;
	}
	if (s->state == SEED_STATE_READY || now_ms < s->deadline_ms)
		return;
	if (!s->retiring)
		snprintf(s->last_line, sizeof(s->last_line), "not ready within %d ms",
			SEED_START_TIMEOUT_MS);
	kill(s->pid, SIGKILL);
	s->deadline_ms = INT64_MAX;
}
