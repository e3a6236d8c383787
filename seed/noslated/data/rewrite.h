/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads as they are sent on. Framing is always ours, said once; fields of one hop go (Connection and what
 * it names, Keep-Alive, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-*), all others stay as they are and
 * in their order.
 */
#ifndef SEED_NOSLATED_DATA_REWRITE_H
#define SEED_NOSLATED_DATA_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

struct head;

/* What a head may become longer by: fields of ours, and a host that is in two of them. */
#define REWRITE_EXTRA 2048

struct rewrite_request {
	const char *request_id;
	const char *traceparent; /* NULL: the client's is good and stays */
	bool goes_on;		 /* it is of the client's trace, whose tracestate stays */
	const char *client;	 /* its address; "": a Unix socket */
	bool trusts_front;
};

/* Returns its length; 0: it does not fit. */
size_t rewrite_request(
	const struct head *h, const struct rewrite_request *with, char *to, size_t size);

enum rewrite_framing { REWRITE_NONE, REWRITE_LENGTH, REWRITE_CHUNKED, REWRITE_CLOSE };

struct rewrite_response {
	const char *request_id;
	enum rewrite_framing framing;
	bool close;	 /* the connection ends with it */
	bool old_client; /* HTTP/1.0: that it stays must be said */
};

size_t rewrite_response(
	const struct head *h, const struct rewrite_response *with, char *to, size_t size);

#endif
