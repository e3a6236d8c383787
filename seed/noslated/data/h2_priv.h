/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_DATA_H2_PRIV_H
#define SEED_NOSLATED_DATA_H2_PRIV_H

#include <nghttp2/nghttp2.h>

#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/h2.h"

enum h2_pseudo { H2_METHOD, H2_PATH, H2_AUTHORITY, H2_PSEUDO };

/* One request. It is there until nghttp2 has closed the stream and the client, too. */
struct h2_stream {
	struct h2 *h2;
	int32_t id;
	struct client *client; /* NULL: not yet, or not any more */
	struct h2_stream *next, **prev;
	struct h2_stream *ready_next, **ready_prev; /* of those whose client has something to do */
	/* the request, as it comes */
	struct buf pseudo[H2_PSEUDO], fields, cookies;
	size_t n_headers; /* bytes, as HPACK counts */
	struct buf text;  /* the head for the client */
	size_t text_at;
	struct buf body;
	size_t body_at, chunk_left;
	bool has_head, has_length, has_host, bad;
	bool ended;		  /* nothing more comes */
	bool closed;		  /* nghttp2 knows nothing of it any more */
	bool chunked, last_chunk; /* of what the client gets; and that it has got the last one */
	/* the response */
	bool answered; /* the head that counts has gone */
	bool done;     /* all of the body is here */
	struct body resp;
	char *out; /* STREAM_BUFFER bytes; NULL: nothing is there */
	size_t out_at, out_len;
	bool deferred; /* nghttp2 waits for more */
};

/* A connection. */
struct h2 {
	uv_poll_t poll;
	uv_idle_t later; /* runs while something is to be done on the next turn */
	uv_timer_t watch;
	struct data_plane *plane;
	struct h2 *next, **prev; /* of the plane, the oldest first */
	nghttp2_session *session;
	struct h2_stream *streams, *ready, **ready_tail;
	struct h2_stream *current;     /* whose client is being told */
	unsigned n_streams, n_clients; /* those that have a client */
	unsigned handles;
	int fd, armed;
	char *out; /* STREAM_BUFFER bytes of frames; NULL: none waits */
	size_t out_at, out_len;
	double noise; /* frames that bring nothing */
	uint64_t noise_at, progress_at,
		head_at; /* of the loop's time; head_at 0: no head is in the middle */
	bool blocked, closed;
	char address[DATA_ADDRESS_MAX];
};

/* --- h2.c --- */
/* Something is to be sent, or a client to be told: on the next turn of the loop. */
void h2_later(struct h2 *h);
/* Frames that bring nothing. False: too many of them. */
bool h2_hears_noise(struct h2 *h, unsigned cost);

/* --- h2_stream.c --- */
int h2_stream_create(struct h2 *h, int32_t id);
void h2_stream_destroy(struct h2_stream *st);
/* A field; false: too many. */
bool h2_stream_header(struct h2_stream *st, struct head_text name, struct head_text value);
/* The head is complete: false: it is malformed. */
bool h2_stream_begin(struct h2_stream *st);
/* False: no memory. */
bool h2_stream_data(struct h2_stream *st, const uint8_t *data, size_t len);
/* What a client waits for may be there. */
void h2_stream_wake(struct h2_stream *st);
/* Tells its client; may destroy the stream. */
void h2_stream_run(struct h2_stream *st);
ssize_t h2_stream_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *arg);

#endif
