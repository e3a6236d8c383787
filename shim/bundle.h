/* SPDX-License-Identifier: Apache-2.0 */
/* What the shim itself wants to know of a bundle's config.json. The rest is the runtime's. */
#ifndef SHIM_BUNDLE_H
#define SHIM_BUNDLE_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct bundle {
	char *group;   /* owned; the pod it belongs to, NULL for none */
	char *cgroup;  /* owned; the path of its cgroup, NULL when the runtime chooses one */
	bool own_pids; /* a PID namespace is made for it */
};

int bundle_read(const char *dir, struct bundle *ret, struct err *err);
void bundle_finish(struct bundle *b);

/* The id that a pid file holds, which the runtime has just written. Removes the file. */
int bundle_take_pid(const char *path, int *ret, struct err *err);

#endif
