/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What control and data plane say to each other: JSON objects, one a line, over a Unix socket.
 *
 * To the data plane:
 *   {"kind": "apply", "file": PATH}                        the set of functions (profile/profile.h)
 *   {"kind": "ready", "worker": NAME, "socket": PATH}      it serves
 *   {"kind": "gone", "worker": NAME}                       it has ended, or could not be made
 *   {"kind": "drain"}                                      no new connections; end with the last request
 * To the control plane:
 *   {"kind": "start", "worker": NAME, "function": NAME}    one more is wanted
 *   {"kind": "stop", "worker": NAME}                       one is not
 */
#ifndef SEED_NOSLATED_LINK_H
#define SEED_NOSLATED_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "runtime/base/err.h"

#define LINK_LINE_MAX 65536

struct link;
struct json_node;

struct link_message {
	const char *kind, *worker, *function, *socket, *file; /* NULL: not given */
};

typedef void (*link_message_fn)(void *arg, const struct link_message *m);
/* The other side has gone, or talks nonsense; the link is closed when this returns. */
typedef void (*link_end_fn)(void *arg);

/* Takes the descriptor. NULL: out of memory. */
struct link *link_open(
	uv_loop_t *loop, int fd, link_message_fn on_message, link_end_fn on_end, void *arg);
void link_send(struct link *l, const struct link_message *m);
/* Neither function is called any more. NULL is fine. */
void link_close(struct link *l);

#endif
