/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CONTROL_CONTROL_PRIV_H
#define SEED_NOSLATED_CONTROL_CONTROL_PRIV_H

#include <stdbool.h>
#include <uv.h>

#include "seed/noslated/control/control.h"
#include "seed/noslated/control/events.h"
#include "seed/noslated/control/sets.h"
#include "seed/noslated/control/worker.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/supervisor.h"

struct admin;
struct buf;
struct crew;
struct data_plane_process;
struct worker;
struct worker_log;

/* What a function needs beside its profile. */
struct function_files {
	char *name, *bundle;
	struct worker_log *log;
};

/* Streams of events. */
struct follower;
struct admin_events {
	struct control *control;
	struct follower *first;
};

struct control {
	const struct control_options *options;
	uv_loop_t loop;
	uv_signal_t term, interrupt, again_signal;
	struct store store;
	int lock_fd; /* of RUN */
	struct crew *crew;
	struct workers workers;
	struct admin *admin;
	struct profile_set set;
	struct function_files *files; /* in the order of the set's functions */
	struct sets sets;	      /* what was applied before */
	unsigned attempts;	      /* how many were to be */
	bool drained;		      /* no function takes a request, whatever its profile says */
	char drained_path[256], told_path[256];
	struct events *events;
	struct admin_events followers;

	struct data_plane_process *planes;
	uv_poll_t supervisor; /* whether it is there */
	uv_timer_t again;     /* a data plane is started once more */
	int listeners[CONTROL_LISTEN_MAX];
	bool ends;
	bool hands_over; /* to another control plane: everything stays as it is */
};

/* --- apply.c --- */

/*
 * All or nothing: a line for each mistake in `errors`, or the set is written, and the data plane has been
 * told. `how` it came to be is for the history: at most SETS_HOW_MAX - 1 small letters.
 */
int control_apply(struct control *c, const char *how, const char *text, size_t len,
	struct buf *errors, struct err *err);
/* A set in which one function is another one. -ENOENT: there is none of this name. */
int control_change(struct control *c, const char *how, const char *function,
	void (*change)(struct profile_function *f, const void *arg), const void *arg,
	struct buf *errors, struct err *err);
/* All functions, whatever is applied until it is taken back; lasts over a restart. */
int control_drain(struct control *c, bool drained, struct err *err);

/* What was applied when a daemon before this one ran. */
int control_load(struct control *c, struct err *err);

/* --- functions.c --- */

/*
 * What functions of a set need. Whose code is not as it was said is a mistake; or, where `errors` is NULL,
 * logged: its workers will fail to start.
 */
int functions_prepare(struct control *c, const struct profile_set *set, struct function_files **ret,
	struct buf *errors, struct err *err);
void functions_release(struct function_files *files, size_t n);
/* Before the first of them: bundles are there already that a control plane before has made. */
void functions_begin(struct control *c);
/* Bundles that are of no function and have no worker in them. */
void functions_sweep(const struct control *c);
const struct function_files *functions_find(const struct control *c, const char *name);

/* --- data_plane.c --- */

/* Those that a control plane before has left. */
int data_planes_adopt(struct control *c, struct err *err);
/* The set and the workers are known: asks what there is, and starts one if there is none. */
int data_planes_begin(struct control *c, struct err *err);
int data_plane_start(struct control *c, struct err *err);
bool data_plane_runs(const struct control *c);
void data_plane_tell_set(struct control *c);
/* Whoever the worker serves hears of it. */
void data_plane_ready(struct worker *w);
void data_plane_gone(struct worker *w);
/* Running requests end first, unless `at_once`; then control_check_end(). */
void data_planes_end(struct control *c, bool at_once);
/* They go on without us. */
void data_planes_leave(struct control *c);

/* --- control.c --- */

/* Ends the loop once nothing is left that has to end before. */
void control_check_end(struct control *c);

/* --- listen.c --- */

/* Of control_options.listen, unless they were kept. */
int listeners_open(struct control *c, struct err *err);
void listeners_close(struct control *c, bool for_good);

/* --- admin.c --- */

/* RUN/admin.sock. NULL with the error. */
struct admin *admin_open(struct control *c, struct err *err);
void admin_close(struct admin *a);
void admin_events_changed(void *followers);

#endif
