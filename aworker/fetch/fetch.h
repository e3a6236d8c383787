/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client, as those who fetch see it. It knows a loop, names, proxies and
 * certificates, and nothing of JavaScript; ops_fetch.c joins the two. A transfer is
 * one request and one response: redirects are its caller's.
 *
 * libcurl moves the bytes. It never resolves a name (c-ares does, on the same loop),
 * never starts a thread and never looks at the environment: the build takes both
 * away from it (hack/mk/fetch.mk).
 *
 * The handler's functions are called from the loop, never from within one of the
 * functions below. An id that is gone is never an error.
 */
#ifndef AWORKER_FETCH_FETCH_H
#define AWORKER_FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct loop;
struct fetch_client;

/* Running at one time; beyond the connections they wait for one another. */
#define FETCH_TRANSFERS_MAX	   4096
#define FETCH_CONNECTIONS_MAX	   256
#define FETCH_HOST_CONNECTIONS_MAX 64
#define FETCH_IDLE_CONNECTIONS_MAX 32

/* Status line and fields of a response, of an interim one too. */
#define FETCH_HEAD_MAX 131072

/* Bytes of a response or a request that wait for their reader. */
#define FETCH_HIGH_WATER 262144

/* The largest piece of a body that is given out at once, decoded. */
#define FETCH_PIECE_MAX 65536

/* To the end of name, TCP and TLS; without a byte in either direction. */
#define FETCH_CONNECT_TIMEOUT_MS 30000
#define FETCH_IDLE_TIMEOUT_MS	 300000

enum fetch_body { FETCH_BODY_NONE, FETCH_BODY_BYTES, FETCH_BODY_STREAM };

/* Everything is borrowed until fetch_start() returns. */
struct fetch_request {
	const char *method;
	const char *url; /* http or https, as a URL parser has written it, without a fragment */
	const char *const *strings; /* names and values in turn */
	const size_t *lens;
	size_t n_strings;
	enum fetch_body body;
	const void *bytes;
	size_t n_bytes;
};

/* Everything is borrowed until the handler returns. */
struct fetch_head {
	int status;
	const char *reason;
	size_t reason_len;
	const char *const *strings; /* names and values in turn, as they came */
	const size_t *lens;
	size_t n_strings;
	const char *protocol; /* as in ALPN: "http/1.1", "h2" */
};

struct fetch_handler {
	/* After it the body can be read, also where there is none. */
	void (*head)(void *data, uint64_t id, const struct fetch_head *h);
	/* fetch_read() that had to wait has an answer now. */
	void (*readable)(void *data, uint64_t id);
	/* What was written is taken for the greater part. */
	void (*writable)(void *data, uint64_t id);
	/* Before the head came. `code` is "ECONNREFUSED" and the like. The id is gone. */
	void (*failed)(void *data, uint64_t id, const char *code, const char *message);
};

/* `env`: NULL-terminated, of proxies and certificates; borrowed like the loop. */
int fetch_client_create(struct loop *loop, const char *const *env,
	const struct fetch_handler *handler, void *data, struct fetch_client **ret,
	struct err *err);
/* Cuts what is left without telling the handler. NULL is fine. Not from within the handler. */
void fetch_client_destroy(struct fetch_client *c);
/* Transfers whose response is not complete. */
size_t fetch_client_running(const struct fetch_client *c);

int fetch_start(
	struct fetch_client *c, const struct fetch_request *r, uint64_t *ret_id, struct err *err);
/* Of a FETCH_BODY_STREAM. Bytes that wait to be sent; -1: the id is gone, or wants no more. */
ssize_t fetch_write(struct fetch_client *c, uint64_t id, const void *data, size_t len);
void fetch_end(struct fetch_client *c, uint64_t id);

enum fetch_read { FETCH_READ_WAIT, FETCH_READ_PIECE, FETCH_READ_END, FETCH_READ_FAILED };

/*
 * *ret_bytes is borrowed until the next call; *ret_failure is a sentence. After the end or a
 * failure the id is gone.
 */
enum fetch_read fetch_read(struct fetch_client *c, uint64_t id, const void **ret_bytes,
	size_t *ret_len, struct err *ret_failure);
/* Nothing more comes for this id. */
void fetch_cancel(struct fetch_client *c, uint64_t id);

/*
 * Parses the certificates of this machine now, for those who come from this process and have none
 * of their own. What is missing is no error.
 */
void fetch_warm_certificates(void);

#endif
