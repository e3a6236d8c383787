/* SPDX-License-Identifier: Apache-2.0 */
/* The namespaces of a pod, held by this process or, where pids are shared, by a first process. */
#ifndef SHIM_POD_H
#define SHIM_POD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct Pb__PodSandboxConfig;

/*
 * Enters the network namespace at `netns` ("" is the host's), and makes those for IPC and
 * host name that the configuration asks for; sets host name and sysctls in them. Undone when
 * it fails. -EOPNOTSUPP for a user namespace.
 */
int pod_enter(const struct Pb__PodSandboxConfig *config, const char *netns, struct err *err);

/* Back to the host's, so that nothing of the pod is held open. */
void pod_leave(void);

/* The pid whose namespaces containers join. */
pid_t pod_pid(void);

/* For a child that becomes a runtime: out of the pod. 0 or a negative errno; takes no lock. */
int pod_child_leave(void);

#endif
