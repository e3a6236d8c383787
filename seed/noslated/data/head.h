/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads and bodies of HTTP/1.1, read from foreign bytes. What RFC 9112 lets a strict recipient refuse is
 * refused: a bare CR or LF, white space before a colon, folded lines, control characters, a length beside a
 * coding, a length or a host twice. Parsers that let these pass differ in what they make of them, and
 * request smuggling lives on that difference. The grammar is checked by hand, in one pass; that llhttp
 * comes to the same result is what the fuzzers are for.
 *
 * Nothing is copied: a head points into what it was read from.
 */
#ifndef SEED_NOSLATED_DATA_HEAD_H
#define SEED_NOSLATED_DATA_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seed/noslated/data/errors.h"

#define HEAD_MAX	    16384 /* bytes */
#define HEAD_TARGET_MAX	    8192
#define HEAD_HOST_MAX	    264 /* with a port */
#define HEAD_FIELDS_MAX	    128
#define BODY_EXTENSIONS_MAX 4096 /* bytes of chunk extensions of one body */
#define BODY_TRAILER_MAX    8192
#define HEAD_LINE_EXTRA	    64 /* of a request line beside its target */

enum head_field_id {
	FIELD_OTHER,
	FIELD_HOST,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_CONNECTION,
	FIELD_KEEP_ALIVE,
	FIELD_TE,
	FIELD_TRAILER,
	FIELD_UPGRADE,
	FIELD_PROXY, /* "proxy" and all that begins with "proxy-" */
	FIELD_EXPECT,
	FIELD_REQUEST_ID,
	FIELD_TRACEPARENT,
	FIELD_TRACESTATE,
	FIELD_FORWARDED,
	FIELD_FORWARDED_FOR,
	FIELD_FORWARDED_HOST,
	FIELD_FORWARDED_PROTO,
	FIELD_VIA,
	FIELD_FUNCTION, /* x-noslate-function */
	FIELD_ERROR,	/* x-noslate-error */
	FIELD_IDS
};

struct head_text {
	const char *at;
	size_t len;
};

struct head_field {
	struct head_text name, value; /* the value without white space around it */
	enum head_field_id id;
};

struct head {
	struct head_field fields[HEAD_FIELDS_MAX];
	unsigned n_fields;
	unsigned known[FIELD_IDS]; /* of the first one of a kind: its index plus 1 */
	/* of a request */
	struct head_text method;
	struct head_text target; /* in origin form, as it is sent on */
	struct head_text path;	 /* of the target, without a query */
	struct head_text host;	 /* of the target, or of the field */
	bool idempotent, is_head;
	bool expects_continue;
	bool upgrade; /* asks for a WebSocket, and nothing speaks against one */
	/* of a response */
	int status;
	struct head_text reason;
	/* of both */
	int minor; /* of HTTP/1.x */
	bool has_length, chunked;
	bool keep_alive;
	uint64_t length;
};

/* How far the search for the end of a head has come. Zero-initialise for each head. */
struct head_scan {
	size_t at, seen; /* the line that is not complete, and bytes of it without LF */
	unsigned lines;
};

/* `data` holds at least what it held at the last call. *ret_len 0: more is needed. */
enum data_error head_scan(struct head_scan *scan, const char *data, size_t len, size_t *ret_len);
/* Parse a head whose end head_scan() found. */
enum data_error head_parse_request(const char *data, size_t len, struct head *ret);
/* `to_head`: the request was HEAD. False: it is none. */
bool head_parse_response(const char *data, size_t len, struct head *ret);

const struct head_field *head_find(const struct head *h, enum head_field_id id);
/* True when the comma-separated list of a field has `token` (small letters). */
bool head_list_has(struct head_text list, const char *token);
/* Case of letters is ignored; `b` is in small ones. */
bool head_text_is(struct head_text a, const char *b);
/* Whether one of the Connection fields names this one. */
bool head_connection_names(const struct head *h, struct head_text name);

enum body_state {
	BODY_DONE,
	BODY_LENGTH,
	BODY_CLOSE, /* until the connection ends */
	BODY_SIZE,  /* chunk size, before the first digit */
	BODY_SIZE_MORE,
	BODY_EXTENSION,
	BODY_SIZE_LF,
	BODY_DATA,
	BODY_DATA_CR,
	BODY_DATA_LF,
	BODY_TRAILER, /* at the start of a line */
	BODY_TRAILER_NAME,
	BODY_TRAILER_LINE, /* behind the colon */
	BODY_TRAILER_LF,
	BODY_END_LF,
	BODY_BAD,
};

struct body {
	enum body_state state;
	unsigned digits, extensions, trailer;
	uint64_t left; /* of the body or of the chunk */
};

void body_init_request(struct body *b, const struct head *h);
/* `no_body`: whatever the fields say (HEAD, 204, 304). */
void body_init_response(struct body *b, const struct head *h, bool no_body);
/*
 * The next piece of the body in `data`: returns how many bytes were used, of which the last *ret_len are
 * the piece; 0 bytes of a piece: there is none in what was used. Uses all when the state is neither DONE
 * nor BAD, unless there is a piece.
 */
size_t body_next(struct body *b, const char *data, size_t len, size_t *ret_len);

#endif
