/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs hooks. Works in the runtime and in the container's child alike: nothing
 * is allocated, and only the hook itself is reaped, so that it may be called in a
 * PID 1 that has other children.
 */
#ifndef RUNTIME_BOX_HOOKS_H
#define RUNTIME_BOX_HOOKS_H

#include <stddef.h>

#include "runtime/base/err.h"

struct buf;

struct hook {
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL-terminated; NULL or empty: just the path */
	const char *const *envp; /* NULL-terminated; NULL: an empty environment */
	unsigned timeout_s;	 /* 0: none */
};

/*
 * Runs one hook with `state` on its stdin and waits for it. A failure is one
 * sentence: the path, how it ended, the last of what it printed (its stdout and
 * stderr; on success nobody sees them). A hook that overstays its timeout is
 * killed with its process group: -ETIMEDOUT. What a hook leaves running in the
 * background does not delay us.
 */
int hook_run(const struct hook *hook, const char *state, size_t state_len, struct err *err);

/* Runs hooks in order up to the first failure; `kind` ("prestart") starts the error. */
int hooks_run(const char *kind, const struct hook *hooks, size_t n, const char *state,
	size_t state_len, struct err *err);

/* Runs every hook; failures become warnings as in cgroup.h (poststart, poststop). */
void hooks_run_all(const char *kind, const struct hook *hooks, size_t n, const char *state,
	size_t state_len, struct buf *warnings);

#endif
