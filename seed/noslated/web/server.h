/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small server for requests of HTTP/1.1, on one libuv loop: connections are kept, one request of each is
 * answered at a time, and whoever is too slow is dropped. It is for administrators and their tools; the front
 * that takes the world's requests is the data plane's.
 */
#ifndef SEED_NOSLATED_WEB_SERVER_H
#define SEED_NOSLATED_WEB_SERVER_H

#include <stdbool.h>
#include <uv.h>

#include "runtime/base/buf.h"
#include "seed/noslated/web/request.h"

struct web_client;
struct web_server;

struct web_options {
	/* Answers `c`, now or later, by one of the calls below. The request is borrowed for the call. */
	void (*handle)(void *arg, struct web_client *c, const struct web_request *r);
	/* Whether who has connected may ask at all; NULL: everybody. */
	bool (*may_ask)(void *arg, int fd);
	void *arg;
	const char *headers; /* lines that are in each answer, or NULL */
	unsigned clients_max;
	uint64_t limit_ms; /* for a whole request, for taking an answer, and without a request */
};

/* `fd` listens, TCP or Unix; the server's from now on, also when this fails. */
int web_server_open(uv_loop_t *loop, int fd, const struct web_options *options,
	struct web_server **ret, struct err *err);
/* Cuts all connections. Memory is freed as the loop runs on. NULL is fine. */
void web_server_close(struct web_server *s);

/* --- answers --- */

/* From within handle(): the answer comes later, or gone() is called, once, because nobody waits for it. */
void web_later(struct web_client *c, void (*gone)(void *arg), void *arg);

#define WEB_JSON       "application/json"
#define WEB_JSON_LINES "application/x-ndjson"

/* The text is copied. */
void web_answer(struct web_client *c, int status, const char *type, const void *text, size_t len);
/* JSON that is complete, or none when memory was short: 503 then. */
void web_answer_json(struct web_client *c, int status, const struct buf *json);
/* {"errors": [why]} */
void web_fail(struct web_client *c, int status, const char *why);

/*
 * An answer of any length, made as it is taken: no more than one piece of it is in memory. pull() appends a
 * piece; nothing appended and WEB_STREAM_MORE means that web_stream_wake() will tell when to ask again.
 * gone() is called once, last, whichever side has ended it.
 */
enum web_stream { WEB_STREAM_MORE, WEB_STREAM_END };
#define WEB_PIECE 65536 /* what pull() should append at most */

struct web_source {
	enum web_stream (*pull)(void *arg, struct buf *out);
	void (*gone)(void *arg);
};

/* From within handle(). */
void web_stream(struct web_client *c, const char *type, const struct web_source *source, void *arg);
/* Not from within pull(). */
void web_stream_wake(struct web_client *c);

#endif
