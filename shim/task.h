/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task service: what containerd asks of a shim. containerd.task.v2.Task and
 * containerd.task.v3.Task are the same calls under two names.
 */
#ifndef SHIM_TASK_H
#define SHIM_TASK_H

#include "shim/ttrpc_server.h"

/* Events that containerd has not taken when it asks for the end may take so long: it waits three seconds. */
#define TASK_FLUSH_MS 2000

extern const struct ttrpc_service task_service_v2, task_service_v3;

/* `namespace` is containerd's; `quit` ends the shim. Borrowed. */
void task_setup(const char *namespace, void (*quit)(void));

#endif
