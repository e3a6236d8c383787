/* SPDX-License-Identifier: Apache-2.0 */
/* State images (seed/state.h) of a worker: how one is made of it, how it goes on from one. */
#ifndef AWORKER_STATE_H
#define AWORKER_STATE_H

#include "aworker/worker.h"

struct err;

/*
 * Executes this program again with the same arguments, from the base image; a negative errno
 * when there is none that fits.
 */
int state_exec_base(const char *const *argv, struct err *err);

/*
 * Runs what was loaded to its rest, in a copy of this process, and writes that to
 * options.build_state. The process was started from a base image. Returns the exit code.
 */
int state_build(struct worker *w);

/*
 * Becomes the worker of options.state, if that fits: returns only when it does not, with a
 * negative errno and nothing changed. The options are parsed again from `argv`, with
 * `env`; both are copied.
 */
int state_become(const struct worker_options *options, const char *const *argv,
	const char *const *env, struct err *err);

#endif
