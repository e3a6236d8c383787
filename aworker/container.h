/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that is a container: as a seed, whose clones are, or as a process that
 * was made for one. Both return the exit code of the process; a clone returns from
 * container_seed() as well.
 */
#ifndef AWORKER_CONTAINER_H
#define AWORKER_CONTAINER_H

#include "runtime/base/err.h"

struct box_limits;
struct worker;

/*
 * `arg` is what follows SEED_OPTION_SERVE or SEED_OPTION_COLD. `w`: with an engine, when it
 * comes from an image.
 */
int container_seed(struct worker *w, const char *arg);
int container_cold(struct worker *w, const char *arg);

/*
 * Adds the limits of the container to those of the command line; the lower ones count. The heap gets its
 * share of the container's memory.
 */
void container_limit(struct box_limits *own, const struct box_limits *container);

/*
 * Takes a worker that has an engine to its fork point: code that every worker runs is
 * compiled, nothing is open, and a copy has been tried.
 */
int container_warm_up(struct worker *w, struct err *err);

#endif
