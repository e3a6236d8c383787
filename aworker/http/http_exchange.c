/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answering: what the handler may do with an exchange, by its id.
 *
 * An id holds a serial number and the connection's slot, so that looking it up is
 * one comparison, and an id that is gone finds nothing even when its slot has a
 * new tenant.
 */
#include "aworker/http/http_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

#include "runtime/base/util.h"

#define SLOT_BITS 16
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

/* A body up to this is sent in one piece with its head. */
#define JOIN_MAX 2048

uint64_t http_server_next_id(struct http_server *s, uint32_t slot)
{
	return ++s->serial << SLOT_BITS | slot;
}

static struct http_conn *find(struct http_server *s, uint64_t id)
{
	uint64_t slot = id & SLOT_MASK;
	struct http_conn *c = s && slot < s->limits.connections ? s->slots[slot] : NULL;

	if (!c || id == 0 || c->id != id)
		return NULL;
	return c->phase == HTTP_PHASE_HANDLING || c->phase == HTTP_PHASE_STREAMING ? c : NULL;
}

/* --- the request's body --- */

enum http_read http_read(struct http_server *s, uint64_t id, struct http_piece *ret)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_conn *c = find(s, id);
	enum http_read r;

	if (!c || c->body.state == HTTP_BODY_DONE)
		return HTTP_READ_END;
	r = http_conn_take_body(c, ret);
	if (r != HTTP_READ_WAIT || !find(s, id))
		return r;
	c->reading = true;
	if (c->owes_continue && c->phase == HTTP_PHASE_HANDLING)
		http_conn_send(c, go_on, sizeof(go_on) - 1, NULL, 0);
	c->owes_continue = false;
	http_conn_update(c);
	return HTTP_READ_WAIT;
}

/*
 * Whether the connection can go on although the body was not read to its end: when what
 * is left is little, or here already. A client that waits for "100 Continue" may or may not
 * send the body now; nobody can know, so it ends.
 */
static bool can_discard_body(struct http_conn *c)
{
	size_t taken;

	if (c->in_start < c->in_end) {
		http_body_decode(&c->body, c->in + c->in_start, c->in_end - c->in_start, &taken);
		c->in_start += taken;
	}
	if (c->body.state == HTTP_BODY_DONE)
		return true;
	if (c->body.state == HTTP_BODY_BAD || c->owes_continue || c->half_closed)
		return false;
	return c->body.state != HTTP_BODY_LENGTH || c->body.left <= HTTP_DISCARD_MAX;
}

static void end_keep_alive(struct http_conn *c)
{
	c->keep_alive = false;
	c->must_linger |= c->body.state != HTTP_BODY_DONE;
}

/* --- the response --- */

/* Makes the head in the server's scratch buffer; sets the framing of the exchange. */
static int make_head(struct http_conn *c, const struct http_response *r, struct http_frame *frame,
	struct err *err)
{
	struct http_server *s = c->server;

	frame->close = !c->keep_alive || s->draining;
	frame->old_client = c->old_client;
	s->head.len = 0;
	http_response_head(&s->head, r, frame, http_server_date(s));
	if (buf_failed(&s->head)) {
		buf_finish(&s->head);
		return err_oom(err);
	}
	if (frame->close)
		end_keep_alive(c);
	c->framing = frame->framing;
	return 0;
}

/* The head of a response whose body has *len bytes; *len becomes what is to be sent of it. */
static int make_whole_head(
	struct http_conn *c, const struct http_response *r, size_t *len, struct err *err)
{
	struct http_frame frame = {.framing = HTTP_FRAME_LENGTH, .length = *len};
	uint64_t length;
	int e = http_response_check(r, err);

	if (e < 0)
		return e;
	if (!http_status_has_body(r->status)) {
		frame.framing = HTTP_FRAME_NONE;
		*len = 0;
	}
	/* Here the length is that of the response which GET would have got; 204 never has one. */
	if ((c->is_head || r->status == 304) && r->status != 204 &&
		http_response_length(r, &length)) {
		frame.framing = HTTP_FRAME_LENGTH;
		frame.length = length;
	}
	if (!can_discard_body(c))
		end_keep_alive(c);
	if (c->is_head)
		*len = 0;
	return make_head(c, r, &frame, err);
}

int http_respond(struct http_server *s, uint64_t id, const struct http_response *r,
	const void *body, size_t len, struct err *err)
{
	struct http_conn *c = find(s, id);
	int e;

	if (!c)
		return 0;
	e = make_whole_head(c, r, &len, err);
	if (e < 0)
		return e;
	/* Copying it costs less than a second piece of a message does. */
	if (len <= JOIN_MAX && len > 0) {
		buf_put(&s->head, body, len);
		len = 0;
	}
	if (buf_failed(&s->head)) {
		buf_finish(&s->head);
		return err_oom(err);
	}
	http_conn_send(c, s->head.data, s->head.len, body, len);
	http_conn_finish_exchange(c);
	return 0;
}

int http_respond_file(struct http_server *s, uint64_t id, const struct http_response *r, int fd,
	size_t len, struct err *err)
{
	struct http_conn *c = find(s, id);
	int e;

	if (!c)
		return 0;
	e = make_whole_head(c, r, &len, err);
	if (e < 0)
		return e;
	http_conn_send_file(c, s->head.data, s->head.len, fd, len);
	http_conn_finish_exchange(c);
	return 0;
}

static enum http_framing stream_framing(
	const struct http_conn *c, const struct http_response *r, uint64_t *ret_length)
{
	if (r->status == 204)
		return HTTP_FRAME_NONE;
	if (http_response_length(r, ret_length))
		return HTTP_FRAME_LENGTH;
	if (r->status == 304)
		return HTTP_FRAME_NONE;
	return c->old_client ? HTTP_FRAME_CLOSE : HTTP_FRAME_CHUNKED;
}

int http_respond_stream(struct http_server *s, uint64_t id, const struct http_response *r,
	bool *ret_wanted, struct err *err)
{
	struct http_conn *c = find(s, id);
	struct http_frame frame = {0};
	bool wanted;
	int e;

	*ret_wanted = false;
	if (!c)
		return 0;
	if (c->phase != HTTP_PHASE_HANDLING)
		return err_say(err, EINVAL, "the response has begun already");
	e = http_response_check(r, err);
	if (e < 0)
		return e;
	frame.framing = stream_framing(c, r, &frame.length);
	wanted = !c->is_head && http_status_has_body(r->status);
	if (!wanted && !can_discard_body(c))
		end_keep_alive(c);
	e = make_head(c, r, &frame, err);
	if (e < 0)
		return e;
	c->length_left = frame.length;
	if (wanted) {
		/* Queued: most often the first bytes of the body follow at once. */
		c->phase = HTTP_PHASE_STREAMING;
		http_conn_queue(c, s->head.data, s->head.len);
	} else {
		http_conn_send(c, s->head.data, s->head.len, NULL, 0);
		http_conn_finish_exchange(c);
	}
	*ret_wanted = wanted && c->phase == HTTP_PHASE_STREAMING;
	return 0;
}

ssize_t http_write(struct http_server *s, uint64_t id, const void *data, size_t len)
{
	struct http_conn *c = find(s, id);
	char size[24];

	if (!c || c->phase != HTTP_PHASE_STREAMING)
		return -1;
	if (c->framing == HTTP_FRAME_LENGTH) {
		if (len > c->length_left)
			return -EMSGSIZE;
		c->length_left -= len;
	}
	if (len > 0 && c->framing == HTTP_FRAME_CHUNKED) {
		http_conn_queue(c, size, (size_t)snprintf(size, sizeof(size), "%zx\r\n", len));
		http_conn_queue(c, data, len);
		http_conn_queue(c, "\r\n", 2);
	} else if (len > 0) {
		http_conn_queue(c, data, len);
	}
	if (c->phase == HTTP_PHASE_DEAD)
		return -1;
	c->paused = http_conn_queued(c) >= HTTP_WRITE_HIGH_WATER;
	return (ssize_t)http_conn_queued(c);
}

void http_end(struct http_server *s, uint64_t id)
{
	struct http_conn *c = find(s, id);

	if (!c || c->phase != HTTP_PHASE_STREAMING)
		return;
	if (c->framing == HTTP_FRAME_LENGTH && c->length_left > 0) {
		http_reset(s, id);
		return;
	}
	if (c->framing == HTTP_FRAME_CHUNKED)
		http_conn_queue(c, "0\r\n\r\n", 5);
	if (!can_discard_body(c))
		end_keep_alive(c);
	http_conn_finish_exchange(c);
}

void http_reset(struct http_server *s, uint64_t id)
{
	static const struct http_response failed = {.status = 500, .reason = ""};
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct http_conn *c = find(s, id);
	struct err err = ERR_INIT;

	if (!c)
		return;
	if (c->phase == HTTP_PHASE_HANDLING && http_respond(s, id, &failed, NULL, 0, &err) == 0)
		return;
	/* Until-close framing would make a clean end of a short body: TCP must say it. */
	setsockopt(c->watcher.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	c->id = 0;
	http_conn_cut(c, NULL);
}

/* --- WebSocket --- */

/* Fields of the handshake, and of framing, are ours. */
static bool is_own_field(const char *name, size_t len)
{
	static const char *const own[] = {"connection", "upgrade", "sec-websocket-accept",
		"sec-websocket-extensions", "content-length", "transfer-encoding", "trailer",
		"keep-alive"};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		if (http_name_is(name, len, own[i]))
			return true;
	}
	return false;
}

static void put_upgrade(struct buf *out, const char *key, const struct http_response *r)
{
	char accept[WS_ACCEPT_SIZE];

	ws_accept(key, accept);
	buf_printf(out,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n",
		accept);
	for (size_t i = 0; i + 1 < r->n_strings; i += 2) {
		if (is_own_field(r->strings[i], r->lens[i]))
			continue;
		buf_put(out, r->strings[i], r->lens[i]);
		buf_puts(out, ": ");
		buf_put(out, r->strings[i + 1], r->lens[i + 1]);
		buf_puts(out, "\r\n");
	}
	buf_puts(out, "\r\n");
}

int http_upgrade(struct http_server *s, uint64_t id, const struct http_response *r,
	struct buf *rest, int *ret_fd, struct err *err)
{
	struct http_conn *c = find(s, id);
	struct http_response checked = *r;
	int e;

	if (!c || c->phase != HTTP_PHASE_HANDLING)
		return err_say(err, ENOTCONN, "the client has gone");
	if (!c->ws_key[0] || c->body.state != HTTP_BODY_DONE)
		return err_say(err, EINVAL, "the request does not ask for a WebSocket");
	checked.status = 200;
	e = http_response_check(&checked, err);
	if (e < 0)
		return e;
	s->head.len = 0;
	put_upgrade(&s->head, c->ws_key, r);
	if (buf_failed(&s->head)) {
		buf_finish(&s->head);
		return err_oom(err);
	}
	http_conn_send(c, s->head.data, s->head.len, NULL, 0);
	/* An empty socket takes a head; one that does not belongs to somebody who reads nothing. */
	if (c->phase != HTTP_PHASE_DEAD && http_conn_queued(c) > 0)
		http_conn_cut(c, NULL);
	if (c->phase == HTTP_PHASE_DEAD) {
		c->id = 0;
		return err_say(err, ENOTCONN, "the client has gone");
	}
	*ret_fd = http_conn_detach(c, rest);
	return 0;
}
