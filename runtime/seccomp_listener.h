/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_SECCOMP_LISTENER_H
#define RUNTIME_SECCOMP_LISTENER_H

#include <sys/types.h>

#include "oci-spec/state.h"
#include "runtime/base/err.h"

struct record;

/*
 * Takes descriptor `remote_fd`, on which the kernel tells of calls, from the process
 * `pidfd` of the container and sends it with the container process state (config-linux.md)
 * to linux.seccomp.listenerPath of the record. `pid` is the same process.
 */
int seccomp_listener_hand_over(const struct record *r, enum oci_status status, int pidfd, pid_t pid,
	int remote_fd, struct err *err);

#endif
