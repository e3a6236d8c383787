/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that makes the containers of workers, and deletes them: by the runtime's own library, without an
 * exec, one order after the other. Several of them are the crew of a control plane (crew.h), with which they
 * end at once; what one has half made then is deleted like anything else.
 *
 * What there is of a worker has one name with different ends: its listening socket, the order that it was
 * made of, and the pipe of its log.
 */
#ifndef SEED_NOSLATED_CONTROL_MAKER_H
#define SEED_NOSLATED_CONTROL_MAKER_H

#include "runtime/base/err.h"

#define MAKER_ORDER	 ".order"
#define MAKER_PIPE	 ".log"
#define MAKER_SOCKET_MAX 96 /* of the socket's path, so that each of them is one of a socket */

/* Descriptor of a worker's listening socket. */
#define MAKER_LISTEN_FD 3

/* `root`: of containers. Serves at ROLE_LINK_FD until that ends. */
int maker_run(const char *root, struct err *err);

#endif
