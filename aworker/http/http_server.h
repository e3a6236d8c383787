/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 server, as those who answer requests see it. It knows a loop and
 * a listening socket and nothing of JavaScript; ops_http.c joins the two.
 *
 * The handler's functions are called from the loop, never from within one of the
 * functions below. What happens to an id after its end, and what each function
 * does with an id that is gone, says aworker/http/http.h.
 */
#ifndef AWORKER_HTTP_HTTP_SERVER_H
#define AWORKER_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct buf;
struct loop;
struct http_server;

/* A head: request line and fields. Beyond it: 414 for the line, 431 for the rest. */
#define HTTP_HEAD_MAX	 16384
#define HTTP_TARGET_MAX	 8192
#define HTTP_HEADERS_MAX 128

/* Bytes of all chunk extensions, and of the trailer, of one body: discarded, so never many. */
#define HTTP_CHUNK_EXTENSIONS_MAX 4096
#define HTTP_TRAILER_MAX	  8192

/* An unread rest of a request's body up to this is read to keep the connection. */
#define HTTP_DISCARD_MAX 262144

/* Slots are 16 bits of an id. */
#define HTTP_CONNECTIONS_LIMIT 65535

/* What a server puts up with. Zero is not "none". */
struct http_limits {
	unsigned connections; /* at one time; one without a request is closed for a new one */
	unsigned head_ms;     /* from the first byte (or the connection) to the end of the head */
	unsigned idle_ms;     /* between two requests */
	unsigned body_ms;     /* without a byte of a body that somebody waits for */
	unsigned write_ms;    /* without a byte of a response being taken */
	unsigned linger_ms;   /* after the last response, for the client to see it */
};

#define HTTP_CONNECTIONS_MAX  1024
#define HTTP_HEAD_TIMEOUT_MS  30000
#define HTTP_IDLE_TIMEOUT_MS  75000
#define HTTP_BODY_TIMEOUT_MS  30000
#define HTTP_WRITE_TIMEOUT_MS 30000
#define HTTP_LINGER_MS	      2000

#define HTTP_LIMITS_DEFAULT                                                           \
	{                                                                             \
		.connections = HTTP_CONNECTIONS_MAX, .head_ms = HTTP_HEAD_TIMEOUT_MS, \
		.idle_ms = HTTP_IDLE_TIMEOUT_MS, .body_ms = HTTP_BODY_TIMEOUT_MS,     \
		.write_ms = HTTP_WRITE_TIMEOUT_MS, .linger_ms = HTTP_LINGER_MS        \
	}

/* A request; everything is borrowed until the handler returns. */
struct http_request {
	const char *method;
	size_t method_len;
	const char *url; /* absolute */
	size_t url_len;
	/* "http://host" at its start, when what follows is as a URL parser would leave it; else 0. */
	size_t origin_len;
	const char *const *strings; /* names and values in turn */
	const size_t *lens;
	size_t n_strings;
	bool has_body;
};

/* Of a request's body: borrowed until the loop turns, or malloc'ed and the taker's when `given`. */
struct http_piece {
	void *bytes;
	size_t len; /* 0: the body ends */
	bool given;
};

/* Frees one that was given. */
static inline void http_piece_finish(struct http_piece *p)
{
	if (p->given)
		free(p->bytes);
}

struct http_handler {
	void (*request)(void *data, uint64_t id, const struct http_request *r);
	/* The piece that http_read() waited for. */
	void (*body)(void *data, uint64_t id, const struct http_piece *piece);
	void (*writable)(void *data, uint64_t id);
	void (*half_closed)(void *data, uint64_t id);
	void (*abort)(void *data, uint64_t id, const char *reason);
};

/* The listening socket must not block; it stays the caller's. `handler` must outlive the server. */
int http_server_create(struct loop *loop, int listen_fd, const struct http_limits *limits,
	const struct http_handler *handler, void *data, struct http_server **ret, struct err *err);
/* No new connections or requests; `done` is called, perhaps at once, when the running have ended. */
void http_server_drain(struct http_server *s, void (*done)(void *data));
/* Cuts what is left without telling the handler. NULL is fine. Not from within the handler. */
void http_server_destroy(struct http_server *s);
/* Serves a connection that is there already (owned from now on); false when it is full. */
bool http_server_adopt(struct http_server *s, int fd);
size_t http_server_connections(const struct http_server *s);
/* Requests that the handler was given since the server is there; those without a whole answer. */
uint64_t http_server_requests(const struct http_server *s);
size_t http_server_running(const struct http_server *s);

/* --- answering: id as the handler got it --- */

struct http_response {
	int status;
	const char *reason;
	size_t reason_len;
	const char *const *strings; /* names and values in turn, any case */
	const size_t *lens;
	size_t n_strings;
};

enum http_read { HTTP_READ_WAIT, HTTP_READ_PIECE, HTTP_READ_END };

enum http_read http_read(struct http_server *s, uint64_t id, struct http_piece *ret);
/* -ERANGE: bad status; -EINVAL: bad field. Nothing was sent then. */
int http_respond(struct http_server *s, uint64_t id, const struct http_response *r,
	const void *body, size_t len, struct err *err);
/* The body is the beginning of a file, which is in the page cache; the descriptor is borrowed. */
int http_respond_file(struct http_server *s, uint64_t id, const struct http_response *r, int fd,
	size_t len, struct err *err);
int http_respond_stream(struct http_server *s, uint64_t id, const struct http_response *r,
	bool *ret_wanted, struct err *err);
/* Bytes that wait to be sent; -1: the id is gone; -EMSGSIZE: more than the Content-Length. */
ssize_t http_write(struct http_server *s, uint64_t id, const void *data, size_t len);
void http_end(struct http_server *s, uint64_t id);
void http_reset(struct http_server *s, uint64_t id);

/*
 * Answers with 101, if the request asks for WebSocket, and gives the connection away: the descriptor,
 * and what the client has sent behind its request (appended to `rest`). Of `r` only the fields count.
 * Returns -EINVAL when it does not ask for that or a field is bad, -ENOTCONN when the id is gone.
 */
int http_upgrade(struct http_server *s, uint64_t id, const struct http_response *r,
	struct buf *rest, int *ret_fd, struct err *err);

/* --- addresses --- */

struct http_listener {
	int fd;		  /* non-blocking, listening; owned */
	char *unlink;	  /* path of a Unix socket that we made; owned, NULL otherwise */
	char text[128];	  /* where it really listens: "127.0.0.1:8080", "unix:/run/x" */
	bool chosen_port; /* the kernel chose it */
};

#define HTTP_LISTENER_INIT          \
	{                           \
		-1, NULL, "", false \
	}

/*
 * "HOST:PORT" (a numeric address, "localhost", or nothing for all; IPv6 in brackets),
 * "unix:PATH" or "fd:N". A socket file that nobody listens on is replaced.
 */
int http_listen(const char *address, struct http_listener *ret, struct err *err);
/* Says what is wrong with an address without touching the system. */
int http_listen_check(const char *address, struct err *err);
/* Closes, and removes the socket file. */
void http_listener_finish(struct http_listener *l);

#endif
