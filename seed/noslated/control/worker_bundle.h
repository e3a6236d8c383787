/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers of a function are as containers: a bundle that all of them share. The code is mounted
 * into it, read-only, at WORKER_CODE; the worker listens on descriptor 3, has no rights, its own
 * namespaces, a network without a way out, and the system calls that a worker needs.
 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_BUNDLE_H
#define SEED_NOSLATED_CONTROL_WORKER_BUNDLE_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "seed/noslated/code/code.h"

struct profile_function;

#define WORKER_CODE "/code"
/* Says what its code is, so that other code is another bundle. */
#define WORKER_CODE_ANNOTATION "turf.noslate.dev/code"
#define WORKER_CPU_PERIOD_US   100000
/* nobody: owns nothing of the host. */
#define WORKER_UID 65534
#define WORKER_GID 65534

/* Where its code is. */
struct worker_code {
	enum code_kind kind;
	const char *path;  /* what is mounted, or the bundle */
	const char *state; /* what tells it from what was there before */
};

/*
 * Makes `dir` with config.json and rootfs/, unless the bundle `before` (NULL: there is none) says the same:
 * then nothing is made and *ret_same is true. A bundle is never changed, since workers stand in it. -ENOENT,
 * -EINVAL when the code is not there or is nothing that can be run; the error begins with the member of the
 * profile.
 */
int worker_bundle_write(const char *dir, const char *before, const struct profile_function *f,
	const struct worker_code *code, bool *ret_same, struct err *err);

#endif
