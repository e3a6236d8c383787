/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies what one descriptor brings to another, in the loop. A reader that is slow holds
 * up its writer and nobody else.
 */
#ifndef SHIM_PUMP_H
#define SHIM_PUMP_H

#include "runtime/base/err.h"

struct pump;

/* The input has ended, or its reader is gone. The pump is gone when this is called. */
typedef void pump_done_fn(void *arg);

/*
 * Takes both descriptors over, also when it fails, and makes them non-blocking. `from` has
 * to be one that can be polled; `to` may be a file. What a file does not take, because the
 * disk is full, is lost, and the log says so.
 */
struct pump *pump_start(int from, int to, pump_done_fn *done, void *arg, struct err *err);
/* Ends it without a word. *p may be NULL, and is then. */
void pump_drop(struct pump **p);

#endif
