/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/head.h"

/* --- buffers --- */

char *stream_buffer_get(struct stream_pool *p)
{
	struct stream_spare *b = p->spare;

	if (!b)
		return malloc(STREAM_BUFFER);
	p->spare = b->next;
	p->n_spare--;
	return (char *)b;
}

void stream_buffer_put(struct stream_pool *p, char *buffer)
{
	struct stream_spare *b = (struct stream_spare *)(void *)buffer;

	if (!b)
		return;
	if (p->n_spare == STREAM_SPARE_MAX) {
		free(b);
		return;
	}
	b->next = p->spare;
	p->spare = b;
	p->n_spare++;
}

void stream_pool_finish(struct stream_pool *p)
{
	while (p->spare)
		free(stream_buffer_get(p));
}

/* --- the socket --- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct stream *s = poll->data;

	/* libuv has stopped then; a read tells what is wrong. */
	if (status < 0)
		s->armed = 0;
	s->event(s, status < 0 ? UV_READABLE | UV_DISCONNECT : events);
}

int stream_open(struct stream *s, uv_loop_t *loop, struct stream_pool *pool, int fd,
	void (*event)(struct stream *s, int events))
{
	int r;

	*s = (struct stream){.pool = pool, .fd = fd, .event = event};
	r = uv_poll_init(loop, &s->poll, fd);
	if (r < 0)
		fd_close(&s->fd);
	s->poll.data = s;
	return r;
}

void stream_carry(struct stream *s, struct stream_pool *pool, const struct stream_ops *ops,
	void *carrier, void (*event)(struct stream *s, int events))
{
	*s = (struct stream){
		.pool = pool, .fd = -1, .event = event, .ops = ops, .carrier = carrier};
}

void stream_close(struct stream *s, uv_close_cb closed)
{
	if (s->ops)
		s->ops->end(s);
	else
		uv_close((uv_handle_t *)&s->poll, closed);
	fd_close(&s->fd);
	stream_unqueue(s);
	stream_buffer_put(s->pool, take_ptr(&s->in));
}

void stream_arm(struct stream *s, int events)
{
	if (events == s->armed)
		return;
	s->armed = events;
	if (s->ops)
		s->ops->arm(s);
	else if (events)
		uv_poll_start(&s->poll, events, on_poll);
	else
		uv_poll_stop(&s->poll);
}

/* --- what comes --- */

static void make_room(struct stream *s)
{
	const size_t n = stream_unused(s);

	if (s->lent_to > 0)
		return;
	if (n == 0)
		s->start = s->end = s->keep;
	else if (s->end == STREAM_BUFFER && s->start > s->keep) {
		memmove(s->in + s->keep, s->in + s->start, n);
		s->start = s->keep;
		s->end = s->keep + n;
	}
}

bool stream_has_room(const struct stream *s)
{
	return s->end < STREAM_BUFFER || (s->lent_to == 0 && s->start > s->keep);
}

ssize_t stream_fill(struct stream *s)
{
	ssize_t n;

	if (s->eof)
		return 0;
	if (!s->in)
		s->in = stream_buffer_get(s->pool);
	if (!s->in)
		return -ENOMEM;
	make_room(s);
	if (s->end == STREAM_BUFFER)
		return 0;
	do {
		n = s->ops ? s->ops->recv(s, s->in + s->end, STREAM_BUFFER - s->end)
			   : recv(s->fd, s->in + s->end, STREAM_BUFFER - s->end, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->end += (size_t)n;
		s->received += (uint64_t)n;
		return n;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	s->eof = true;
	return n < 0 ? -errno : 0;
}

void stream_rewind(struct stream *s)
{
	const size_t n = stream_unused(s);

	s->keep = 0;
	if (n == 0)
		stream_buffer_put(s->pool, take_ptr(&s->in));
	else if (s->start > 0)
		memmove(s->in, s->in + s->start, n);
	s->start = 0;
	s->end = n;
}

/* --- what goes --- */

void stream_queue(struct stream *s, const void *data, size_t len)
{
	assert(s->n_out < STREAM_PIECES);
	s->out[s->n_out++] = (struct iovec){(void *)data, len};
}

/* All is sent: what was borrowed for it is given back. */
static void sent_all(struct stream *s)
{
	s->n_out = s->out_at = 0;
	s->blocked = false;
	if (s->head)
		stream_buffer_put(s->pool, take_ptr(&s->head));
	if (s->lender) {
		s->lender->start = s->lender->lent_to;
		s->lender->lent_to = 0;
		s->lender = NULL;
	}
}

static void count_sent(struct stream *s, size_t n)
{
	s->sent += n;
	while (s->out_at < s->n_out && n >= s->out[s->out_at].iov_len)
		n -= s->out[s->out_at++].iov_len;
	if (n > 0) {
		s->out[s->out_at].iov_base = (char *)s->out[s->out_at].iov_base + n;
		s->out[s->out_at].iov_len -= n;
	}
}

static ssize_t send_pieces(struct stream *s, struct iovec *pieces, size_t n)
{
	const struct msghdr m = {.msg_iov = pieces, .msg_iovlen = n};

	if (s->ops)
		return s->ops->send(s, pieces, n);
	return n == 1 ? send(s->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
		      : sendmsg(s->fd, &m, MSG_NOSIGNAL);
}

int stream_flush(struct stream *s)
{
	while (s->out_at < s->n_out) {
		const ssize_t n = send_pieces(s, s->out + s->out_at, s->n_out - s->out_at);

		if (n >= 0) {
			count_sent(s, (size_t)n);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		s->blocked = true;
		return 0;
	}
	sent_all(s);
	return 1;
}

void stream_unqueue(struct stream *s)
{
	struct stream *lender = take_ptr(&s->lender);

	s->n_out = s->out_at = 0;
	s->blocked = false;
	stream_buffer_put(s->pool, take_ptr(&s->head));
	if (lender)
		lender->lent_to = 0;
}

/* --- from one to the other --- */

static void put_size(struct stream *to, unsigned at, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *p = to->frame + sizeof(to->frame);

	*--p = '\n';
	*--p = '\r';
	do {
		*--p = digits[n & 15];
		n >>= 4;
	} while (n > 0);
	to->out[at] = (struct iovec){p, (size_t)(to->frame + sizeof(to->frame) - p)};
}

/* Queues what there is of the body; the state of it says whether that was the end. */
static void collect(struct stream *from, struct stream *to, struct body *b, bool chunked)
{
	static const char crlf_last[] = "\r\n0\r\n\r\n";
	const unsigned size_at = to->n_out;
	size_t at = from->start, total = 0, len;

	if (chunked)
		stream_queue(to, NULL, 0);
	while (at < from->end && to->n_out < STREAM_PIECES - 1) {
		const size_t used = body_next(b, from->in + at, from->end - at, &len);

		at += used;
		if (len > 0)
			stream_queue(to, from->in + at - len, len);
		total += len;
		if (used == 0)
			break;
	}
	if (total > 0 || at > from->start) {
		from->lent_to = at;
		to->lender = from;
	}
	if (!chunked)
		return;
	if (total == 0)
		to->n_out = size_at;
	if (total > 0) {
		put_size(to, size_at, total);
		stream_queue(to, crlf_last, b->state == BODY_DONE ? 7 : 2);
	} else if (b->state == BODY_DONE) {
		stream_queue(to, crlf_last + 2, 5);
	}
}

enum stream_pump stream_pump(struct stream *from, struct stream *to, struct body *b, bool chunked)
{
	int r;

	for (;;) {
		if (to->blocked) {
			r = stream_flush(to);
			if (r <= 0)
				return r < 0 ? PUMP_ERROR : PUMP_BLOCKED;
			if (b->state == BODY_DONE)
				return PUMP_DONE;
		}
		if (b->state != BODY_DONE)
			collect(from, to, b, chunked);
		if (b->state == BODY_BAD)
			return PUMP_BAD;
		r = stream_flush(to);
		if (r <= 0)
			return r < 0 ? PUMP_ERROR : PUMP_BLOCKED;
		if (b->state == BODY_DONE)
			return PUMP_DONE;
		if (stream_unused(from) == 0)
			return PUMP_MORE;
	}
}
