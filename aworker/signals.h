/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signals that ask a worker to end: TERM, INT and HUP. And the one that asks for a
 * report (seed/report.h), which does nothing where no worker is open.
 *
 * The loop hears of them while it turns, and then the worker ends in its own way. A
 * worker that computes without end never comes back to its loop: WORKER_GRACE_MS after
 * the first signal, or with the second one, the running JavaScript is stopped and
 * signals_overdue() is true from then on.
 */
#ifndef AWORKER_SIGNALS_H
#define AWORKER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct worker;

/*
 * Those that come from now on wait for signals_open(), also in the process that this one
 * becomes: PID 1 of a container would lose them.
 */
void signals_delay(void);
/* One worker of a process at a time; its loop is open. */
int signals_open(struct worker *w, struct err *err);
/* The signals are as they were before any worker; nothing happens when it is not open. */
void signals_close(struct worker *w);

/* The worker has to end now, with the exit code of signals_last(). */
bool signals_overdue(void);
/* The last signal that asked; 0: none. */
int signals_last(void);

/* The loop turns once more, soon. For signal handlers. */
void signals_wake(void);
/* Where a handler's third argument says that the process was; 0: not known on this processor. */
uintptr_t signals_counter(const void *context);

#endif
