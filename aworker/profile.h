/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --cpu-prof and --heap-prof: profiles of a whole run, as files that Chrome DevTools and editors
 * open. A session of the debugger's protocol takes them, so they are what a debugger would get.
 *
 * V8 takes the samples of a CPU profile from a thread of its own; it is there from
 * profile_open() to profile_close() and in no other worker.
 */
#ifndef AWORKER_PROFILE_H
#define AWORKER_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct worker;

#define PROFILE_INTERVAL_US	1000
#define PROFILE_INTERVAL_MAX_US 1000000

/* The number of its session; those of debuggers are others. */
#define PROFILE_SESSION 0

/* The two do nothing without an option. Behind inspect_open(). */
int profile_open(struct worker *w, struct err *err);
/* Writes the files, or says why not. Before inspect_close(). */
void profile_close(struct worker *w);
/* A message of its session. */
void profile_take(struct worker *w, const char *json, size_t len);

#endif
