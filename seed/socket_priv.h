/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets in a seed's directory: addresses, peers, deadlines. */
#ifndef SEED_SOCKET_PRIV_H
#define SEED_SOCKET_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

/* Opens the directory of seed `name`. -ENOENT when there is none, -EINVAL for a bad name. */
int seed_dir_open(const char *name, int *ret_fd, struct err *err);

/*
 * Connects to a socket of the seed and checks that root or our own user listens
 * there. Connecting and sending give up after timeout_ms.
 */
int seed_socket_connect(
	const char *name, const char *file, int timeout_ms, int *ret_fd, struct err *err);

/* Binds and listens; non-blocking, since keeper and seed accept from the same socket. */
int seed_socket_listen(int dirfd, const char *file, int *ret_fd, struct err *err);

/* Lifts the time limit of seed_socket_connect(). */
int seed_socket_forever(int fd, struct err *err);

/* Waits until something can be read. 0, -ETIMEDOUT or another negative errno. */
int seed_socket_wait(int fd, int timeout_ms);

/* True when the process at the other end belongs to root or to our own user. */
bool seed_socket_peer_is_trusted(int fd);

#endif
