/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebSocket (RFC 6455), without extensions: frames and the handshake as functions
 * on bytes, and a connection on a loop that uses them. None of it knows of
 * JavaScript: WebSocket objects and the debugger's sessions both stand on it.
 */
#ifndef AWORKER_WS_WEBSOCKET_H
#define AWORKER_WS_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

struct loop;

/* A message, all its fragments together; a longer one closes the connection with 1009. */
#define WS_MESSAGE_MAX ((size_t)32 << 20)

/* What may wait to be sent; beyond it the connection is cut. */
#define WS_QUEUE_MAX ((size_t)64 << 20)

/* How long the other end has to answer a close frame, and to take what is queued before it. */
#define WS_CLOSE_TIMEOUT_MS 5000

#define WS_CONTROL_MAX 125 /* bytes of a ping, pong or close frame */
#define WS_REASON_MAX  123 /* ... of the reason in the latter */
#define WS_HEAD_MAX    14
#define WS_KEY_LEN     24
#define WS_ACCEPT_SIZE 29
#define WS_MASK_LEN    4

enum ws_opcode {
	WS_CONTINUATION = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

/* Status codes of close frames; the last two are never sent. */
enum ws_status {
	WS_STATUS_NORMAL = 1000,
	WS_STATUS_GOING_AWAY = 1001,
	WS_STATUS_PROTOCOL = 1002,
	WS_STATUS_DATA = 1007,
	WS_STATUS_TOO_BIG = 1009,
	WS_STATUS_INTERNAL = 1011,
	WS_STATUS_NONE = 1005,
	WS_STATUS_ABNORMAL = 1006,
};

/* --- frames (ws_frame.c) --- */

/* How far a sequence of UTF-8 has come. Zero-initialise. */
struct ws_utf8 {
	uint8_t need;	   /* continuation bytes that are missing */
	uint8_t low, high; /* what the next one may be */
};
bool ws_utf8_feed(struct ws_utf8 *u, const uint8_t *data, size_t len);
bool ws_utf8_is_whole(const struct ws_utf8 *u);

/* Zero-initialise but for the first two. */
struct ws_parser {
	size_t message_max;
	bool masked; /* the frames must be, because a client sends them */

	uint8_t head[WS_HEAD_MAX];
	uint8_t head_len;
	bool in_payload;
	bool delivered; /* `message` was handed out and starts anew */
	bool fin;
	enum ws_opcode opcode;	/* of the frame */
	enum ws_opcode running; /* of the message whose fragments arrive, 0: none */
	uint64_t left;
	uint8_t mask[WS_MASK_LEN];
	uint8_t mask_at;
	struct ws_utf8 utf8;
	struct buf message;
	uint8_t control[WS_CONTROL_MAX];
	size_t control_len;
};

struct ws_message {
	const uint8_t *data; /* borrowed until the next ws_parse() */
	size_t len;
};

void ws_parser_finish(struct ws_parser *p);
/*
 * Takes bytes up to the end of the next message or control frame, and says how many. Returns its
 * opcode, 0 when more bytes are needed, or the negative status to close with. Text is UTF-8, and
 * a close frame is empty or has a valid status and reason. Changes `data`.
 */
int ws_parse(
	struct ws_parser *p, uint8_t *data, size_t len, size_t *ret_taken, struct ws_message *ret);
/* The head of an unfragmented frame; `mask` NULL: not masked. */
size_t ws_frame_head(
	uint8_t ret[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len, const uint8_t *mask);
/* `at`: how many bytes of the payload came before. */
void ws_mask(uint8_t *data, size_t len, const uint8_t mask[WS_MASK_LEN], size_t at);
/* Whether an endpoint may send it. */
bool ws_status_is_valid(unsigned status);

/* --- handshake (ws_handshake.c) --- */

/* The key of a request that asks for WebSocket, names and values in turn; NULL when it does not. */
const char *ws_request_key(const char *const *strings, const size_t *lens, size_t n);
/* Sec-WebSocket-Accept for a key. */
void ws_accept(const char *key, char ret[WS_ACCEPT_SIZE]);
/* A fresh key for a client's request, NUL-terminated. False: no randomness. */
bool ws_make_key(char ret[WS_KEY_LEN + 1]);

/* --- connections (ws_conn.c) --- */

struct ws_conn;

/* Called from the loop, never from within the functions below. */
struct ws_handler {
	/* Text, binary, ping or pong; a ping was answered already. Borrowed. */
	void (*message)(void *data, enum ws_opcode opcode, const void *bytes, size_t len);
	/* All that was queued has been sent. */
	void (*drained)(void *data);
	/*
	 * The last call: the socket is closed, the connection is to be destroyed, now or later. `clean`:
	 * both ends have sent a close frame. Borrowed.
	 */
	void (*closed)(
		void *data, unsigned status, const char *reason, size_t reason_len, bool clean);
};

struct ws_options {
	bool client;	    /* we are: what we send is masked */
	size_t message_max; /* 0: WS_MESSAGE_MAX */
	size_t queue_max;   /* 0: WS_QUEUE_MAX */
	const void *rest;   /* bytes that came behind the handshake, copied */
	size_t rest_len;
	void *tls; /* of ws_tls.h, the connection's as the descriptor is; NULL without */
};

/* The descriptor is the connection's from now on, also on failure. */
int ws_conn_create(struct loop *loop, int fd, const struct ws_options *options,
	const struct ws_handler *handler, void *data, struct ws_conn **ret, struct err *err);
/* Closes at once without a word. NULL is fine. Also from within the handler. */
void ws_conn_destroy(struct ws_conn *c);
/* Bytes that wait to be sent afterwards; -1: it is closed or closing. */
ssize_t ws_conn_send(struct ws_conn *c, enum ws_opcode opcode, const void *data, size_t len);
size_t ws_conn_queued(const struct ws_conn *c);
/* Starts to close; status WS_STATUS_NONE: without one. Nothing happens when it does already. */
void ws_conn_close(struct ws_conn *c, unsigned status, const char *reason, size_t len);
/* Waits for the socket until at most `most` bytes are queued. False: not within that time. */
bool ws_conn_wait(struct ws_conn *c, size_t most, int timeout_ms);
/* Whether the next messages may come; until then they stay in the socket. */
void ws_conn_read(struct ws_conn *c, bool wanted);

#endif
