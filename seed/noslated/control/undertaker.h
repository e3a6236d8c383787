/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process beside the control plane that deletes the containers of workers that have ended: as much work as
 * making one, and nobody waits for it. It has nothing but its orders, and outlives a control plane that was
 * killed for as long as it has some.
 */
#ifndef SEED_NOSLATED_CONTROL_UNDERTAKER_H
#define SEED_NOSLATED_CONTROL_UNDERTAKER_H

#include <sys/types.h>

#include "runtime/base/err.h"

struct undertaker {
	pid_t pid; /* 0: none */
	int orders;
};

#define UNDERTAKER_INIT \
	{               \
		0, -1   \
	}

/* Before anything is opened that it should not have. `root`: of containers. */
int undertaker_start(struct undertaker *u, const char *root, struct err *err);
/*
 * The file `note` holds the container's id, and goes when that is deleted. -EPIPE when there is no
 * undertaker any more: undertaker_bury() does it here.
 */
int undertaker_order(const struct undertaker *u, const char *note);
/* Waits until every order is done. */
void undertaker_finish(struct undertaker *u);

/* What it does with an order. */
void undertaker_bury(const char *root, const char *note);

#endif
