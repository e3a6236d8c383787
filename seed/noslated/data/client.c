/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of a client: one request at a time. What comes behind a request stays in the buffer, and then
 * in the kernel, until that one is answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/h2.h"

static void run(struct client *c);

/* --- without a (whole) request --- */

static void join_idle(struct client *c)
{
	struct data_plane *d = c->plane;

	/* A stream of HTTP/2 makes no room when it goes. */
	if (c->idle_prev || c->s.ops)
		return;
	c->idle_next = NULL;
	c->idle_prev = d->idle_tail;
	*d->idle_tail = c;
	d->idle_tail = &c->idle_next;
}

static void leave_idle(struct client *c)
{
	if (!c->idle_prev)
		return;
	*c->idle_prev = c->idle_next;
	if (c->idle_next)
		c->idle_next->idle_prev = c->idle_prev;
	else
		c->plane->idle_tail = c->idle_prev;
	c->idle_prev = NULL;
}

/* --- the end of a connection --- */

static void on_handle_closed(uv_handle_t *h)
{
	/* Both handles know the stream, which is the first member. */
	struct stream *s = h->data;
	struct client *c = (struct client *)(void *)s;
	struct data_plane *d = c->plane;

	if (--c->handles == 0)
		free(c);
	data_handle_closed(d);
}

/* Of the request, when it has ended or will not be. */
static void forget_request(struct client *c)
{
	struct upstream *up = take_ptr(&c->up);
	struct data_worker *w = take_ptr(&c->worker);
	struct data_function *f = take_ptr(&c->function);

	if (up)
		upstream_close(up);
	if (w)
		host_unref_worker(w);
	if (f) {
		host_unref_function(f);
		c->plane->n_requests--;
	}
	if (c->plane->head_of == c)
		c->plane->head_of = NULL;
}

void client_close(struct client *c)
{
	struct data_plane *d = c->plane;

	if (c->phase == CLIENT_DEAD)
		return;
	if (c->begun_ns > 0 && c->phase != CLIENT_LINGER)
		client_log(c);
	c->phase = CLIENT_DEAD;
	leave_idle(c);
	host_done(c, POLICY_ABANDONED);
	forget_request(c);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	d->n_clients--;
	measure_soon(d);
	uv_close((uv_handle_t *)&c->timer, on_handle_closed);
	stream_close(&c->s, on_handle_closed);
	front_resume(d);
	data_check_drained(d);
}

static void linger(struct client *c)
{
	/* There its carrier says that the rest is not wanted. */
	if (c->s.ops) {
		client_close(c);
		return;
	}
	client_log(c);
	forget_request(c);
	shutdown(c->s.fd, SHUT_WR);
	c->phase = CLIENT_LINGER;
	c->s.keep = c->s.start = c->s.end = 0;
	client_update(c);
}

/* --- the log --- */

static uint64_t us_between(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0;
}

static void on_log_later(uv_timer_t *t)
{
	access_log_flush(&((struct data_plane *)t->data)->log);
}

/* Once for each request. */
void client_log(struct client *c)
{
	struct data_plane *d = c->plane;
	const uint64_t now = uv_hrtime(), begun = c->begun_ns;
	struct access_line line;

	if (begun == 0)
		return;
	d->n_answered++;
	measure_request(c, now);
	trace_end(c, now);
	c->begun_ns = 0;
	if (d->log.fd < 0)
		return;
	line = (struct access_line){
		.id = c->id,
		.function = c->function ? c->function->name : "",
		.worker = c->worker ? c->worker->name : "",
		.client = c->address,
		.error = c->error ? data_error_row(c->error)->name : "",
		.method = {c->s.in ? c->s.in + c->method_at : "", c->s.in ? c->method_len : 0},
		.path = {c->s.in ? c->s.in + c->path_at : "", c->s.in ? c->path_len : 0},
		.status = c->status ? c->status : data_error_row(c->error)->status,
		.in = client_received(c),
		.out = c->s.sent - c->out_at,
		.queue_us = us_between(begun, c->sent_ns ? c->sent_ns : now),
		.first_us = us_between(begun, c->first_ns),
		.total_us = us_between(begun, now),
	};
	access_log_write(&d->log, &line);
	if (!uv_is_active((uv_handle_t *)&d->log_later))
		uv_timer_start(&d->log_later, on_log_later, DATA_LOG_MS, 0);
}

/* --- answers of ours --- */

/* Drops what is here of a body that nobody wants. */
static bool body_is_here(struct client *c)
{
	size_t len;

	if (c->req_done || !c->req_started || c->req_broken || c->s.lent_to > 0)
		return c->req_done;
	while (c->req.state != BODY_DONE && c->req.state != BODY_BAD && stream_unused(&c->s) > 0)
		c->s.start += body_next(&c->req, c->s.in + c->s.start, stream_unused(&c->s), &len);
	c->req_done = c->req.state == BODY_DONE;
	return c->req_done;
}

void client_answer(struct client *c, enum data_error e, bool close)
{
	struct data_plane *d = c->plane;
	size_t n = 0;

	if (c->phase == CLIENT_DEAD)
		return;
	c->error = e;
	c->status = data_error_row(e)->status;
	if (c->first_ns == 0)
		c->first_ns = uv_hrtime();
	c->close_after = close || !c->keep_alive || d->draining || d->leaving || !body_is_here(c);
	if (!c->s.head)
		c->s.head = stream_buffer_get(&d->pool);
	if (c->s.head && c->s.n_out == 0)
		n = data_error_write(
			c->s.head, STREAM_BUFFER, e, c->id, c->is_head, c->close_after);
	if (n == 0) {
		client_close(c);
		return;
	}
	c->phase = CLIENT_ANSWER;
	stream_queue(&c->s, c->s.head, n);
	if (stream_flush(&c->s) < 0)
		client_close(c);
	else if (!c->s.blocked)
		client_finish(c);
	else
		client_update(c);
}

void client_finish(struct client *c)
{
	if (c->phase == CLIENT_DEAD)
		return;
	host_done(c, POLICY_SERVED);
	if (!body_is_here(c))
		c->close_after = true;
	if (c->close_after && (!c->req_done || stream_unused(&c->s) > 0)) {
		linger(c);
		return;
	}
	if (c->close_after || c->s.eof) {
		client_close(c);
		return;
	}
	client_log(c);
	forget_request(c);
	stream_rewind(&c->s);
	c->phase = CLIENT_HEAD;
	c->scan = (struct head_scan){0};
	run(c);
}

/* --- heads --- */

static void begin(struct client *c)
{
	c->begun_ns = uv_hrtime();
	c->in_at = c->s.received - stream_unused(&c->s);
	c->out_at = c->s.sent;
	c->arrived_ns = c->sent_ns = c->first_ns = 0;
	c->queued = c->traced = c->has_parent = false;
	c->body_from = c->body_waited = 0;
	c->id[0] = '\0';
	c->error = DATA_OK;
	c->status = 0;
	c->method_len = c->path_len = 0;
	c->keep_alive = c->is_head = c->close_after = false;
	c->req_done = c->req_started = c->req_broken = false;
	c->retried = c->upgrade = c->expects = c->admitted = false;
	c->fixed_phase = -1;
	c->interim = 0;
	c->resp_scan = (struct head_scan){0};
}

/* Empty lines before a request, which RFC 9112 (2.2) allows. */
static void skip_empty_lines(struct client *c)
{
	while (c->scan.at == 0 && stream_unused(&c->s) >= 2 &&
		memcmp(c->s.in + c->s.start, "\r\n", 2) == 0) {
		c->s.start += 2;
		c->scan.seen = 0;
	}
}

/* What a connection of HTTP/2 begins with, as far as it is here. */
static bool is_h2(const struct client *c)
{
	const size_t n = stream_unused(&c->s);

	return !c->s.ops && c->s.received == n && n > 0 &&
	       memcmp(c->s.in + c->s.start, H2_PREFACE, n < H2_PREFACE_LEN ? n : H2_PREFACE_LEN) ==
		       0;
}

/* The socket goes on without this client. */
static void become_h2(struct client *c)
{
	const int fd = fcntl(c->s.fd, F_DUPFD_CLOEXEC, 0);
	const char *in = c->s.in + c->s.start;

	if (fd >= 0)
		h2_create(c->plane, fd, c->address, in, stream_unused(&c->s));
	c->begun_ns = 0;
	client_close(c);
}

/* False: there is no whole head, or none that can be answered. */
static bool next_request(struct client *c)
{
	enum data_error e;
	size_t len;

	if (is_h2(c)) {
		if (stream_unused(&c->s) >= H2_PREFACE_LEN)
			become_h2(c);
		else if (c->begun_ns == 0)
			begin(c);
		return false;
	}
	skip_empty_lines(c);
	if (stream_unused(&c->s) == 0)
		return false;
	if (c->s.start > 0)
		stream_rewind(&c->s);
	if (c->begun_ns == 0)
		begin(c);
	e = head_scan(&c->scan, c->s.in, c->s.end, &len);
	if (!e && len == 0)
		return false;
	leave_idle(c);
	if (e) {
		client_answer(c, e, true);
		return false;
	}
	exchange_begin(c, len);
	return c->phase == CLIENT_HEAD;
}

/* Requests that are in the buffer, until one is not answered at once. */
static void run(struct client *c)
{
	if (c->in_run)
		return;
	c->in_run = true;
	while (c->phase == CLIENT_HEAD && next_request(c))
		;
	c->in_run = false;
	if (c->phase != CLIENT_HEAD)
		return;
	if (c->s.eof || (c->plane->draining && c->begun_ns == 0)) {
		/* Half a request is none. */
		c->begun_ns = 0;
		client_close(c);
		return;
	}
	if (c->begun_ns == 0)
		stream_rewind(&c->s);
	join_idle(c);
	client_update(c);
}

/* --- events and time --- */

static int events_of(const struct client *c)
{
	const int events = c->s.blocked ? UV_WRITABLE : 0;

	if (c->s.eof || c->phase == CLIENT_ANSWER)
		return events;
	if (stream_has_room(&c->s))
		return events | UV_READABLE;
	/* What is behind a full buffer may be the rest of the body, and the end behind it. */
	return c->req_done ? events | UV_DISCONNECT : events;
}

/* Whether it is the client whom a request that runs, or would, waits for. */
static bool awaits_body(const struct client *c)
{
	return c->phase == CLIENT_BODY ||
	       (c->phase == CLIENT_RUN && !c->req_done && !c->req_broken && !c->up->s.blocked &&
		       !c->expects);
}

/* A body may be slow, but not for ever: a worker, or at least a place in the queue, is kept for it. */
static uint64_t wait_of_body(struct client *c, uint64_t now)
{
	const uint64_t body_ms = c->plane->options.body_ms;
	const uint64_t all_ms = body_ms + (c->s.received - c->in_at) * 1000 / DATA_BODY_RATE;

	if (c->body_from > 0)
		c->body_waited += now - c->body_from;
	c->body_from = now;
	if (c->body_waited >= all_ms)
		return 1;
	return all_ms - c->body_waited < body_ms ? all_ms - c->body_waited : body_ms;
}

static uint64_t wait_of(struct client *c, uint64_t now)
{
	const struct data_options *o = &c->plane->options;

	if (awaits_body(c))
		return wait_of_body(c, now);
	c->body_from = 0;

	switch (c->phase) {
	case CLIENT_HEAD: return c->begun_ns ? o->head_ms : o->idle_ms;
	case CLIENT_CONNECT: return DATA_CONNECT_AGAIN_MS;
	case CLIENT_RETRY: return DATA_RETRY_MS;
	case CLIENT_RUN: return c->function->request_ms;
	case CLIENT_STREAM: return o->piece_ms;
	case CLIENT_TUNNEL: return o->tunnel_ms;
	case CLIENT_ANSWER: return o->piece_ms;
	case CLIENT_LINGER: return DATA_LINGER_MS;
	default: return 0;
	}
}

static void on_timer(uv_timer_t *t);

/* The timer is only ever moved to be earlier: most of what it stands for ends before. */
static void set_due(struct client *c)
{
	const uint64_t now = uv_now(c->plane->loop), wait = wait_of(c, now);
	const bool fixed = c->phase == CLIENT_LINGER || (c->phase == CLIENT_HEAD && c->begun_ns);

	/* Slow drips do not help there. */
	if (fixed && c->fixed_phase == (int)c->phase)
		return;
	c->fixed_phase = fixed ? (int)c->phase : -1;
	c->due = wait ? now + wait : 0;
	if (c->due && (!uv_is_active((uv_handle_t *)&c->timer) || c->timer_at > c->due)) {
		c->timer_at = c->due;
		uv_timer_start(&c->timer, on_timer, wait, 0);
	}
}

void client_update(struct client *c)
{
	if (c->phase == CLIENT_DEAD)
		return;
	stream_arm(&c->s, events_of(c));
	set_due(c);
}

static void on_timer(uv_timer_t *t)
{
	struct stream *s = t->data;
	struct client *c = (struct client *)(void *)s;
	const uint64_t now = uv_now(c->plane->loop);

	if (c->due == 0)
		return;
	if (now < c->due) {
		c->timer_at = c->due;
		uv_timer_start(&c->timer, on_timer, c->due - now, 0);
		return;
	}
	c->fixed_phase = -1;
	switch (c->phase) {
	case CLIENT_HEAD:
		leave_idle(c);
		if (c->begun_ns)
			client_answer(c, DATA_HEAD_TIMEOUT, true);
		else
			client_close(c);
		break;
	case CLIENT_ANSWER:
	case CLIENT_LINGER: client_close(c); break;
	default: exchange_timeout(c);
	}
}

static void drop(struct client *c)
{
	const ssize_t n = stream_fill(&c->s);

	c->lingered += n > 0 ? (size_t)n : 0;
	c->s.start = c->s.end = 0;
	if (n < 0 || c->s.eof || c->lingered > DATA_LINGER_BYTES)
		client_close(c);
}

static void on_event(struct stream *s, int events)
{
	struct client *c = (struct client *)(void *)s;

	switch (c->phase) {
	case CLIENT_DEAD: return;
	case CLIENT_LINGER: drop(c); return;
	case CLIENT_HEAD:
		if (stream_fill(s) < 0)
			client_close(c);
		else
			run(c);
		return;
	case CLIENT_ANSWER:
		if (stream_flush(s) < 0)
			client_close(c);
		else if (!s->blocked)
			client_finish(c);
		else
			client_update(c);
		return;
	default: exchange_client_event(c, events);
	}
}

static void add(struct data_plane *d, struct client *c, const char *address, unsigned handles)
{
	c->plane = d;
	strcpy(c->address, address);
	uv_timer_init(d->loop, &c->timer);
	c->timer.data = &c->s;
	c->handles = handles;
	d->handles += handles;
	c->next = d->clients;
	c->prev = &d->clients;
	if (c->next)
		c->next->prev = &c->next;
	d->clients = c;
	d->n_clients++;
	measure_soon(d);
	c->phase = CLIENT_HEAD;
	join_idle(c);
	client_update(c);
}

void client_create(struct data_plane *d, int fd, const char *address)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		fd_close(&fd);
		return;
	}
	if (stream_open(&c->s, d->loop, &d->pool, fd, on_event) < 0) {
		free(c);
		return;
	}
	add(d, c, address, 2);
}

struct client *client_carry(
	struct data_plane *d, const struct stream_ops *ops, void *carrier, const char *address)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	stream_carry(&c->s, &d->pool, ops, carrier, on_event);
	add(d, c, address, 1);
	return c;
}
