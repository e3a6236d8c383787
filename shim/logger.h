/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that takes a container's output: binary://PROGRAM?KEY=VALUE&... It gets the
 * keys and values as arguments, CONTAINER_ID and CONTAINER_NAMESPACE in its environment,
 * and as descriptors 3, 4 and 5 the reading ends of output and error and a pipe that it
 * closes, or writes a byte to, when it is ready.
 */
#ifndef SHIM_LOGGER_H
#define SHIM_LOGGER_H

#include "runtime/base/err.h"

struct logger;

/* It may take so long to become ready, and to end when it is asked to. */
#define LOGGER_READY_MS 10000
#define LOGGER_END_MS	10000

typedef void logger_ready_fn(void *arg, const struct err *err);

/*
 * Executes the program of `uri`. ret_pipes are the writing ends of output and error, the
 * caller's. `ready` is called once, later. NULL with *err when it cannot be started.
 */
struct logger *logger_start(const char *uri, const char *id, const char *namespace,
	int ret_pipes[2], logger_ready_fn *ready, void *arg, struct err *err);

/* It ends when its input does; one that does not is asked to, then killed. *l may be NULL. */
void logger_drop(struct logger **l);

#endif
