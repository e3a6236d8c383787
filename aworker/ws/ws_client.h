/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebSocket from the side of the client, up to the end of its handshake: name, TCP, TLS,
 * request and response. What comes out is a connection for ws_conn_create().
 */
#ifndef AWORKER_WS_WS_CLIENT_H
#define AWORKER_WS_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

struct buf;
struct fetch_resolver;
struct loop;
struct ws_client;

/* From the name to the end of the handshake. */
#define WS_CONNECT_TIMEOUT_MS 30000

/* Status line and fields of the response. */
#define WS_RESPONSE_MAX 16384

/* Everything is borrowed until ws_client_create() returns. */
struct ws_target {
	const char *host; /* a name or an address, that of IPv6 in brackets */
	unsigned port;
	bool tls;
	const char *path;	/* and query */
	const char *host_field; /* with the port, where it is not the usual one */
	const char *protocols;	/* "a, b"; "": none */
};

/* Called once, from the loop; the client is gone then. */
struct ws_client_handler {
	/* The descriptor and `tls` are the handler's, `rest` is borrowed. */
	void (*opened)(void *data, int fd, void *tls, const char *protocol, size_t protocol_len,
		const struct buf *rest);
	void (*failed)(void *data, const struct err *err);
};

/* What the clients of a process share; names are looked up, TLS is set up, when they are wanted. */
struct ws_client_context {
	struct loop *loop;
	const char *const *env;
	struct fetch_resolver *resolver;
	void *tls;
};
void ws_client_context_finish(struct ws_client_context *x);

int ws_client_create(struct ws_client_context *x, const struct ws_target *target,
	const struct ws_client_handler *handler, void *data, struct ws_client **ret,
	struct err *err);
/* Without a word to the handler. NULL is fine. */
void ws_client_destroy(struct ws_client *c);

#endif
