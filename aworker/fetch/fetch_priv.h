/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP client know of each other.
 */
#ifndef AWORKER_FETCH_FETCH_PRIV_H
#define AWORKER_FETCH_FETCH_PRIV_H

#include <curl/curl.h>

#include "aworker/fetch/fetch.h"
#include "aworker/loop.h"
#include "runtime/base/buf.h"

/* --- fetch_resolve.c: names to addresses --- */

/* How long an answer is believed, whatever its TTL says; how many names are remembered. */
#define FETCH_TTL_MIN_S	    1
#define FETCH_TTL_MAX_S	    300
#define FETCH_NAMES_MAX	    256
#define FETCH_ADDRESSES_MAX 16

struct fetch_resolver;

/* Who waits for a name; embedded in its owner, zero-initialised. */
struct fetch_wait {
	/* Addresses as "192.0.2.1,[2001:db8::1]", borrowed; NULL with the reason in `err`. */
	void (*fn)(void *data, const char *addresses, const struct err *err);
	void *data;
	struct fetch_wait *next;
	struct fetch_wait **prev; /* NULL: does not wait */
};

struct fetch_resolver *fetch_resolver_create(struct loop *loop, struct err *err);
void fetch_resolver_destroy(struct fetch_resolver *r);
/* wait->fn is called once, from the loop or from within this function. */
void fetch_resolve(struct fetch_resolver *r, const char *host, struct fetch_wait *wait);
void fetch_resolve_cancel(struct fetch_wait *wait);

/* --- fetch_proxy.c: variables of the environment --- */

/*
 * The proxy for a URL, as a URL of its own: malloc'd, NULL for none. -EINVAL where a variable
 * names one that cannot be used.
 */
int fetch_proxy_for(const char *const *env, const char *scheme, const char *host, unsigned port,
	char **ret, struct err *err);
/* The value of a variable; NULL when it is not there or empty. */
const char *fetch_env(const char *const *env, const char *name);

/* --- fetch_ca.c: who is trusted --- */

/* An X509_STORE for SSL_CTX; the caller gives it to fetch_ca_free(). */
int fetch_ca_load(const char *const *env, void **ret, struct err *err);
void fetch_ca_free(void *store);
/* CURLOPT_SSL_CTX_FUNCTION with a store. */
CURLcode fetch_ca_use(CURL *easy, void *ssl_ctx, void *store);

/* --- fetch_decode.c: Content-Encoding --- */

struct fetch_decoder;

/* True when the name is of a coding that is known; *ret is NULL for one that changes nothing. */
bool fetch_decoder_create(const char *name, size_t len, struct fetch_decoder **ret);
void fetch_decoder_destroy(struct fetch_decoder *d);
/*
 * Takes input, moves the two marks, and gives output, at most `max` bytes. 0, or negative with a
 * sentence. Some of either is always made unless more input is needed.
 */
int fetch_decode(struct fetch_decoder *d, const uint8_t **in, size_t *n_in, uint8_t *out,
	size_t max, size_t *ret_n, struct err *err);
/* Whether what was decoded is whole. */
bool fetch_decoder_is_done(const struct fetch_decoder *d);

/* --- fetch_head.c: what comes before a body --- */

/*
 * Splits lines ended by CRLF, the first one a status line, in place. `strings` and `lens` are
 * malloc'd. Negative with a sentence when it is no head.
 */
int fetch_head_parse(char *text, size_t len, struct fetch_head *ret, struct err *err);
void fetch_head_finish(struct fetch_head *h);
/* The value of a field; NULL when it is not there. */
const char *fetch_head_find(const struct fetch_head *h, const char *name, size_t *ret_len);

/* --- fetch_transfer.c --- */

enum fetch_event { FETCH_EVENT_HEAD = 1, FETCH_EVENT_READ = 2, FETCH_EVENT_WRITE = 4 };

struct fetch_transfer {
	struct fetch_client *client;
	struct fetch_transfer *next;
	struct fetch_transfer **prev;
	uint64_t id;
	CURL *easy; /* NULL when it has ended */
	bool added; /* to the multi handle */
	struct curl_slist *fields;
	struct curl_slist *addresses;
	struct fetch_wait wait;
	char *host; /* whose name is looked up: of the proxy, where there is one */
	char port[8];
	char reason[CURL_ERROR_SIZE];
	struct err failure; /* code 0: none */
	const char *failure_code;

	struct buf head;
	struct fetch_head parsed;
	bool has_head;
	bool head_given;
	struct fetch_decoder *decoder;
	struct buf in; /* as it came */
	size_t in_taken;
	uint8_t *piece; /* FETCH_PIECE_MAX, with a decoder */
	bool in_paused, in_done;
	bool reader_waits;

	enum fetch_body body;
	struct buf out;
	size_t out_taken;
	bool out_paused, out_done, out_full;

	unsigned events;
	struct loop_deferred deferred;
	struct loop_timer idle;
	uint64_t active_ns;
	bool held;
};

struct fetch_client {
	struct loop *loop;
	const char *const *env;
	const struct fetch_handler *handler;
	void *data;
	CURLM *multi;
	struct loop_timer timer;
	struct fetch_resolver *resolver;
	void *ca;
	struct fetch_transfer *transfers;
	size_t n_transfers;
	uint64_t ids;
	bool closing;
};

struct fetch_transfer *fetch_transfer_create(
	struct fetch_client *c, const struct fetch_request *r, struct err *err);
void fetch_transfer_destroy(struct fetch_transfer *t);
/* The transfer is complete, one way or the other; called by the client. */
void fetch_transfer_done(struct fetch_transfer *t, CURLcode result);
/* It cannot be: who waits for it is told. */
void fetch_transfer_fail(struct fetch_transfer *t, const char *code, const struct err *err);
/* Has something for the handler. */
void fetch_transfer_event(struct fetch_transfer *t, unsigned events);
/* The loop goes on as long as somebody waits for this transfer. */
void fetch_transfer_hold(struct fetch_transfer *t);
/* Something was paused, and goes on. */
void fetch_transfer_continue(struct fetch_transfer *t);

/* --- fetch.c --- */

/* The transfer has its addresses. */
int fetch_client_add(struct fetch_client *c, struct fetch_transfer *t, struct err *err);
/* curl has something to do though no socket says so. */
void fetch_client_kick(struct fetch_client *c);

#endif
