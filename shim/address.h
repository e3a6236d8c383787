/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a shim: one for each group of containers, found by every later `start`. */
#ifndef SHIM_ADDRESS_H
#define SHIM_ADDRESS_H

#include <stdbool.h>
#include <sys/un.h>

#include "runtime/base/err.h"

#define ADDRESS_DIR "/run/containerd/s"

struct address {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* The place for containerd's socket, namespace and group in `dir`, which is made, 0700, where it is missing. */
int address_choose(const char *dir, const char *containerd, const char *namespace,
	const char *group, struct address *ret, struct err *err);

/* An explicit place. */
int address_set(const char *path, struct address *ret, struct err *err);

/*
 * Listens there: the descriptor, or -EADDRINUSE when a shim does already. What a dead one
 * left is replaced.
 */
int address_listen(const struct address *a, struct err *err);

/* Removes the socket unless somebody listens on it. */
void address_remove_stale(const struct address *a);

#endif
