/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: what a worker answers. It is foreign, and read as strictly as what clients say. */
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/rewrite.h"

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
static const char last_chunk[] = "0\r\n\r\n";

void response_fail(struct client *c, enum data_error e, bool worker_failed)
{
	struct upstream *up = take_ptr(&c->up);
	const bool begun = c->phase == CLIENT_STREAM && c->s.sent > c->resp_mark;

	if (up)
		upstream_close(up);
	host_done(c, worker_failed ? POLICY_FAILED : POLICY_ABANDONED);
	if (!begun && c->phase == CLIENT_STREAM)
		stream_unqueue(&c->s);
	if (begun || c->phase == CLIENT_TUNNEL) {
		/* That it is not whole is all that can be said now. */
		c->error = e;
		client_close(c);
		return;
	}
	client_answer(c, e, false);
}

/* --- the end --- */

static void complete(struct client *c)
{
	struct upstream *up = take_ptr(&c->up);

	upstream_put(up, c->resp_keep && c->req_done && !c->req_broken && !up->s.eof &&
				 up->s.n_out == 0 && stream_unused(&up->s) == 0);
	client_finish(c);
}

/* All of it was read. */
static void end(struct client *c)
{
	int r;

	if (c->resp.state != BODY_CLOSE) {
		response_fail(c, DATA_CUT, true);
		return;
	}
	c->resp.state = BODY_DONE;
	if (c->resp_chunked)
		stream_queue(&c->s, last_chunk, sizeof(last_chunk) - 1);
	r = stream_flush(&c->s);
	if (r < 0)
		exchange_leave(c);
	else if (r > 0)
		complete(c);
}

static void pump(struct client *c)
{
	switch (stream_pump(&c->up->s, &c->s, &c->resp, c->resp_chunked)) {
	case PUMP_DONE: complete(c); break;
	case PUMP_BAD: response_fail(c, DATA_WORKER_INVALID, true); break;
	case PUMP_ERROR: exchange_leave(c); break;
	case PUMP_MORE:
		if (c->up->s.eof)
			end(c);
		break;
	case PUMP_BLOCKED: break;
	}
}

/* --- heads --- */

static enum rewrite_framing framing_of(const struct client *c, const struct head *h)
{
	if (c->resp.state == BODY_DONE)
		return h->has_length && h->status != 204 ? REWRITE_LENGTH : REWRITE_NONE;
	if (c->resp.state == BODY_LENGTH)
		return REWRITE_LENGTH;
	return c->old_client ? REWRITE_CLOSE : REWRITE_CHUNKED;
}

/* Queues a head of the worker for the client. False: there is no memory. */
static bool send_head(struct client *c, const struct head *h, enum rewrite_framing framing)
{
	const struct rewrite_response with = {
		.request_id = c->id,
		.framing = framing,
		.close = c->close_after,
		.old_client = c->old_client,
	};
	size_t n;

	c->s.head = stream_buffer_get(c->s.pool);
	n = c->s.head ? rewrite_response(h, &with, c->s.head, STREAM_BUFFER) : 0;
	if (n > 0)
		stream_queue(&c->s, c->s.head, n);
	return n > 0;
}

static void begin(struct client *c, const struct head *h)
{
	enum rewrite_framing framing;

	body_init_response(&c->resp, h, c->is_head);
	framing = framing_of(c, h);
	c->resp_chunked = framing == REWRITE_CHUNKED;
	c->resp_keep = h->keep_alive && c->resp.state != BODY_CLOSE;
	c->close_after = !c->keep_alive || c->plane->draining || c->plane->leaving ||
			 framing == REWRITE_CLOSE;
	c->status = h->status;
	c->expects = false;
	if (!send_head(c, h, framing)) {
		response_fail(c, DATA_OVERLOADED, false);
		return;
	}
	c->phase = CLIENT_STREAM;
	c->resp_mark = c->s.sent;
	pump(c);
}

static void interim(struct client *c, const struct head *h)
{
	if (++c->interim > DATA_INTERIM_MAX) {
		response_fail(c, DATA_WORKER_INVALID, true);
		return;
	}
	if (c->old_client)
		return;
	if (h->status == 100 && c->expects) {
		c->expects = false;
		stream_queue(&c->s, go_on, sizeof(go_on) - 1);
	} else if ((h->status == 102 || h->status == 103) && !send_head(c, h, REWRITE_NONE)) {
		response_fail(c, DATA_OVERLOADED, false);
		return;
	}
	if (stream_flush(&c->s) < 0)
		exchange_leave(c);
}

static void upgrade(struct client *c, const struct head *h)
{
	if (!c->upgrade) {
		response_fail(c, DATA_WORKER_INVALID, true);
		return;
	}
	c->status = h->status;
	if (!send_head(c, h, REWRITE_NONE))
		response_fail(c, DATA_OVERLOADED, false);
	else
		tunnel_begin(c);
}

/* False: more has to come first, or nothing will. */
static bool next_head(struct client *c)
{
	struct stream *from = &c->up->s;
	struct head *h = &c->plane->response;
	size_t len;

	/* A head before it is still on its way. */
	if (c->s.n_out > 0 && stream_flush(&c->s) <= 0)
		return false;
	if (stream_unused(from) == 0)
		return false;
	if (c->first_ns == 0)
		c->first_ns = uv_hrtime();
	if (head_scan(&c->resp_scan, from->in + from->start, stream_unused(from), &len) ||
		(len > 0 && !head_parse_response(from->in + from->start, len, h))) {
		response_fail(c, DATA_WORKER_INVALID, true);
		return false;
	}
	if (len == 0)
		return false;
	c->resp_scan = (struct head_scan){0};
	from->start += len;
	if (h->status == 101)
		upgrade(c, h);
	else if (h->status < 200)
		interim(c, h);
	else
		begin(c, h);
	return c->phase == CLIENT_RUN;
}

void response_event(struct client *c)
{
	if (c->phase == CLIENT_TUNNEL) {
		tunnel_event(c);
		return;
	}
	while (c->phase == CLIENT_RUN && next_head(c))
		;
	if (c->phase == CLIENT_STREAM && c->up) {
		pump(c);
		return;
	}
	if (c->phase != CLIENT_RUN || !c->up->s.eof || c->s.blocked)
		return;
	if (c->first_ns == 0)
		exchange_lost(c, DATA_WORKER_CLOSED);
	else
		response_fail(c,
			stream_unused(&c->up->s) > 0 ? DATA_WORKER_INVALID : DATA_WORKER_CLOSED,
			true);
}
