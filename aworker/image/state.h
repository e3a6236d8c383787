/* SPDX-License-Identifier: Apache-2.0 */
/* State images (seed/state.h) of a worker: how one is made of it, how it goes on from one. */
#ifndef AWORKER_IMAGE_STATE_H
#define AWORKER_IMAGE_STATE_H

#include "aworker/worker.h"

struct box_entry;
struct err;

/*
 * Executes this program again with the same arguments, from the base image; a negative errno
 * when there is none that fits.
 */
int state_exec_base(const char *const *argv, struct err *err);

/* What messages call options.build_state. */
const char *state_name(const struct worker_options *options);

/*
 * Runs what was loaded to its rest, in a copy of this process, and writes that to
 * options.build_state. The process was started from a base image. Returns the exit code.
 * One that is to stay in memory does so as long as this process, which says its path on stdout
 * and does not return.
 */
int state_build(struct worker *w);

/*
 * The same for the process of a container, which has passed its gate and was told to become
 * a state image of it: says so, and stands until it is killed. Returns a negative errno when
 * it does not come to rest.
 */
int state_rest(struct worker *w, struct box_entry *entry, struct err *err);

/*
 * Becomes the worker of the image `fd`, as the process of a container that has passed its
 * gate. pagemap_fd is state_pagemap()'s. Returns as state_become().
 */
int state_become_in(struct box_entry *entry, int fd, int pagemap_fd, struct err *err);

/*
 * Becomes the worker of options.state, if that fits: returns only when it does not, with a
 * negative errno and nothing changed. The options are parsed again from `argv`, with
 * `env`; both are copied.
 */
int state_become(const struct worker_options *options, const char *const *argv,
	const char *const *env, struct err *err);

#endif
