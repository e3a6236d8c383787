/* SPDX-License-Identifier: Apache-2.0 */
/* A request: its function, its worker, its way there. */
#include <errno.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/rewrite.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

void exchange_update(struct client *c)
{
	if (c->phase == CLIENT_DEAD)
		return;
	client_update(c);
	if (c->up)
		upstream_update(c->up);
}

/* --- its function --- */

static struct data_function *find_function(struct data_plane *d, const char *name, size_t len)
{
	struct table_entry *e = table_find(&d->functions, name, len);

	return e ? container_of(e, struct data_function, entry) : NULL;
}

static struct data_function *route(struct data_plane *d, const struct head *h)
{
	const struct head_field *f = d->options.by_name ? head_find(h, FIELD_FUNCTION) : NULL;

	return f ? find_function(d, f->value.at, f->value.len) : router_find(d->router, h);
}

static void set_function(struct client *c, struct data_function *f)
{
	f->refs++;
	if (c->function)
		host_unref_function(c->function);
	else
		c->plane->n_requests++;
	c->function = f;
}

static void arrive(struct client *c)
{
	struct data_function *f = c->function;

	/* Its successor of the same name, if it was replaced. */
	if (!f->policy)
		f = find_function(c->plane, f->name, strlen(f->name));
	if (!f) {
		client_answer(c, DATA_FUNCTION_GONE, false);
		return;
	}
	if (f != c->function)
		set_function(c, f);
	c->phase = CLIENT_WAIT;
	host_arrive(c);
	if (c->phase == CLIENT_WAIT) {
		c->queued = true;
		client_update(c);
	}
}

void exchange_refused(struct client *c, enum policy_refusal why)
{
	static const enum data_error errors[] = {
		[POLICY_REFUSED_RATE] = DATA_RATE_LIMITED,
		[POLICY_REFUSED_QUEUE] = DATA_QUEUE_FULL,
		[POLICY_REFUSED_LATE] = DATA_QUEUE_TIMEOUT,
		[POLICY_REFUSED_STARTING] = DATA_NOT_STARTING,
		[POLICY_REFUSED_QUOTA] = DATA_TENANT_QUOTA,
		[POLICY_REFUSED_OVERLOAD] = DATA_OVERLOADED,
		[POLICY_REFUSED_CIRCUIT] = DATA_CIRCUIT_OPEN,
	};

	if (why == POLICY_REFUSED_GONE)
		arrive(c);
	else
		client_answer(c, errors[why], false);
}

/* --- its head --- */

static void take_id(struct client *c, const struct head *h)
{
	const struct head_field *f = head_find(h, FIELD_REQUEST_ID);

	if (f && ids_request_is_sane(f->value.at, f->value.len)) {
		memcpy(c->id, f->value.at, f->value.len);
		c->id[f->value.len] = '\0';
	} else {
		ids_make(&c->plane->ids, c->id);
	}
}

static void take_head(struct client *c, const struct head *h)
{
	/* What the log says of it; the path of "OPTIONS *" is not in the buffer. */
	c->method_at = (uint32_t)(h->method.at - c->s.in);
	c->method_len = (uint32_t)h->method.len;
	if (h->path.at > c->s.in && h->path.at < c->s.in + c->head_len) {
		c->path_at = (uint32_t)(h->path.at - c->s.in);
		c->path_len = (uint32_t)h->path.len;
	}
	c->keep_alive = h->keep_alive;
	c->is_head = h->is_head;
	c->old_client = h->minor == 0;
	c->expects = h->expects_continue;
	c->upgrade = h->upgrade;
	c->idempotent = h->idempotent;
	c->req_chunked = h->chunked;
	body_init_request(&c->req, h);
	c->req_done = c->req.state == BODY_DONE;
	c->req_started = true;
	take_id(c, h);
	if (c->plane->spans)
		trace_begin(c, h);
}

/*
 * Whether more of its body has to come first. A small one is worth waiting for: a worker would only wait as
 * well, and one that comes byte by byte would keep it from others. Who wants to be asked for it (100) is.
 */
static bool is_incomplete(const struct client *c)
{
	return c->req.state == BODY_LENGTH && c->req.left <= DATA_BODY_SMALL && !c->expects &&
	       stream_unused(&c->s) < c->req.left;
}

_Static_assert(HEAD_MAX + DATA_BODY_SMALL <= STREAM_BUFFER, "a small body is behind its head");

void exchange_begin(struct client *c, size_t head_len)
{
	struct data_plane *d = c->plane;
	struct data_function *f;
	enum data_error e;

	d->head_of = c;
	e = head_parse_request(c->s.in, head_len, &d->head);
	c->head_len = head_len;
	c->s.keep = c->s.start = head_len;
	if (e) {
		client_answer(c, e, true);
		return;
	}
	take_head(c, &d->head);
	f = route(d, &d->head);
	if (!f) {
		client_answer(c, DATA_NO_FUNCTION, false);
		return;
	}
	set_function(c, f);
	if (f->drained) {
		client_answer(c, DATA_DRAINED, false);
		return;
	}
	if (is_incomplete(c)) {
		c->phase = CLIENT_BODY;
		client_update(c);
		return;
	}
	arrive(c);
}

/* --- its worker --- */

static void forget_worker(struct client *c)
{
	struct upstream *up = take_ptr(&c->up);
	struct data_worker *w = take_ptr(&c->worker);

	if (up)
		upstream_close(up);
	if (w)
		host_unref_worker(w);
}

_Static_assert(HEAD_MAX + REWRITE_EXTRA <= STREAM_BUFFER, "a head is sent in one buffer");

/* Queues the head for the worker. False: there is no memory. */
static bool send_head(struct client *c)
{
	struct data_plane *d = c->plane;
	struct stream *to = &c->up->s;
	char made[IDS_MADE + 1], trace[IDS_TRACE + 1];
	struct rewrite_request with = {
		.request_id = c->id,
		.client = c->address,
		.trusts_front = d->options.trusts_front,
	};
	const struct head_field *f;
	size_t n;

	if (d->head_of != c && head_parse_request(c->s.in, c->head_len, &d->head))
		BUG("a head was good and is not any more");
	d->head_of = c;
	/* From its first byte: it may have been tried before. */
	body_init_request(&c->req, &d->head);
	c->req_done = c->req.state == BODY_DONE;
	c->req_broken = c->req_unsent = false;
	c->req_mark = to->sent;
	f = head_find(&d->head, FIELD_TRACEPARENT);
	if (c->traced) {
		with.traceparent = trace_parent(c, trace);
		with.goes_on = c->has_parent;
	} else if (!f || !ids_trace_is_sane(f->value.at, f->value.len)) {
		ids_make(&d->ids, made);
		ids_make_trace(&d->ids, made, trace);
		with.traceparent = trace;
	}
	to->head = stream_buffer_get(&d->pool);
	n = to->head ? rewrite_request(&d->head, &with, to->head, STREAM_BUFFER) : 0;
	if (n > 0)
		stream_queue(to, to->head, n);
	return n > 0;
}

void exchange_send(struct client *c)
{
	int r;

	if (c->sent_ns == 0)
		c->sent_ns = uv_hrtime();
	c->req_unsent = true;
	if (c->policy != WITH_WORKER) {
		exchange_lost(c, DATA_WORKER_UNREACHABLE);
		return;
	}
	r = upstream_get(c->worker, c, &c->up);
	if (r == -EAGAIN) {
		c->phase = CLIENT_CONNECT;
		client_update(c);
		return;
	}
	if (r < 0) {
		if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
			response_fail(c, DATA_OVERLOADED, false);
		else
			exchange_lost(c, DATA_WORKER_UNREACHABLE);
		return;
	}
	c->phase = CLIENT_RUN;
	c->resp_scan = (struct head_scan){0};
	if (!send_head(c)) {
		response_fail(c, DATA_OVERLOADED, false);
		return;
	}
	exchange_pump(c);
	exchange_update(c);
}

/* What the worker does not read any more is dropped: it may have answered already. */
static void stop_sending(struct client *c)
{
	c->req_broken = true;
	c->req_unsent = c->up->s.sent == c->req_mark;
	stream_unqueue(&c->up->s);
}

void exchange_pump(struct client *c)
{
	if (c->req_broken || (c->req_done && c->up->s.n_out == 0))
		return;
	switch (stream_pump(&c->s, &c->up->s, &c->req, c->req_chunked)) {
	case PUMP_DONE: c->req_done = true; break;
	case PUMP_BAD: response_fail(c, DATA_BAD_CHUNK, false); break;
	case PUMP_ERROR: stop_sending(c); break;
	case PUMP_MORE:
	case PUMP_BLOCKED: break;
	}
}

/* Whether it can be sent once more: no byte of its body is gone, and once more does nothing more. */
static bool is_harmless(const struct client *c)
{
	return c->s.start == c->s.keep && c->s.lent_to == 0 && (c->idempotent || c->req_unsent);
}

void exchange_lost(struct client *c, enum data_error e)
{
	const bool reused = c->up && c->up->reused;
	struct upstream *up;

	if (reused && is_harmless(c) && c->policy == WITH_WORKER) {
		/* It may have been closed for having been idle, as the other idle ones. */
		up = take_ptr(&c->up);
		upstream_close(up);
		upstream_close_idle(c->worker);
		exchange_send(c);
		return;
	}
	if (!is_harmless(c) || c->retried) {
		response_fail(c, e, !reused);
		return;
	}
	c->retried = true;
	c->phase = CLIENT_RETRY;
	host_done(c, POLICY_FAILED);
	forget_worker(c);
	client_update(c);
}

/* --- events and time --- */

void exchange_leave(struct client *c)
{
	c->error = DATA_CLIENT_LEFT;
	client_close(c);
}

/* False: it has left. */
static bool hear_client(struct client *c, int events)
{
	ssize_t n;

	if (!(events & (UV_READABLE | UV_DISCONNECT)))
		return true;
	n = stream_fill(&c->s);
	if (n < 0 || (c->s.eof && c->phase != CLIENT_TUNNEL) ||
		(n == 0 && events & UV_DISCONNECT && c->req_done)) {
		exchange_leave(c);
		return false;
	}
	return true;
}

void exchange_client_event(struct client *c, int events)
{
	if (!hear_client(c, events))
		return;
	if (c->phase == CLIENT_BODY && !is_incomplete(c)) {
		arrive(c);
		return;
	}
	if (c->phase == CLIENT_RUN || c->phase == CLIENT_STREAM)
		exchange_pump(c);
	if ((events & UV_WRITABLE || c->phase == CLIENT_TUNNEL) && c->up)
		response_event(c);
	exchange_update(c);
}

void exchange_upstream_event(struct stream *s, int events)
{
	struct upstream *u = (struct upstream *)(void *)s;
	struct client *c = u->client;

	if (events & (UV_READABLE | UV_DISCONNECT))
		stream_fill(s);
	if (events & UV_WRITABLE && c->phase != CLIENT_TUNNEL)
		exchange_pump(c);
	if (c->up == u)
		response_event(c);
	exchange_update(c);
}

void exchange_timeout(struct client *c)
{
	const uint64_t waited_ns = uv_hrtime() - c->sent_ns;

	switch (c->phase) {
	case CLIENT_CONNECT:
		if (waited_ns / POLICY_NS_PER_MS < c->function->request_ms)
			exchange_send(c);
		else
			response_fail(c, DATA_WORKER_UNREACHABLE, true);
		break;
	case CLIENT_RETRY: arrive(c); break;
	case CLIENT_BODY: client_answer(c, DATA_BODY_TIMEOUT, true); break;
	case CLIENT_RUN:
		if (!c->req_done && !c->req_broken && !c->up->s.blocked && !c->expects)
			response_fail(c, DATA_BODY_TIMEOUT, false);
		else
			response_fail(c, DATA_WORKER_TIMEOUT, true);
		break;
	case CLIENT_STREAM:
	case CLIENT_TUNNEL: response_fail(c, DATA_CUT, false); break;
	default: break;
	}
}
