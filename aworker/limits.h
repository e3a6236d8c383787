/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker may take: memory, which the engine keeps to, and processor time: of one task, which
 * is a callback of the loop and the microtasks behind it or the user's file, and in all.
 *
 * A worker that has used up a time ends: code that was stopped anywhere has left its data anyhow, and
 * another one is there in a millisecond. Its requests lose their connections.
 */
#ifndef AWORKER_LIMITS_H
#define AWORKER_LIMITS_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct worker;

/* Those of w->options, in this process. One worker of a process at a time. */
int limits_open(struct worker *w, struct err *err);
/* Nothing happens when it is not open. */
void limits_close(void);

/* A task is over. */
void limits_task_done(void);
/* True once the worker has used up a time: that was said, and it ends. */
bool limits_reached(struct worker *w);

#endif
