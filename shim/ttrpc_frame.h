/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of ttrpc, the protocol between containerd and its shims: ten bytes of header
 * (length and stream as big-endian 32-bit numbers, type, flags), then a message.
 * Knows nothing of sockets and messages, and trusts no byte.
 */
#ifndef SHIM_TTRPC_FRAME_H
#define SHIM_TTRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"

#define TTRPC_HEADER 10
/* Bytes of one message, as in every implementation. */
#define TTRPC_MESSAGE_MAX (4u << 20)

enum ttrpc_type { TTRPC_REQUEST = 1, TTRPC_RESPONSE = 2, TTRPC_DATA = 3 };

/* The client will send no data behind its request; or will. */
#define TTRPC_REMOTE_CLOSED 1u
#define TTRPC_REMOTE_OPEN   2u

struct ttrpc_header {
	uint32_t length;
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* Appends a whole frame; `len` is at most TTRPC_MESSAGE_MAX. */
void ttrpc_put_frame(
	struct buf *out, uint32_t stream, enum ttrpc_type type, const void *message, size_t len);

/* What has arrived of a stream of frames. Zeroed at first. */
struct ttrpc_parser {
	struct buf in; /* the part of a frame that is there */
	size_t skip;   /* bytes still to come of a message that is too long */
};

void ttrpc_parser_finish(struct ttrpc_parser *p);

/*
 * One call for each frame; `message` is NULL when it is longer than TTRPC_MESSAGE_MAX and
 * will be passed over. Borrowed. False: enough, the rest is not looked at.
 */
typedef bool ttrpc_frame_fn(void *arg, const struct ttrpc_header *header, const void *message);

/* Takes what has arrived. 0, -ENOMEM, or -ECANCELED when `frame` said false. */
int ttrpc_parser_feed(
	struct ttrpc_parser *p, const void *data, size_t len, ttrpc_frame_fn *frame, void *arg);

#endif
