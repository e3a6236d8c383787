/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server side of ttrpc on a Unix socket: reads calls, finds who answers them, and
 * sends answers in whichever order they come. Refuses peers of other users, and bounds
 * what one peer can make it hold.
 */
#ifndef SHIM_TTRPC_SERVER_H
#define SHIM_TTRPC_SERVER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/* Connections at a time; containerd has one for each container. */
#define TTRPC_CONNECTIONS_MAX 1024
/* Calls of one connection that are not answered yet. */
#define TTRPC_CALLS_MAX 1024
/* Memory of answers that a peer has not read, in bytes. */
#define TTRPC_UNREAD_MAX (8u << 20)

/* How a call ends: the numbers of gRPC. */
enum ttrpc_code {
	TTRPC_OK = 0,
	TTRPC_UNKNOWN = 2,
	TTRPC_INVALID_ARGUMENT = 3,
	TTRPC_DEADLINE_EXCEEDED = 4,
	TTRPC_NOT_FOUND = 5,
	TTRPC_ALREADY_EXISTS = 6,
	TTRPC_RESOURCE_EXHAUSTED = 8,
	TTRPC_FAILED_PRECONDITION = 9,
	TTRPC_UNIMPLEMENTED = 12,
	TTRPC_INTERNAL = 13,
	TTRPC_UNAVAILABLE = 14,
};

struct ttrpc_call;

/*
 * Answers a call, at once or later, by exactly one of ttrpc_reply() and ttrpc_fail().
 * Until then the request lives, also when the peer has gone or its time is over.
 */
typedef void ttrpc_method_fn(struct ttrpc_call *call, const void *request);

struct ttrpc_method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	ttrpc_method_fn *run;
};

struct ttrpc_service {
	const char *name;
	const struct ttrpc_method *methods;
	size_t n_methods;
};

/* Told whenever a connection came or went, with how many there are. */
typedef void ttrpc_connections_fn(size_t n);

/*
 * Serves a listening Unix socket, which it takes over, in libuv's default loop. There is one
 * server in a process.
 */
int ttrpc_server_start(int fd, const struct ttrpc_service *services, size_t n_services,
	ttrpc_connections_fn *connections, struct err *err);

/* Accepts and reads no more; answers that are on their way are sent. */
void ttrpc_server_stop(void);

/* Nobody hears an answer any more; it is to be given all the same. */
bool ttrpc_call_is_gone(const struct ttrpc_call *call);

void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *response);
void ttrpc_fail(struct ttrpc_call *call, enum ttrpc_code code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

#endif
