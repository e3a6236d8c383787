/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that is a container: as a seed, whose clones are, or as a process that
 * was made for one. Both return the exit code of the process; a clone returns from
 * container_seed() as well.
 */
#ifndef AWORKER_CONTAINER_H
#define AWORKER_CONTAINER_H

#include <stdint.h>

#include "runtime/base/err.h"

struct worker;

/*
 * `arg` is what follows SEED_OPTION_SERVE or SEED_OPTION_COLD. `w`: with an engine, when it
 * comes from an image.
 */
int container_seed(struct worker *w, const char *arg);
int container_cold(struct worker *w, const char *arg);

/*
 * Gives the heap its share of `memory` bytes for the container, and no more than `heap`; 0: all it
 * wants.
 */
void container_limit_heap(struct worker *w, uint64_t memory, uint64_t heap);

/*
 * Takes a worker that has an engine to its fork point: code that every worker runs is
 * compiled, nothing is open, and a copy has been tried.
 */
int container_warm_up(struct worker *w, struct err *err);

#endif
