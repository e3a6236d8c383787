/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Startup snapshots of a worker that has run its user's code: the portable form of its state. It
 * needs a new engine, so a state image (aworker/image/state.h) is quicker; but it is good for each
 * host of one build and one kind of processor.
 */
#ifndef AWORKER_SNAPSHOT_SNAPSHOT_H
#define AWORKER_SNAPSHOT_SNAPSHOT_H

#include "aworker/worker.h"

/* Runs what was loaded to its rest and writes options.snapshot_blob. Returns the exit code. */
int snapshot_build(struct worker *w);

/*
 * Reads options.snapshot_blob, if there is one, for worker_create() to start from: an engine that the
 * worker has is given up. Where it does not fit this program, or the file that was loaded, which is not what
 * it was made of, that is said and nothing changes; or it is the error, when the file is not to be run.
 */
int snapshot_use(struct worker *w, struct err *err);

#endif
