/* SPDX-License-Identifier: Apache-2.0 */
/* What the program does, one function for each action. They return 0 or a negative errno. */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include "runtime/base/err.h"
#include "shim/address.h"

struct options;

/* Starts a shim for the bundle in the working directory, or finds the one of its group; prints where it serves. */
int shim_start(const struct options *o, struct err *err);

/* Takes away what is left of a container whose shim is gone, or which it has deleted; prints how it ended. */
int shim_delete(const struct options *o, struct err *err);

/* Prints what the runtime is and can do. */
int shim_info(struct err *err);

/*
 * Serves until the last container is gone and containerd has said so. `fd` listens at
 * `address`, which is removed at the end. Working directory is the bundle.
 */
int shim_serve(int fd, const struct address *address, const struct options *o,
	const char *ttrpc_address, struct err *err);

/* Standard input up to its end, malloc'd. */
int shim_read_input(char **ret, size_t *ret_len, struct err *err);
/* All of it to standard output. */
int shim_print(const void *data, size_t len, struct err *err);

#endif
