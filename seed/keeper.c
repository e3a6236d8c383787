/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "seed/keeper_priv.h"
#include "seed/socket_priv.h"

/* Descriptors that are not clones': sockets, log, a message on its way. */
#define FDS_BESIDE_CLONES 64

void keeper_report_to(int *fd, int code, const char *text)
{
	struct seed_report report = {.code = code};

	if (*fd < 0)
		return;
	snprintf(report.text, sizeof(report.text), "%s", text);
	(void)fd_write_all(*fd, &report, sizeof(report));
	fd_close(fd);
}

void keeper_stop(struct keeper *k)
{
	k->stopping = true;
	keeper_seed_retire(k);
}

static void reap(struct keeper *k)
{
	for (;;) {
		struct clone_death d;

		d.pid = wait4(-1, &d.status, WNOHANG, &d.usage);
		if (d.pid <= 0)
			return;
		if (d.pid == k->seed.pid) {
			keeper_seed_ended(k, d.status);
			continue;
		}
		if (d.pid == k->image_pid) {
			keeper_image_ended(k, d.status);
			continue;
		}
		if (!keeper_clones_ended(&k->clones, &d)) {
			/* The message about it may be here already. */
			keeper_seed_hear(k);
			if (!keeper_clones_ended(&k->clones, &d)) {
				keeper_clones_unclaimed(&k->clones, &d);
				continue;
			}
		}
		k->seed.gone_pending++;
	}
}

static void take_signals(struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		log_info("signal %u, stopping; %u clones live", info.ssi_signo, k->clones.alive);
		keeper_stop(k);
	}
	reap(k);
}

static int setup_signals(struct keeper *k, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	k->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k->signal_fd < 0)
		return err_set(err, errno, "signalfd");
	/* Orphans of clones come to us and not to an init that may not be there. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "turf-seed", 0, 0, 0);
	return 0;
}

/* Each clone alive costs one descriptor. Root may have more than it was given. */
static int raise_limits(struct keeper *k, struct err *err)
{
	unsigned needed = k->options->max_clones + FDS_BESIDE_CLONES;
	struct rlimit all;

	if (getrlimit(RLIMIT_NOFILE, &k->nofile) < 0)
		return err_set(err, errno, "get the limit of open files");
	all = k->nofile;
	if (all.rlim_cur >= needed)
		return 0;
	all.rlim_cur = needed;
	if (all.rlim_max < needed)
		all.rlim_max = needed;
	if (setrlimit(RLIMIT_NOFILE, &all) == 0)
		return 0;
	if (errno == EPERM)
		return err_say(err, EMFILE, "%u clones need %u open files, the limit is %llu",
			k->options->max_clones, needed, (unsigned long long)k->nofile.rlim_max);
	return err_set(err, errno, "raise open files");
}

static int setup(struct keeper *k, struct err *err)
{
	int r;

	r = keeper_dir_open(&k->dir, k->options->name, err);
	if (r == 0)
		r = keeper_dir_link_worker(&k->dir, k->options->worker, err);
	if (r == 0)
		r = raise_limits(k, err);
	if (r == 0)
		r = setup_signals(k, err);
	if (r == 0)
		r = seed_socket_listen(k->dir.fd, SEED_SOCKET_CLONE, &k->clone_fd, err);
	if (r == 0)
		r = seed_socket_listen(k->dir.fd, SEED_SOCKET_CONTROL, &k->control_fd, err);
	return r;
}

static int poll_timeout(const struct keeper *k)
{
	int64_t next = INT64_MAX;
	int64_t left;

	if (k->seed.state != SEED_STATE_READY || k->seed.retiring)
		next = k->seed.deadline_ms;
	for (size_t i = 0; i < k->n_clients; i++)
		if (!k->clients[i].stopping && k->clients[i].deadline_ms < next)
			next = k->clients[i].deadline_ms;
	left = next - clock_ms();
	if (next == INT64_MAX || left > INT32_MAX)
		return -1;
	return left < 0 ? 0 : (int)left;
}

enum { P_SIGNAL, P_CONTROL, P_CLONE, P_SEED, P_OUTPUT, P_FIXED };

static int turn(struct keeper *k)
{
	struct pollfd p[P_FIXED + CONTROL_CLIENTS_MAX] = {
		[P_SIGNAL] = {.fd = k->signal_fd, .events = POLLIN},
		[P_CONTROL] = {.fd = k->control_fd, .events = POLLIN},
		/* The seed's, unless there is none that would take them. */
		[P_CLONE] = {.fd = k->seed.state == SEED_STATE_READY ? -1 : k->clone_fd,
			.events = POLLIN},
		[P_SEED] = {.fd = k->seed.conn, .events = POLLIN},
		[P_OUTPUT] = {.fd = k->seed.output, .events = POLLIN},
	};
	size_t n = k->n_clients;

	if (k->seed.gone_pending > 0 && !k->seed.retiring)
		p[P_SEED].events |= POLLOUT;
	for (size_t i = 0; i < n; i++)
		p[P_FIXED + i] = (struct pollfd){.fd = k->clients[i].fd, .events = POLLIN};
	if (poll(p, P_FIXED + n, poll_timeout(k)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[P_SEED].revents & ~POLLOUT)
		keeper_seed_hear(k);
	if (p[P_OUTPUT].revents)
		keeper_seed_hear_output(k);
	if (p[P_SIGNAL].revents)
		take_signals(k);
	for (size_t i = n; i-- > 0;)
		if (p[P_FIXED + i].revents)
			keeper_control_serve(k, i);
	if (p[P_CONTROL].revents)
		keeper_control_accept(k);
	if (p[P_CLONE].revents && k->seed.state != SEED_STATE_READY)
		keeper_control_refuse_clones(k);
	keeper_seed_tell_gone(k);
	keeper_control_tick(k, clock_ms());
	keeper_seed_tick(k, clock_ms());
	keeper_dir_turn_log(&k->dir);
	return 0;
}

static void finish(struct keeper *k)
{
	log_info("keeper ends, %u clones live on", k->clones.alive);
	fd_close(&k->clone_fd);
	fd_close(&k->control_fd);
	fd_close(&k->signal_fd);
	keeper_clones_finish(&k->clones);
	keeper_dir_remove(&k->dir);
	for (size_t i = 0; i < k->n_clients; i++)
		fd_close(&k->clients[i].fd);
}

/* The starter hears of a failure when nothing of us is left, so that it may try again at once. */
static int end(struct keeper *k, int code, struct err *err)
{
	if (k->failure.code)
		*err = k->failure;
	else if (code < 0)
		err_set(err, -code, "poll");
	else if (k->report_fd >= 0)
		err_say(err, ECANCELED, "stopped before it was ready");
	keeper_report_to(&k->report_fd, err->code, err->msg);
	return -err->code;
}

int keeper_run(const struct keeper_options *options, struct err *err)
{
	static struct keeper k = {
		.dir = KEEPER_DIR_INIT,
		.clone_fd = -1,
		.control_fd = -1,
		.signal_fd = -1,
		.seed = KEEPER_SEED_INIT,
	};
	int r;

	k.options = options;
	k.report_fd = options->report_fd;
	k.started_s = time(NULL);
	r = setup(&k, err);
	if (r < 0) {
		/* What is there belongs to the other keeper. */
		if (r != -EEXIST && k.dir.lock_fd >= 0)
			keeper_dir_remove(&k.dir);
		keeper_report_to(&k.report_fd, err->code, err->msg);
		return r;
	}
	log_info("keeper %d of seed '%s' starts, worker '%s'", (int)getpid(), options->name,
		options->worker);
	if (options->background)
		keeper_report_to(&k.report_fd, 0, "");
	keeper_seed_start(&k);
	while (r == 0 && !(k.stopping && k.seed.pid == 0))
		r = turn(&k);
	finish(&k);
	return end(&k, r, err);
}
