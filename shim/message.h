/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocol buffers on top of protobuf-c: what is read lives in an arena and is bounded;
 * what is written is appended to a buffer.
 */
#ifndef SHIM_MESSAGE_H
#define SHIM_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shim/proto/common.pb-c.h"

struct arena;
struct buf;

/* Memory that one message may take when it is read: bytes on the wire may stand for many more. */
#define MESSAGE_MEMORY_MAX (16u << 20)

/*
 * The message as the struct that protoc-c made for `type`; its strings are never NULL, its
 * messages may be. NULL when the bytes are no such message or need too much memory.
 */
void *message_read(
	const ProtobufCMessageDescriptor *type, const void *data, size_t len, struct arena *arena);

/* Ask buf_failed() when done. */
void message_write(const ProtobufCMessage *m, struct buf *out);

/* A message in an Any, which borrows the type's name and the buffer. */
void message_write_any(
	Pb__Any *ret, const char *type_url, const ProtobufCMessage *m, struct buf *scratch);

/* True when the Any says that it holds a message of that name; a host before it does not matter. */
bool message_any_is(const Pb__Any *any, const char *name);

/* "" is what an unset string of a message points to: protobuf-c compares by address. */
char *message_string(const char *s);

void message_timestamp(Pb__Timestamp *ret, const struct timespec *t);

#endif
