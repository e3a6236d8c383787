/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CONTROL_CONTROL_PRIV_H
#define SEED_NOSLATED_CONTROL_CONTROL_PRIV_H

#include <stdbool.h>
#include <uv.h>

#include "seed/noslated/control/code.h"
#include "seed/noslated/control/code_job.h"
#include "seed/noslated/control/code_store.h"
#include "seed/noslated/control/control.h"
#include "seed/noslated/control/events.h"
#include "seed/noslated/control/sets.h"
#include "seed/noslated/control/worker.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/supervisor.h"

struct admin;
struct applying;
struct figures;
struct buf;
struct crew;
struct data_plane_process;
struct worker;
struct telemetry;
struct worker_log;

/* What a function needs beside its profile. */
struct function_files {
	char *name, *bundle; /* NULL: there is no code, and workers cannot be started */
	bool fresh;	     /* the bundle is of a set that is not taken yet */
	struct worker_log *log;
	struct code_seen seen;
	struct digest checked; /* what the code has, where that was looked at; otherwise empty */
	struct digest code; /* of the stored tree, or what stands for it: the function's version */
	bool stored;	    /* code is the name of a tree in the store */
};

/* A bundle that is no set's any more, as long as a worker stands in it. */
struct retired {
	struct retired *next;
	char *bundle;
	struct digest code; /* empty: no tree in the store */
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
	uv_signal_t term, interrupt, again_signal, usr1;
	struct store kept; /* what the supervisor keeps for us */
	int lock_fd;	   /* of RUN */
	struct crew *crew;
	struct workers workers;
	struct admin *admin;
	struct telemetry *telemetry;
	struct profile_set set;
	struct function_files *files; /* in the order of the set's functions */
	struct sets sets;	      /* what was applied before */
	unsigned attempts;	      /* how many were to be */
	bool drained;		      /* no function takes a request, whatever its profile says */
	char drained_path[256], told_path[256];
	struct events *events;
	struct admin_events followers;
	struct applying *applying; /* NULL: none is */
	uv_timer_t apply_again;
	struct code_store code_store;
	struct code_jobs jobs;
	struct retired *retired;
	struct err failed; /* why it ends, when nobody wanted that */
	struct figures *figures;

	struct data_plane_process *planes;
	uv_poll_t supervisor; /* whether it is there */
	uv_timer_t patience;  /* with a data plane that leaves */
	uv_timer_t again;     /* a data plane is started once more */
	int listeners[CONTROL_LISTEN_MAX];
	bool ends;
	bool begun;	 /* what a control plane before has left is ours */
	bool hands_over; /* to another control plane: everything stays as it is */
};

/* --- apply.c --- */

/*
 * All or nothing: the set is written, and the data plane has been told; or err->code is not 0, and `errors` has a
 * line for each mistake. EALREADY: another one is being applied; ECANCELED: noslated ends.
 */
typedef void (*control_applied_fn)(void *arg, const struct err *err, const struct buf *errors);

/*
 * `how` it came to be is for the history: at most SETS_HOW_MAX - 1 small letters. done() is called once, perhaps
 * before this returns. One set at a time; the text need not outlive the call.
 */
void control_apply(struct control *c, const char *how, const char *text, size_t len,
	control_applied_fn done, void *arg);
/* What was applied before. A function whose code has gone since keeps none of the others from serving. */
void control_apply_at_start(
	struct control *c, const char *text, size_t len, control_applied_fn done, void *arg);
/* Whoever waits with this argument does not any more; the set is still applied. */
void control_apply_forget(struct control *c, const void *arg);
/* The set that is being applied is not: done() says so. */
void control_apply_cancel(struct control *c);
/* The same, without a loop and without saying so. */
void control_apply_finish(struct control *c);

/* --- change.c --- */

/* A set in which one function is another one; ENOENT: there is none of this name. */
void control_change(struct control *c, const char *how, const char *function,
	void (*change)(struct profile_function *f, const void *arg), const void *change_arg,
	control_applied_fn done, void *arg);
/* All functions, whatever is applied until it is taken back; lasts over a restart. */
int control_drain(struct control *c, bool drained, struct err *err);
/* What was applied when a control plane before this one ran. */
int control_load(struct control *c, control_applied_fn done, void *arg, struct err *err);

/* --- told.c --- */

/*
 * What the data plane is told of a set: first it is written beside what was told before, so that nothing can
 * fail when all else is done.
 */
int told_write(const struct control *c, const struct profile_set *set,
	const struct function_files *files, struct err *err);
void told_forget(const struct control *c);
void told_send(struct control *c);

/* --- functions.c --- */

/* What a function needs: first all but its bundle, then, when it is known where its code is, that. */
int functions_begin(struct control *c, const struct profile_function *f, struct function_files *ret,
	struct err *err);
int functions_prepare(struct control *c, const struct profile_function *f,
	struct function_files *files, struct err *err);
/* Removes the bundles of a set that is not taken. */
void functions_undo(struct function_files *files, size_t n);
void functions_release(struct function_files *files, size_t n);
/* Bundles are there already that a control plane before has made; before the first set. */
void functions_look_back(struct control *c);
/* Those that the first set does not need are retired. */
void functions_retire_unknown(struct control *c);
/* Takes both over; the bundles of the set before are retired. */
void functions_adopt(struct control *c, struct profile_set *set, struct function_files *files);
/* Removes bundles and trees that neither the set nor a worker needs. */
void functions_sweep(struct control *c);
/* What code_store_begin() made, or code_store_drop() took away, is removed. */
void functions_discard(struct control *c, const char *name);
/* Memory of those that are not removed yet. */
void functions_finish(struct control *c);
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
void data_plane_measured(struct worker *w, uint64_t bytes);
/* To all of them. */
void data_planes_say(struct control *c, const char *kind, const char *file);
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
