/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of a container that runs already, where hostile processes race with us. What
 * they see last is the place: it is looked up once, within the container's root, and
 * from then on it is a descriptor.
 */
#ifndef RUNTIME_BOX_MOUNTS_H
#define RUNTIME_BOX_MOUNTS_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct box_options;
struct box_plan;
struct buf;

/*
 * A plan to attach `config`->mounts, or to take away what is at their destinations,
 * in the container whose first process the pidfd is. Of the options only id, bundle
 * and config are used; the rest of `config` is the container's. Sources are copied here.
 */
int box_plan_mounts(const struct box_options *options, int pidfd, bool add, struct box_plan **ret,
	struct buf *warnings, struct err *err);

/* Does it, in order; what was done before one that fails stays. */
int box_change_mounts(const struct box_plan *plan, bool add, struct err *err);

#endif
