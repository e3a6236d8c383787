/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A WebSocket connection after its handshake.
 *
 * One message a callback, so that microtasks come between; while bytes are left over
 * nothing is read, and the other end feels it. The functions that send and close may be
 * called at any time: they never call the handler, the deferred step does.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "aworker/loop.h"
#include "aworker/ws/websocket.h"
#include "aworker/ws/ws_tls.h"
#include "runtime/base/util.h"

/* What is read from a socket at a time. */
#define READ_MAX 16384

/* A buffer larger than this is given back when it is empty. */
#define BUF_KEEP_MAX 16384

/* Pings are not answered while so much waits to be sent: who floods us with them does not read. */
#define PONG_QUEUE_MAX 65536

#define NS_PER_MS 1000000ull

enum phase {
	PHASE_OPEN,
	PHASE_CLOSING, /* our close frame is queued or sent */
	PHASE_CLOSED,  /* both are; what is queued goes out, then the socket is closed */
	PHASE_DEAD,    /* it is closed; the handler is to be told */
	PHASE_TOLD,
};

struct ws_conn {
	struct loop *loop;
	const struct ws_handler *handler;
	void *data;
	struct loop_fd watcher;
	void *tls;
	struct loop_timer timer; /* of the closing handshake */
	struct loop_deferred step;
	enum phase phase;
	struct ws_parser parser;
	struct buf in, out;
	size_t in_start, out_start;
	size_t queue_max;
	bool client;
	bool paused;
	bool owes_drained;
	bool clean;
	bool running;	 /* one of our callbacks: it frees the connection at its end ... */
	bool doomed;	 /* ... if the handler has destroyed it meanwhile */
	unsigned status; /* of the close frame that came */
	char reason[WS_REASON_MAX];
	size_t reason_len;
};

static void on_event(void *data, uint32_t events);
static void on_step(void *data);
static void on_timer(void *data);

/* --- life --- */

int ws_conn_create(struct loop *loop, int fd, const struct ws_options *options,
	const struct ws_handler *handler, void *data, struct ws_conn **ret, struct err *err)
{
	struct ws_conn *c = calloc(1, sizeof(*c));
	int r = c ? 0 : -ENOMEM;

	if (c) {
		c->loop = loop;
		c->handler = handler;
		c->data = data;
		c->client = options->client;
		c->tls = options->tls;
		c->queue_max = options->queue_max ? options->queue_max : WS_QUEUE_MAX;
		c->status = WS_STATUS_ABNORMAL;
		c->parser.message_max =
			options->message_max ? options->message_max : WS_MESSAGE_MAX;
		c->parser.masked = !options->client;
		c->watcher = (struct loop_fd){.fn = on_event, .data = c, .background = true};
		c->timer = (struct loop_timer){.fn = on_timer, .data = c, .background = true};
		c->step = (struct loop_deferred){.fn = on_step, .data = c};
		if (options->rest_len > 0)
			buf_put(&c->in, options->rest, options->rest_len);
		r = buf_failed(&c->in) ? -ENOMEM : loop_fd_add(loop, &c->watcher, fd, EPOLLIN);
	}
	if (r < 0) {
		ws_tls_free(options->tls);
		close(fd);
		if (c)
			buf_finish(&c->in);
		free(c);
		return err_set(err, -r, "watch a WebSocket");
	}
	if (options->rest_len > 0)
		loop_defer(loop, &c->step);
	*ret = c;
	return 0;
}

static void close_socket(struct ws_conn *c)
{
	if (c->phase >= PHASE_DEAD)
		return;
	loop_fd_remove(c->loop, &c->watcher);
	loop_timer_stop(c->loop, &c->timer);
	ws_tls_free(c->tls);
	c->tls = NULL;
	close(c->watcher.fd);
	c->phase = PHASE_DEAD;
	loop_defer(c->loop, &c->step);
}

static void release(struct ws_conn *c)
{
	loop_defer_cancel(c->loop, &c->step);
	ws_parser_finish(&c->parser);
	buf_finish(&c->in);
	buf_finish(&c->out);
	free(c);
}

void ws_conn_destroy(struct ws_conn *c)
{
	if (!c)
		return;
	close_socket(c);
	if (c->running)
		c->doomed = true;
	else
		release(c);
}

/* --- output --- */

size_t ws_conn_queued(const struct ws_conn *c)
{
	return c->out.len - c->out_start;
}

static void update(struct ws_conn *c)
{
	uint32_t events = 0;

	if (c->phase >= PHASE_DEAD)
		return;
	if (!c->paused && c->in.len == 0 && c->phase < PHASE_CLOSED)
		events |= EPOLLIN;
	if (ws_conn_queued(c) > 0)
		events |= EPOLLOUT;
	if (loop_fd_modify(c->loop, &c->watcher, events) < 0)
		close_socket(c);
}

/* How many bytes the socket took. */
static size_t try_send(struct ws_conn *c, struct iovec *iov, size_t n_iov)
{
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};
	ssize_t n;

	/* A client's frames are queued first, so they are always in one piece. */
	do
		n = c->tls ? ws_tls_write(c->tls, iov[0].iov_base, iov[0].iov_len)
			   : sendmsg(c->watcher.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		close_socket(c);
	return n < 0 ? 0 : (size_t)n;
}

static void flush(struct ws_conn *c)
{
	struct iovec iov = {.iov_len = ws_conn_queued(c)};

	if (iov.iov_len == 0 || c->phase >= PHASE_DEAD)
		return;
	iov.iov_base = c->out.data + c->out_start;
	c->out_start += try_send(c, &iov, 1);
	if (ws_conn_queued(c) == 0) {
		if (c->out.cap > BUF_KEEP_MAX)
			buf_finish(&c->out);
		c->out.len = c->out_start = 0;
		c->owes_drained = true;
		loop_defer(c->loop, &c->step);
	} else if (c->out_start > c->out.len / 2) {
		buf_consume(&c->out, c->out_start);
		c->out_start = 0;
	}
}

/* Head and payload, the first `done` bytes of both left out. */
static void queue(struct ws_conn *c, const uint8_t *head, size_t head_len, const void *data,
	size_t len, size_t done)
{
	if (done < head_len)
		buf_put(&c->out, head + done, head_len - done);
	done = done > head_len ? done - head_len : 0;
	if (done < len)
		buf_put(&c->out, (const char *)data + done, len - done);
	if (buf_failed(&c->out) || ws_conn_queued(c) > c->queue_max)
		close_socket(c);
}

static void send_masked(struct ws_conn *c, enum ws_opcode opcode, const void *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX], mask[WS_MASK_LEN];
	size_t head_len;

	if (getrandom(mask, sizeof(mask), 0) != sizeof(mask)) {
		close_socket(c);
		return;
	}
	head_len = ws_frame_head(head, opcode, len, mask);
	queue(c, head, head_len, data, len, 0);
	if (c->phase >= PHASE_DEAD)
		return;
	ws_mask((uint8_t *)c->out.data + c->out.len - len, len, mask, 0);
	if (ws_conn_queued(c) == head_len + len)
		flush(c);
}

static void send_frame(struct ws_conn *c, enum ws_opcode opcode, const void *data, size_t len)
{
	uint8_t head[WS_HEAD_MAX];
	struct iovec iov[2];
	size_t done = 0;

	if (c->client) {
		send_masked(c, opcode, data, len);
		update(c);
		return;
	}
	iov[0] = (struct iovec){head, ws_frame_head(head, opcode, len, NULL)};
	iov[1] = (struct iovec){(void *)data, len};
	if (ws_conn_queued(c) == 0) {
		done = try_send(c, iov, len > 0 ? 2 : 1);
		if (done == iov[0].iov_len + len) {
			c->owes_drained = true;
			loop_defer(c->loop, &c->step);
		}
	}
	if (c->phase < PHASE_DEAD)
		queue(c, head, iov[0].iov_len, data, len, done);
	update(c);
}

ssize_t ws_conn_send(struct ws_conn *c, enum ws_opcode opcode, const void *data, size_t len)
{
	if (c->phase != PHASE_OPEN)
		return -1;
	send_frame(c, opcode, data, len);
	return c->phase == PHASE_OPEN ? (ssize_t)ws_conn_queued(c) : -1;
}

bool ws_conn_wait(struct ws_conn *c, size_t most, int timeout_ms)
{
	const uint64_t end = loop_clock_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	flush(c);
	while (c->phase < PHASE_DEAD && ws_conn_queued(c) > most) {
		struct pollfd p = {.fd = c->watcher.fd, .events = POLLOUT};
		const uint64_t now = loop_clock_ns();

		if (now >= end)
			return false;
		(void)poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1);
		flush(c);
	}
	update(c);
	return c->phase < PHASE_DEAD;
}

/* --- closing --- */

static void send_close(struct ws_conn *c, unsigned status, const char *reason, size_t len)
{
	uint8_t body[WS_CONTROL_MAX] = {(uint8_t)(status >> 8), (uint8_t)status};

	if (len > WS_REASON_MAX)
		len = 0;
	if (len > 0)
		memcpy(body + 2, reason, len);
	send_frame(c, WS_CLOSE, body, status == WS_STATUS_NONE ? 0 : 2 + len);
}

void ws_conn_close(struct ws_conn *c, unsigned status, const char *reason, size_t len)
{
	if (c->phase != PHASE_OPEN)
		return;
	c->phase = PHASE_CLOSING;
	send_close(c, status, reason, len);
	/* Who closes reads on for the answer, whatever was asked before. */
	c->paused = false;
	update(c);
	if (c->phase < PHASE_DEAD &&
		loop_timer_start(c->loop, &c->timer, WS_CLOSE_TIMEOUT_MS * NS_PER_MS) < 0)
		close_socket(c);
}

static void on_timer(void *data)
{
	close_socket(data);
}

static void end_if_sent(struct ws_conn *c)
{
	if (c->phase == PHASE_CLOSED && ws_conn_queued(c) == 0)
		close_socket(c);
}

/* The other end's close frame. */
static void take_close(struct ws_conn *c, const struct ws_message *m)
{
	const bool answer = c->phase == PHASE_OPEN;

	c->status = m->len < 2 ? WS_STATUS_NONE : (unsigned)m->data[0] << 8 | m->data[1];
	c->reason_len = m->len < 2 ? 0 : m->len - 2;
	if (c->reason_len > 0)
		memcpy(c->reason, m->data + 2, c->reason_len);
	c->clean = true;
	c->phase = PHASE_CLOSED;
	if (answer)
		send_close(c, c->status, NULL, 0);
	if (c->phase == PHASE_CLOSED && !loop_timer_is_running(&c->timer) &&
		loop_timer_start(c->loop, &c->timer, WS_CLOSE_TIMEOUT_MS * NS_PER_MS) < 0)
		close_socket(c);
	end_if_sent(c);
}

/* The other end breaks the protocol: it hears why, and nothing more is read. */
static void fail(struct ws_conn *c, unsigned status)
{
	if (c->phase == PHASE_OPEN)
		send_close(c, status, NULL, 0);
	if (c->phase >= PHASE_DEAD)
		return;
	(void)shutdown(c->watcher.fd, SHUT_RD);
	c->phase = PHASE_CLOSED;
	if (!loop_timer_is_running(&c->timer))
		(void)loop_timer_start(c->loop, &c->timer, WS_CLOSE_TIMEOUT_MS * NS_PER_MS);
	end_if_sent(c);
}

/* --- input --- */

/* Takes one message of `data`; returns the bytes taken. */
static size_t take_message(struct ws_conn *c, uint8_t *data, size_t len)
{
	struct ws_message m = {NULL, 0};
	size_t taken = 0;
	int r = ws_parse(&c->parser, data, len, &taken, &m);

	if (r < 0) {
		fail(c, (unsigned)-r);
		return len;
	}
	if (r == WS_CLOSE) {
		take_close(c, &m);
		return len;
	}
	if (r == WS_PING && c->phase == PHASE_OPEN && ws_conn_queued(c) <= PONG_QUEUE_MAX)
		send_frame(c, WS_PONG, m.data, m.len);
	if (r > 0 && c->phase == PHASE_OPEN)
		c->handler->message(c->data, (enum ws_opcode)r, m.data, m.len);
	return taken;
}

static void take_input(struct ws_conn *c)
{
	c->in_start +=
		take_message(c, (uint8_t *)c->in.data + c->in_start, c->in.len - c->in_start);
	if (c->in_start < c->in.len)
		return;
	if (c->in.cap > BUF_KEEP_MAX)
		buf_finish(&c->in);
	c->in.len = c->in_start = 0;
}

static void read_input(struct ws_conn *c)
{
	uint8_t data[READ_MAX];
	/* As much as a record of TLS holds: none of it stays behind where no event tells of it. */
	ssize_t n = c->tls ? ws_tls_read(c->tls, data, sizeof(data))
			   : recv(c->watcher.fd, data, sizeof(data), MSG_DONTWAIT);
	size_t taken;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		close_socket(c);
		return;
	}
	taken = take_message(c, data, (size_t)n);
	if (taken == (size_t)n || c->phase >= PHASE_DEAD)
		return;
	buf_put(&c->in, data + taken, (size_t)n - taken);
	if (buf_failed(&c->in))
		close_socket(c);
	else
		loop_defer(c->loop, &c->step);
}

static bool may_read(const struct ws_conn *c)
{
	return c->phase < PHASE_CLOSED && !c->paused;
}

static void tell_drained(struct ws_conn *c)
{
	if (c->phase >= PHASE_DEAD || !c->owes_drained || ws_conn_queued(c) > 0)
		return;
	c->owes_drained = false;
	c->handler->drained(c->data);
}

/* The end of every callback. */
static void settle(struct ws_conn *c)
{
	end_if_sent(c);
	update(c);
	c->running = false;
	if (c->doomed)
		release(c);
}

static void on_step(void *data)
{
	struct ws_conn *c = data;

	c->running = true;
	if (c->phase == PHASE_DEAD) {
		c->phase = PHASE_TOLD;
		c->handler->closed(c->data, c->status, c->reason, c->reason_len, c->clean);
	}
	tell_drained(c);
	if (c->in.len > 0 && may_read(c))
		take_input(c);
	if (c->in.len > 0 && may_read(c))
		loop_defer(c->loop, &c->step);
	settle(c);
}

static void on_event(void *data, uint32_t events)
{
	struct ws_conn *c = data;

	c->running = true;
	if (events & EPOLLOUT)
		flush(c);
	tell_drained(c);
	/* What arrived before the end is still to be read. */
	if (may_read(c) && c->in.len == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_input(c);
	if ((events & (EPOLLHUP | EPOLLERR)) && (c->paused || c->phase == PHASE_CLOSED))
		close_socket(c);
	settle(c);
}

void ws_conn_read(struct ws_conn *c, bool wanted)
{
	c->paused = !wanted;
	if (wanted && c->in.len > 0)
		loop_defer(c->loop, &c->step);
	update(c);
}
