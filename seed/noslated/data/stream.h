/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connected socket: a buffer of what was read and not used, and what is to be sent, as pointers. A body
 * is sent from the buffer that it was read into, and nothing more is read into that until it was sent: this
 * is all the back-pressure there is, and one buffer is all that is ever in transit.
 *
 * Buffers come from a pool: a connection without data has none.
 */
#ifndef SEED_NOSLATED_DATA_STREAM_H
#define SEED_NOSLATED_DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <uv.h>

/* Room for a head, and for what one read gives. */
#define STREAM_BUFFER 32768
/* Pieces of one write: a head, the size of a chunk, pieces of a body, the end of a chunk. */
#define STREAM_PIECES 16
/* Buffers that nobody uses and that are kept. */
#define STREAM_SPARE_MAX 256

struct stream;

struct stream_pool {
	struct stream_spare {
		struct stream_spare *next;
	} * spare;
	unsigned n_spare;
};

/* STREAM_BUFFER bytes, or NULL without memory. */
char *stream_buffer_get(struct stream_pool *p);
void stream_buffer_put(struct stream_pool *p, char *buffer);
void stream_pool_finish(struct stream_pool *p);

/* What carries bytes when it is no socket: as recv(2) and sendmsg(2), that is, -1 and errno. */
struct stream_ops {
	ssize_t (*recv)(struct stream *s, void *to, size_t size);
	ssize_t (*send)(struct stream *s, const struct iovec *pieces, size_t n);
	void (*arm)(struct stream *s); /* other events are wanted */
	void (*end)(struct stream *s); /* it is closed */
};

struct stream {
	uv_poll_t poll;
	const struct stream_ops *ops; /* NULL: a socket */
	void *carrier;		      /* for these */
	struct stream_pool *pool;
	int fd;
	int armed;		 /* events that are asked for */
	bool blocked;		 /* the socket takes no more for now */
	bool eof;		 /* nothing more comes */
	char *in;		 /* NULL: nothing was read */
	size_t keep, start, end; /* of `in`: what stays, what is used, what was read */
	/* what is being sent */
	char *head; /* a buffer whose bytes are among it */
	struct iovec out[STREAM_PIECES];
	unsigned n_out, out_at;
	struct stream *lender; /* whose bytes are among it, up to lent_to */
	size_t lent_to;
	char frame[24]; /* size of a chunk */
	uint64_t received, sent;
	void (*event)(struct stream *s, int events);
};

/* Takes the descriptor over, also when it fails. A negative errno. */
int stream_open(struct stream *s, uv_loop_t *loop, struct stream_pool *pool, int fd,
	void (*event)(struct stream *s, int events));
/* One that is carried by somebody else, who calls `event`. */
void stream_carry(struct stream *s, struct stream_pool *pool, const struct stream_ops *ops,
	void *carrier, void (*event)(struct stream *s, int events));
/* Closes the socket at once, and calls back when the loop has forgotten it; what is carried, without that. */
void stream_close(struct stream *s, uv_close_cb closed);

/* Events that are wanted from now on: UV_READABLE and so on; 0: none. */
void stream_arm(struct stream *s, int events);

static inline size_t stream_unused(const struct stream *s)
{
	return s->end - s->start;
}

bool stream_has_room(const struct stream *s);
/*
 * One read. The number of bytes; 0: nothing there, no room, or the end (s->eof); a negative errno, which is
 * the end, too.
 */
ssize_t stream_fill(struct stream *s);
/* What was used is forgotten, and the buffer with it when nothing is left. */
void stream_rewind(struct stream *s);

/* Will be sent by the next flush. There is room for STREAM_PIECES until all is sent. */
void stream_queue(struct stream *s, const void *data, size_t len);
/* Drops what was queued and not sent. */
void stream_unqueue(struct stream *s);
/* 1: all was sent; 0: not yet (s->blocked); a negative errno. */
int stream_flush(struct stream *s);

struct body;

enum stream_pump { PUMP_DONE, PUMP_MORE, PUMP_BLOCKED, PUMP_BAD, PUMP_ERROR };

/*
 * Sends the body that `from` has read, in chunks when `chunked`, behind what is queued. MORE: all that was
 * read was sent; BAD: it is no such body; ERROR: `to` is broken.
 */
enum stream_pump stream_pump(struct stream *from, struct stream *to, struct body *b, bool chunked);

#endif
