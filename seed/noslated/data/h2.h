/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 without TLS, for clients that know of it beforehand (RFC 9113, 3.3). A connection takes streams
 * apart; each is carried to client.c as a connection with one request of HTTP/1.1, so that there is one set
 * of rules for both. nghttp2 has the frames, HPACK and windows, h2_stream.c the translation.
 */
#ifndef SEED_NOSLATED_DATA_H2_H
#define SEED_NOSLATED_DATA_H2_H

#include <stdbool.h>
#include <stddef.h>

struct data_plane;

#define H2_PREFACE     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_LEN 24

/* What a peer can grow. */
#define H2_STREAMS_MAX 100    /* of a connection at a time */
#define H2_WINDOW      65535  /* bytes of a request's body that are here, unread */
#define H2_WINDOW_ALL  262144 /* of all streams of a connection */
#define H2_HEADERS_MAX \
	65536 /* bytes of names and values, and 32 for each; beyond HEAD_MAX it is 431 */
#define H2_TABLE_MAX	4096 /* of HPACK, either way */
#define H2_ACKS_MAX	100  /* of pings and settings, that wait to be sent */
#define H2_SETTINGS_MAX 32   /* of one frame */
/* Frames that bring nothing (pings, settings, priorities, empty data, resets that cost more), at once and a second. */
#define H2_NOISE_MAX   1000
#define H2_NOISE_RATE  100
#define H2_NOISE_RESET 5

/* Takes the descriptor, on which `data` has been read. */
void h2_create(struct data_plane *d, int fd, const char *address, const char *data, size_t len);
/* Whether there is a connection without a stream; the oldest one goes. */
bool h2_has_idle(const struct data_plane *d);
void h2_make_room(struct data_plane *d);
/* No new streams; a connection ends with its last one. */
void h2_drain(struct data_plane *d);
/* All at once; their streams have been closed. */
void h2_close_all(struct data_plane *d);

#endif
