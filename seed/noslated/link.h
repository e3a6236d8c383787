/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of noslated say to each other: JSON objects, each a packet of a Unix socket, some with a
 * descriptor.
 *
 * To the data plane:
 *   hello                                a control plane is there, perhaps not the first: what is there?
 *   apply      (descriptor)              the set of functions (profile/profile.h)
 *   stats      file                      where it counts (stats/stats.h)
 *   spans      file                      where traced requests go (stats/spans.h)
 *   access-log file                      (again) where each request has a line; "-": stdout
 *   ready      worker function socket    it serves; one that was not asked for is taken, too
 *   go                                   these were all: others may be started
 *   gone       worker                    it has ended, or could not be made
 *   measured   worker bytes              what it takes of memory
 *   leave                                another data plane is there: no new connections, and workers that
 *                                        have no request are given back
 *   drain                                no new connections; end with the last request
 * To the control plane:
 *   start      worker function           one more is wanted
 *   stop       worker                    one is not
 *   release    worker                    one is not wanted by who leaves, but can serve others
 *   have       worker                    after hello: it is there
 *   left                                 after leave: what was idle has been released
 *   told       build                     ... and that was all; who we are
 * To a maker:
 *   make       worker function id bundle tenant socket   socket.log is the pipe of its log
 *   bury       socket                    its container, and whatever is there of it
 * To the control plane:
 *   made       worker (descriptor)       a pidfd
 *   failed     worker text
 *   buried
 * Of the control plane to the supervisor:
 *   keep       id (descriptor)           for the next control plane
 *   drop       id
 *   ready                                it is worth to be started again
 *
 * A link outlives whoever holds one end, if somebody else keeps that: packets wait in it.
 */
#ifndef SEED_NOSLATED_LINK_H
#define SEED_NOSLATED_LINK_H

#include <stdbool.h>
#include <uv.h>

#include "runtime/base/err.h"

#define LINK_PACKET_MAX 16384

struct buf;
struct json_doc;
struct link;

struct link_message {
	const char *kind, *worker, *function, *socket, *file, *id, *bundle, *tenant, *text, *build,
		*bytes; /* NULL: not given */
};

/* Both ends. */
int link_pair(int ret[2], struct err *err);

/* The descriptor that came with it, or -1: closed afterwards unless it was taken. */
typedef void (*link_message_fn)(void *arg, const struct link_message *m, int *fd);
/* The other side has gone, or talks nonsense; the link is closed when this returns. */
typedef void (*link_end_fn)(void *arg);

/* Takes the descriptor. NULL: out of memory. */
struct link *link_open(
	uv_loop_t *loop, int fd, link_message_fn on_message, link_end_fn on_end, void *arg);
/* As soon as the other side takes it, in order. The descriptor is the caller's, or -1. NULL is fine. */
void link_send(struct link *l, const struct link_message *m, int fd);
/* One that link_write() made. */
void link_send_packet(struct link *l, const char *packet, size_t len);
/* Neither function is called any more. NULL is fine. */
void link_close(struct link *l);

/*
 * For who has no loop. Both block; -EPIPE: the other side has gone. A descriptor that came is the caller's, or
 * closed when `ret_fd` is NULL; -1: there was none.
 */
int link_receive(int socket, struct json_doc **ret_doc, struct link_message *ret, int *ret_fd,
	struct err *err);
int link_answer(int socket, const struct link_message *m, int fd, struct err *err);

/* A message as it travels, for who keeps one in a file. */
int link_write(const struct link_message *m, struct buf *out, struct err *err);
int link_read(const char *text, size_t len, struct json_doc **ret_doc, struct link_message *ret,
	struct err *err);

#endif
