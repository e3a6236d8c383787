/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/address.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/crew.h"
#include "seed/noslated/control/figures.h"
#include "seed/noslated/control/meter.h"
#include "seed/noslated/control/telemetry.h"

/* How long those of a control plane before may take to end. */
#define LOCK_PAUSE_US 10000
#define LOCK_TRIES    1000

#define RUN_MAX	  80
#define STATE_MAX 200

/* --- the whole --- */

static const char *const endings[STATS_EXITS] = {
	[STATS_EXIT_STOPPED] = "it was told to",
	[STATS_EXIT_ENDED] = "by itself",
	[STATS_EXIT_FAILED] = "by itself, with an error",
	[STATS_EXIT_KILLED] = "killed by a signal",
	[STATS_EXIT_OOM] = "it had no memory left",
};

static const char *tenant_of(const struct control *c, const struct worker *w)
{
	const struct profile_function *f = profile_set_find(&c->set, worker_function(w));

	return f ? f->tenant : "";
}

static void on_worker_ready(void *arg, struct worker *w)
{
	struct control *c = arg;

	events_add(c->events, EVENT_WORKER_STARTED, worker_function(w), worker_name(w),
		"process %d", (int)worker_pid(w));
	meter_worker_serves(telemetry_meter(c->telemetry), worker_name(w), worker_function(w),
		tenant_of(c, w), worker_pid(w), worker_making_ns(w));
	data_plane_ready(w);
}

static void on_worker_gone(void *arg, struct worker *w, const char *why)
{
	struct control *c = arg;

	if (why) {
		log_error("worker '%s' of '%s': %s", worker_name(w), worker_function(w), why);
		events_add(c->events, EVENT_WORKER_FAILED, worker_function(w), worker_name(w), "%s",
			why);
		meter_worker_failed(
			telemetry_meter(c->telemetry), worker_function(w), tenant_of(c, w));
	} else {
		events_add(c->events, EVENT_WORKER_ENDED, worker_function(w), worker_name(w), "%s",
			endings[worker_exit(w)]);
		meter_worker_gone(telemetry_meter(c->telemetry), worker_name(w), worker_exit(w));
	}
	data_plane_gone(w);
	control_check_end(c);
}

static void on_made(void *arg, const char *worker, int *pidfd)
{
	struct control *c = arg;

	workers_made(&c->workers, worker, pidfd);
}

static void on_failed(void *arg, const char *worker, const char *why)
{
	struct control *c = arg;

	workers_failed(&c->workers, worker, why);
}

static void on_crew_idle(void *arg)
{
	control_check_end(arg);
}

/* Data planes first, then workers, then what is left of these. */
void control_check_end(struct control *c)
{
	if (c->hands_over && crew_is_at_rest(c->crew))
		uv_stop(&c->loop);
	if (!c->ends || !c->begun || c->planes)
		return;
	for (struct worker *w = c->workers.first, *next; w; w = next) {
		next = worker_next(w);
		if (!worker_is_stopping(w))
			worker_stop(w, 0);
	}
	if (!c->workers.first && crew_is_idle(c->crew))
		uv_stop(&c->loop);
}

/* A second one does not wait for requests. */
static void on_end_signal(uv_signal_t *s, int number)
{
	struct control *c = s->data;
	const bool again = c->ends;

	events_add(c->events, EVENT_ENDS, NULL, NULL, "signal %d", number);
	c->ends = true;
	control_apply_cancel(c);
	data_planes_end(c, again);
	control_check_end(c);
}

/* Another program takes over, when what is being made is made. */
static void on_again_signal(uv_signal_t *s, int number UNUSED)
{
	struct control *c = s->data;

	c->hands_over = true;
	crew_rest(c->crew);
	control_check_end(c);
}

static void on_usr1(uv_signal_t *s, int number UNUSED)
{
	telemetry_reopen(((struct control *)s->data)->telemetry);
}

static int make_directories(struct control *c, struct err *err)
{
	const struct control_options *o = c->options;
	static char sockets[256];

	/* Sockets are below it, whose paths are at most 107 bytes. */
	if (strlen(o->run) > RUN_MAX)
		return err_say(
			err, ENAMETOOLONG, "--run: '%s' has more than %d bytes", o->run, RUN_MAX);
	if (strlen(o->state) > STATE_MAX)
		return err_say(err, ENAMETOOLONG, "--state: '%s' has more than %d bytes", o->state,
			STATE_MAX);
	snprintf(sockets, sizeof(sockets), "%s/workers", o->run);
	snprintf(c->drained_path, sizeof(c->drained_path), "%s/drained", o->state);
	snprintf(c->told_path, sizeof(c->told_path), "%s/functions.json", o->run);
	c->workers.sockets = sockets;
	if (paths_mkdir_all(o->run, 0700, err) < 0 || paths_mkdir_all(o->state, 0700, err) < 0 ||
		paths_mkdir_all(o->log, 0750, err) < 0 || paths_mkdir_all(sockets, 0700, err) < 0 ||
		sets_open(&c->sets, o->state, err) < 0)
		return -err->code;
	return 0;
}

/*
 * One noslated a directory. The lock is also held by the makers of a control plane before, which end as soon
 * as it has, but not at the same time.
 */
static int lock_directory(struct control *c, struct err *err)
{
	char path[256 + 8];

	snprintf(path, sizeof(path), "%s/lock", c->options->run);
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return err_set(err, errno, "open '%s'", path);
	for (int i = 0; flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK)
			return err_set(err, errno, "lock '%s'", path);
		if (i == LOCK_TRIES)
			return err_say(
				err, EBUSY, "--run: another noslated uses '%s'", c->options->run);
		usleep(LOCK_PAUSE_US);
	}
	return 0;
}

static void await_signal(struct control *c, uv_signal_t *s, uv_signal_cb on_signal, int number)
{
	uv_signal_init(&c->loop, s);
	s->data = c;
	uv_signal_start(s, on_signal, number);
}

/* The supervisor has blocked them, so that none came before this. */
static void await_signals(struct control *c)
{
	sigset_t none;

	await_signal(c, &c->term, on_end_signal, SIGTERM);
	await_signal(c, &c->interrupt, on_end_signal, SIGINT);
	await_signal(c, &c->again_signal, on_again_signal, SIGHUP);
	await_signal(c, &c->usr1, on_usr1, SIGUSR1);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing is ever said on it: the supervisor has gone, and with it what it kept. */
static void on_store_end(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct control *c = poll->data;

	uv_poll_stop(poll);
	if (c->ends)
		return;
	log_error("the supervisor has ended, so everything does");
	c->ends = true;
	control_apply_cancel(c);
	data_planes_end(c, false);
	control_check_end(c);
}

static struct worker_log *log_of(void *arg, const char *function, const char *bundle UNUSED)
{
	const struct function_files *files = functions_find(arg, function);

	return files ? files->log : NULL;
}

/* The set is known, so that what a control plane before has left can be taken over. */
static int take_over(struct control *c, struct err *err)
{
	if (data_planes_adopt(c, err) < 0 || workers_adopt(&c->workers, log_of, c, err) < 0)
		return -err->code;
	c->begun = true;
	for (struct worker *w = c->workers.first; w; w = worker_next(w))
		meter_worker_serves(telemetry_meter(c->telemetry), worker_name(w),
			worker_function(w), tenant_of(c, w), worker_pid(w), 0);
	if (c->ends) {
		data_planes_end(c, false);
		control_check_end(c);
		return 0;
	}
	if (data_planes_begin(c, err) < 0)
		return -err->code;
	functions_retire_unknown(c);
	functions_sweep(c);
	store_ready(&c->kept);
	return 0;
}

static void on_loaded(void *arg, const struct err *err, const struct buf *errors UNUSED)
{
	struct control *c = arg;

	c->failed = c->ends ? (struct err)ERR_INIT : *err;
	if (c->failed.code)
		err_wrap(&c->failed, "'%s'", c->sets.link);
	else
		(void)take_over(c, &c->failed);
	if (c->failed.code)
		uv_stop(&c->loop);
}

static int make_crew(struct control *c, struct err *err)
{
	const struct crew_options options = {.loop = &c->loop,
		.program = c->options->program,
		.root = c->options->root,
		.lock_fd = c->lock_fd,
		.made = on_made,
		.failed = on_failed,
		.idle = on_crew_idle,
		.arg = c};

	return crew_create(&options, &c->crew, err);
}

static int begin(struct control *c, struct err *err)
{
	uv_timer_init(&c->loop, &c->again);
	uv_timer_init(&c->loop, &c->patience);
	uv_timer_init(&c->loop, &c->apply_again);
	await_signals(c);
	uv_poll_init(&c->loop, &c->supervisor, c->kept.socket);
	c->supervisor.data = c;
	uv_poll_start(&c->supervisor, UV_READABLE, on_store_end);
	c->followers.control = c;
	c->events = events_create(admin_events_changed, &c->followers);
	if (!c->events)
		return err_oom(err);
	events_add(c->events, EVENT_STARTED, NULL, NULL, "noslated " TURF_VERSION);
	if (make_directories(c, err) < 0 || lock_directory(c, err) < 0 ||
		listeners_open(c, err) < 0 || make_crew(c, err) < 0 ||
		figures_create(&c->loop, c->options->run, &c->figures, err) < 0)
		return -err->code;
	c->jobs.loop = c->workers.loop = &c->loop;
	c->workers.root = c->options->root;
	c->workers.crew = c->crew;
	c->workers.ready = on_worker_ready;
	c->workers.gone = on_worker_gone;
	c->workers.arg = c;
	functions_look_back(c);
	if (code_store_open(&c->code_store, c->options->state, err) < 0 ||
		telemetry_open(c, &c->telemetry, err) < 0)
		return -err->code;
	c->admin = admin_open(c, err);
	return c->admin ? control_load(c, on_loaded, c, err) : -err->code;
}

static void finish(struct control *c)
{
	const bool for_good = !c->hands_over && !c->planes;

	control_apply_finish(c);
	code_store_close(&c->code_store);
	uv_close((uv_handle_t *)&c->again, NULL);
	uv_close((uv_handle_t *)&c->patience, NULL);
	uv_close((uv_handle_t *)&c->apply_again, NULL);
	uv_close((uv_handle_t *)&c->term, NULL);
	uv_close((uv_handle_t *)&c->interrupt, NULL);
	uv_close((uv_handle_t *)&c->again_signal, NULL);
	uv_close((uv_handle_t *)&c->usr1, NULL);
	uv_close((uv_handle_t *)&c->supervisor, NULL);
	data_planes_leave(c);
	workers_leave(&c->workers);
	crew_destroy(c->crew);
	functions_finish(c);
	admin_close(c->admin);
	figures_destroy(c->figures);
	telemetry_close(c->telemetry);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	functions_release(c->files, c->set.n_functions);
	profile_set_finish(&c->set);
	events_destroy(c->events);
	listeners_close(c, for_good);
	fd_close(&c->lock_fd);
}

int control_run(const struct control_options *options, struct err *err)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(err);
	c->options = options;
	c->lock_fd = -1;
	c->code_store = (struct code_store)CODE_STORE_INIT;
	for (size_t i = 0; i < CONTROL_LISTEN_MAX; i++)
		c->listeners[i] = -1;
	signal(SIGPIPE, SIG_IGN);
	if (store_open(&c->kept, err) == 0) {
		uv_loop_init(&c->loop);
		if (begin(c, err) == 0) {
			uv_run(&c->loop, UV_RUN_DEFAULT);
			*err = c->failed;
		}
		finish(c);
	}
	store_close(&c->kept);
	r = err->code ? -err->code : c->hands_over ? SUPERVISOR_AGAIN : 0;
	free(c);
	return r;
}
