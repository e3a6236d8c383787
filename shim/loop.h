/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles of libuv's default loop that may be dropped at any moment, also by their own
 * callback: libuv frees what it is done with only in its next turn.
 */
#ifndef SHIM_LOOP_H
#define SHIM_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "runtime/base/err.h"

struct watch;
struct timer;

/* `events` are UV_READABLE and so on; a negative errno when the descriptor cannot be watched. */
typedef void watch_fn(void *arg, int events);

/* Takes the descriptor over, also when it fails; NULL then. Starts with `events`, 0 is idle. */
struct watch *watch_fd(int fd, int events, watch_fn *fn, void *arg, struct err *err);
void watch_events(struct watch *w, int events); /* other ones from now on; 0 is idle */
int watch_descriptor(const struct watch *w);
void watch_drop(struct watch **w); /* closes the descriptor; *w may be NULL, and is then */

typedef void timer_fn(void *arg);

/* Runs once, unless it is dropped before; the callback drops it, too. NULL without memory. */
struct timer *timer_start(uint64_t ms, timer_fn *fn, void *arg);
void timer_drop(struct timer **t);

#endif
