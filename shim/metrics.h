/* SPDX-License-Identifier: Apache-2.0 */
/* What a container uses, in the messages that containerd reads: of its cgroups, v1 or v2. */
#ifndef SHIM_METRICS_H
#define SHIM_METRICS_H

#include "shim/proto/common.pb-c.h"

struct arena;
struct buf;
struct err;

/*
 * Fills the Any from the cgroups (see cgroup_of()). It borrows `scratch`, in which the
 * message is written. -ENOENT when there are no cgroups, -ENOMEM.
 */
int metrics_read(const char *cgroups, struct Pb__Any *ret, struct buf *scratch, struct err *err);

#endif
