/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CONTROL_CONTROL_PRIV_H
#define SEED_NOSLATED_CONTROL_CONTROL_PRIV_H

#include <stdbool.h>
#include <uv.h>

#include "seed/noslated/control/control.h"
#include "seed/noslated/control/undertaker.h"
#include "seed/noslated/control/worker.h"
#include "seed/noslated/profile/profile.h"

struct admin;
struct buf;
struct link;
struct worker_log;

/* What a function needs beside its profile. */
struct function_files {
	char *name, *bundle;
	struct worker_log *log;
};

struct control {
	const struct control_options *options;
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	struct undertaker undertaker;
	struct workers workers;
	struct admin *admin;
	struct profile_set set;
	struct function_files *files; /* in the order of the set's functions */
	unsigned version;	      /* of the set: how many were applied */
	unsigned attempts;	      /* how many were to be */
	char set_path[256], told_path[256];

	struct link *link; /* NULL: no data plane at the moment */
	uv_process_t data;
	uv_timer_t again; /* it is started once more */
	bool data_runs;
	int listeners[CONTROL_LISTEN_MAX];
	bool ends;
};

/*
 * All or nothing: -EINVAL and a line for each mistake in `errors`, or the set is written, and the data
 * plane has been told.
 */
int control_apply(
	struct control *c, const char *text, size_t len, struct buf *errors, struct err *err);

/* --- functions.c --- */

/*
 * What functions of a set need. Whose code is not as it was said is a mistake; or, where `errors` is NULL,
 * logged: its workers will fail to start.
 */
int functions_prepare(struct control *c, const struct profile_set *set, struct function_files **ret,
	struct buf *errors, struct err *err);
void functions_release(struct function_files *files, size_t n);
/* All bundles, when no worker stands in one. */
void functions_forget(const struct control *c);
const struct function_files *functions_find(const struct control *c, const char *name);

/* --- data_plane.c --- */

int data_plane_start(struct control *c, struct err *err);
void data_plane_tell_set(struct control *c);
void data_plane_end(struct control *c);

/* --- admin.c --- */

/* RUN/admin.sock. NULL with the error. */
struct admin *admin_open(struct control *c, struct err *err);
void admin_close(struct admin *a);

#endif
