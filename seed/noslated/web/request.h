/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of HTTP/1.1 for a small server: whole, in memory, and with limits. Bytes go in as they come;
 * nothing here knows a socket. The target is taken apart into a path, whose parts a pattern may name, and a
 * query, whose keys are told in advance, so that a mistyped one is a mistake and not nothing.
 */
#ifndef SEED_NOSLATED_WEB_REQUEST_H
#define SEED_NOSLATED_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

#define WEB_TARGET_MAX 2048
#define WEB_HEAD_MAX   16384
#define WEB_BODY_MAX   (4u << 20)
#define WEB_HOST_MAX   256
#define WEB_ACCEPT_MAX 256 /* what is behind that is not heard */
#define WEB_VALUE_MAX  256 /* of a part of a path or a value of a query, decoded */
#define WEB_PARTS_MAX  2   /* parts of a path that a pattern leaves open */

enum web_method { WEB_GET, WEB_PUT, WEB_POST, WEB_DELETE, WEB_OTHER };

struct web_request {
	enum web_method method;
	char target[WEB_TARGET_MAX]; /* its path; what was behind '?' is `query` */
	const char *query;	     /* never NULL */
	char host[WEB_HOST_MAX];     /* "" when there is none; a longer one is refused */
	char accept[WEB_ACCEPT_MAX]; /* "" when there is none */
	struct buf body;
	bool keep_alive;
};

/* --- reading --- */

struct web_parser;

enum web_parsed {
	WEB_MORE,     /* not whole yet */
	WEB_CONTINUE, /* its head is; whoever sends it waits to be asked for the body */
	WEB_WHOLE,
	WEB_BAD, /* web_parser_status() says why; nothing more can be read */
};

/* NULL: out of memory. */
struct web_parser *web_parser_create(void);
void web_parser_destroy(struct web_parser *p);

/* Reads up to the end of one request at most: *ret_used bytes. WEB_CONTINUE: go on with the rest. */
enum web_parsed web_parser_feed(
	struct web_parser *p, const char *data, size_t len, size_t *ret_used);
/* Good until web_parser_next(). */
const struct web_request *web_parser_request(const struct web_parser *p);
/* Behind a whole one. */
void web_parser_next(struct web_parser *p);
/* Whether some of a request was read, but not all of it. */
bool web_parser_is_amid(const struct web_parser *p);
int web_parser_status(const struct web_parser *p);

/* --- the target --- */

struct web_parts {
	char text[WEB_PARTS_MAX][WEB_VALUE_MAX];
};

/*
 * Whether a path is like a pattern such as "/v1/functions/:/log", where a part ":" is any one, which is
 * decoded into *ret. What has no place in a part (a NUL, a slash, a false escape) fits nothing.
 */
bool web_path_fits(const char *path, const char *pattern, struct web_parts *ret);

/* -EINVAL for a key that is not in `known` ("a b"), or which is there twice. */
int web_query_check(const char *query, const char *known, struct err *err);
/* 1, or 0 and "" when it is not there, or -EINVAL. */
int web_query_get(const char *query, const char *key, char ret[WEB_VALUE_MAX], struct err *err);
/* The same for numbers up to `max`; *ret is left alone when it is not there. */
int web_query_number(
	const char *query, const char *key, uint64_t max, uint64_t *ret, struct err *err);

#endif
