/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker has ended that nobody told to: what its container's files and the kernel say of it. */
#ifndef SEED_NOSLATED_CONTROL_WORKER_EXIT_H
#define SEED_NOSLATED_CONTROL_WORKER_EXIT_H

#include "seed/noslated/stats/words.h"

/* How long the file `exit` may take to be there once the process is gone. */
#define WORKER_EXIT_MS 50

/* Before its container is deleted. */
enum stats_exit worker_exit_look(const char *root, const char *id);

#endif
