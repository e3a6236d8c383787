/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox service of containerd 2 (`sandboxer = "shim"`): a pod without a pause image and
 * without a process of its own. The shim is what holds the pod's namespaces open: it enters
 * them, and containers join those of its pid. Runtimes are executed outside of them.
 */
#ifndef SHIM_SANDBOX_H
#define SHIM_SANDBOX_H

#include <stdbool.h>

#include "shim/ttrpc_server.h"

extern const struct ttrpc_service sandbox_service;

/* `quit` ends the shim. Borrowed. */
void sandbox_setup(void (*quit)(void));

/* There is one that was not shut down: the shim stays, also without containers. */
bool sandbox_exists(void);

#endif
