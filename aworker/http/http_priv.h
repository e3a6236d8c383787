/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the HTTP server: head and body parsers and the writer of response
 * heads, which are pure functions on bytes, and the connection that uses them.
 */
#ifndef AWORKER_HTTP_HTTP_PRIV_H
#define AWORKER_HTTP_HTTP_PRIV_H

#include <time.h>

#include "aworker/http/http.h"
#include "aworker/http/http_server.h"
#include "aworker/loop.h"
#include "aworker/ws/websocket.h"
#include "runtime/base/buf.h"

/* --- heads (http_head.c) --- */

struct http_head {
	const char *strings[2 * HTTP_HEADERS_MAX]; /* into the parsed bytes, values trimmed */
	size_t lens[2 * HTTP_HEADERS_MAX];
	size_t n_strings;
	const char *method;
	size_t method_len;
	const char *target;
	size_t target_len;
	const char *host; /* NULL: none */
	size_t host_len;
	uint64_t length; /* Content-Length */
	int minor;	 /* of HTTP/1.x */
	bool chunked;
	bool has_length;
	bool keep_alive;
	bool expects_continue;
};

/* How far the search for the end of a head has come. Zero-initialise for each head. */
struct http_scan {
	size_t at;   /* start of the line that is not complete */
	size_t seen; /* bytes of it that hold no LF */
	unsigned lines;
};

/*
 * Looks for the end of a head in `data`, which holds at least what it held at the last
 * call. Returns 0 and *ret_len (0: more is needed), or the status to refuse with.
 */
int http_head_scan(struct http_scan *scan, const char *data, size_t len, size_t *ret_len);
/* Parses a head that http_head_scan() found. 0, or the status to refuse with. */
int http_head_parse(const char *data, size_t len, struct http_head *ret);
/*
 * Appends the absolute URL of a request. False: neither target nor host give one. What is behind
 * *ret_origin_len (unless that is 0) a URL parser would not change.
 */
bool http_head_url(const struct http_head *h, struct buf *ret, size_t *ret_origin_len);
bool http_is_token(const char *s, size_t len);
/* ASCII case is ignored; `b` is in lower case. */
bool http_name_is(const char *a, size_t len, const char *b);
/* True when the comma-separated list holds `token`. */
bool http_list_has(const char *list, size_t len, const char *token);

/* --- bodies of requests (http_body.c) --- */

enum http_body_state {
	HTTP_BODY_DONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_SIZE,	     /* chunk size, before the first digit */
	HTTP_BODY_SIZE_MORE, /* behind it */
	HTTP_BODY_EXTENSION,
	HTTP_BODY_SIZE_LF,
	HTTP_BODY_DATA,
	HTTP_BODY_DATA_CR,
	HTTP_BODY_DATA_LF,
	HTTP_BODY_TRAILER, /* at the start of a line */
	HTTP_BODY_TRAILER_NAME,
	HTTP_BODY_TRAILER_LINE, /* behind the colon */
	HTTP_BODY_TRAILER_LF,
	HTTP_BODY_END_LF,
	HTTP_BODY_BAD,
};

struct http_body {
	enum http_body_state state;
	uint64_t left; /* of the body or of the chunk */
	unsigned digits;
	unsigned extensions;
	unsigned trailer;
};

void http_body_init(struct http_body *b, const struct http_head *h);
/*
 * Decodes in place: what was taken of `data` is in *ret_taken, the decoded bytes stand at its
 * start, their number is returned. The state says whether it is DONE or BAD.
 */
size_t http_body_decode(struct http_body *b, char *data, size_t len, size_t *ret_taken);

/* --- heads of responses (http_response.c) --- */

enum http_framing {
	HTTP_FRAME_NONE, /* no body and no field about it: 204, 304 */
	HTTP_FRAME_LENGTH,
	HTTP_FRAME_CHUNKED,
	HTTP_FRAME_CLOSE,
};

struct http_frame {
	enum http_framing framing;
	uint64_t length;
	bool close;	 /* in: the connection ends with it; out: or the response asks for that */
	bool old_client; /* HTTP/1.0: a connection that stays must be said */
};

/* IMF-fixdate, e.g. "Sun, 06 Nov 1994 08:49:37 GMT"; 29 characters and a NUL. */
#define HTTP_DATE_MAX 30
void http_date(time_t t, char ret[HTTP_DATE_MAX]);

/* Status, reason and fields are fit to be sent. 0 or -ERANGE, -EINVAL with a sentence. */
int http_response_check(const struct http_response *r, struct err *err);
/* The Content-Length among the fields; false: there is none that is a number. */
bool http_response_length(const struct http_response *r, uint64_t *ret);
/* Appends the head. `own_length`: the fields' Content-Length is not sent. */
void http_response_head(
	struct buf *out, const struct http_response *r, struct http_frame *frame, const char *date);
/* Appends a whole refusal of ours, with a sentence; the connection ends with it. */
void http_response_refuse(struct buf *out, int status, bool with_body, const char *date);
bool http_status_has_body(int status);

/* --- connections (http_conn.c, http_exchange.c) --- */

/* Room for a head, or for what one http_read() gives. */
#define HTTP_IN_SIZE HTTP_READ_MAX

/* From here down httpWritable() is called. */
#define HTTP_WRITE_LOW_WATER (HTTP_WRITE_HIGH_WATER / 4)

enum http_phase {
	HTTP_PHASE_HEAD,     /* between requests, or in the middle of a head */
	HTTP_PHASE_HANDLING, /* a request is with the handler, no head was sent */
	HTTP_PHASE_STREAMING,
	HTTP_PHASE_FLUSH,   /* the response is complete but not sent */
	HTTP_PHASE_DISCARD, /* it is sent; the rest of the request's body is dropped */
	HTTP_PHASE_LINGER,  /* half closed by us; what comes is dropped until the client closes */
	HTTP_PHASE_DEAD,    /* the socket is closed; freed by the deferred call */
};

/* What the connection's timer stands for now. */
enum http_wait {
	HTTP_WAIT_NONE,
	HTTP_WAIT_IDLE,
	HTTP_WAIT_HEAD,
	HTTP_WAIT_BODY,
	HTTP_WAIT_WRITE,
	HTTP_WAIT_LINGER,
};

/* A place in a ring, or the ring itself. */
struct http_link {
	struct http_link *next, *prev;
	struct http_conn *conn; /* NULL: the ring */
};

struct http_conn {
	struct http_server *server;
	struct http_conn *next, **prev; /* all of the server */
	struct http_link waiting;	/* in `idle` or `heads` of the server, or in no ring */
	struct loop_fd watcher;
	struct loop_timer timer;
	struct loop_deferred step;
	enum http_phase phase;
	enum http_wait wait;
	bool progress; /* the timer starts anew though it stands for the same */
	uint64_t id;   /* of the running exchange, 0: none */
	uint32_t slot;
	const char *abort_reason; /* static; set: the handler is to be told, the id is gone */

	char *in; /* HTTP_IN_SIZE bytes while there is input, else NULL */
	size_t in_start, in_end;
	struct http_scan scan;

	struct buf out;
	size_t out_start;

	bool first;	  /* no request was complete yet */
	bool half_closed; /* the client sends no more */
	bool must_linger; /* closing at once could destroy what the client has yet to read */
	bool keep_alive;

	/* of the exchange */
	struct http_body body;
	size_t discarded;
	uint64_t length_left; /* HTTP_FRAME_LENGTH: what the handler still has to write */
	enum http_framing framing;
	bool is_head;
	bool old_client; /* HTTP/1.0 */
	bool owes_continue;
	bool reading; /* http_read() waits */
	bool paused;  /* http_write() said to wait */
	bool told_half_closed;
	char ws_key[WS_KEY_LEN]; /* "" when it does not ask for WebSocket */
};

struct http_server {
	struct loop *loop;
	const struct http_handler *handler;
	void *data;
	struct http_limits limits;
	struct loop_fd listener;
	struct loop_timer pause; /* after EMFILE */
	struct http_conn *conns;
	/* Those that wait for a request, and for (the rest of) a head; the oldest first. */
	struct http_link idle, heads;
	struct http_conn **slots;
	uint32_t *free_slots;
	uint32_t n_free;
	size_t n_conns;
	uint64_t serial; /* of the last request */
	char *spare;	 /* an input buffer that nobody uses now */
	struct buf head; /* scratch for response heads and URLs */
	time_t date_at;
	char date[HTTP_DATE_MAX];
	void (*done)(void *data);
	struct loop_deferred done_call;
	bool draining;
};

/* NULL: no memory or no slot; the descriptor is closed then. */
struct http_conn *http_conn_create(struct http_server *s, int fd);
/* Frees it. Everything else only makes it DEAD, and the step frees it. */
void http_conn_destroy(struct http_conn *c);
/* Reads and goes on, as when the loop found it readable. */
void http_conn_readable(struct http_conn *c);
/* Closes the socket; the handler hears `reason` from the step when an exchange runs. */
void http_conn_cut(struct http_conn *c, const char *reason);
/* Answers with an error of ours where that is still possible, and ends the connection. */
void http_conn_refuse(struct http_conn *c, int status, const char *reason);
/* Sends both after what is queued; what the socket does not take now is queued. */
void http_conn_send_file(
	struct http_conn *c, const void *head, size_t head_len, int fd, size_t len);
void http_conn_send(struct http_conn *c, const void *a, size_t a_len, const void *b, size_t b_len);
/* Only queues; the step sends. */
void http_conn_queue(struct http_conn *c, const void *data, size_t len);
size_t http_conn_queued(const struct http_conn *c);
/* The response is complete: on to the next request when all is sent, or to the end. */
void http_conn_finish_exchange(struct http_conn *c);
/* Gives the socket away, and appends what was read of it already; the connection ends. */
int http_conn_detach(struct http_conn *c, struct buf *rest);
/* Makes watcher and timer fit the phase. */
void http_conn_update(struct http_conn *c);
/* Decodes what has arrived of a body, as http_read(). Refuses when it is malformed. */
enum http_read http_conn_take_body(struct http_conn *c, struct http_piece *ret);

const char *http_server_date(struct http_server *s);
uint64_t http_server_next_id(struct http_server *s, uint32_t slot);
/* A connection has gone, or needs nobody to wait for it. */
void http_server_check(struct http_server *s);
/* A connection waits for its client: it makes room for those that wait in the backlog. */
void http_server_idle(struct http_server *s);

#endif
