/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream of HTTP/2, which its client takes for a connection: what comes is told as HTTP/1.1, what the client
 * says in HTTP/1.1 becomes frames. The text is ours, so that nothing in a name, a value or a path can end a
 * line; what it means is judged by the parser that judges all others.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/h2_priv.h"
#include "seed/noslated/data/head_priv.h"

/* --- what there is --- */

static size_t body_here(const struct h2_stream *st)
{
	return st->body.len - st->body_at;
}

static bool is_readable(const struct h2_stream *st)
{
	return st->text_at < st->text.len || body_here(st) > 0 ||
	       (st->ended && st->chunked && !st->last_chunk);
}

static size_t out_room(const struct h2_stream *st)
{
	return STREAM_BUFFER - (st->out_len - st->out_at);
}

void h2_stream_wake(struct h2_stream *st)
{
	struct h2 *h = st->h2;
	const int armed = st->client ? st->client->s.armed : 0;

	if (st->ready_prev || !st->client)
		return;
	if (!st->closed && !(armed & UV_READABLE && is_readable(st)) &&
		!(armed & UV_WRITABLE && out_room(st) >= STREAM_BUFFER / 2))
		return;
	st->ready_next = NULL;
	st->ready_prev = h->ready_tail;
	*h->ready_tail = st;
	h->ready_tail = &st->ready_next;
	h2_later(h);
}

static void leave_ready(struct h2_stream *st)
{
	if (!st->ready_prev)
		return;
	*st->ready_prev = st->ready_next;
	if (st->ready_next)
		st->ready_next->ready_prev = st->ready_prev;
	else
		st->h2->ready_tail = st->ready_prev;
	st->ready_prev = NULL;
}

/* --- what the client does with what it takes for a socket --- */

static size_t take(struct buf *from, size_t *at, char *to, size_t size)
{
	const size_t n = from->len - *at < size ? from->len - *at : size;

	if (n > 0)
		memcpy(to, from->data + *at, n);
	*at += n;
	if (*at == from->len)
		from->len = *at = 0;
	return n;
}

/* The framing of chunks is text as well, so that any room is good enough for some of it. */
static size_t take_chunks(struct h2_stream *st, char *to, size_t size)
{
	size_t at = take(&st->text, &st->text_at, to, size), n;

	while (at < size) {
		if (st->chunk_left > 0) {
			n = st->chunk_left < size - at ? st->chunk_left : size - at;
			at += take(&st->body, &st->body_at, to + at, n);
			st->chunk_left -= n;
			if (st->chunk_left == 0)
				buf_puts(&st->text, "\r\n");
		} else if (body_here(st) > 0) {
			st->chunk_left = body_here(st);
			buf_printf(&st->text, "%zx\r\n", st->chunk_left);
		} else if (st->ended && !st->last_chunk) {
			st->last_chunk = true;
			buf_puts(&st->text, "0\r\n\r\n");
		} else {
			break;
		}
		at += take(&st->text, &st->text_at, to + at, size - at);
	}
	return at;
}

static ssize_t on_recv(struct stream *s, void *to, size_t size)
{
	struct h2_stream *st = s->carrier;
	const size_t before = body_here(st);
	size_t n;

	if (st->chunked) {
		n = take_chunks(st, to, size);
	} else {
		n = take(&st->text, &st->text_at, to, size);
		n += take(&st->body, &st->body_at, (char *)to + n, size - n);
	}
	if (before > body_here(st) && !st->closed) {
		nghttp2_session_consume(st->h2->session, st->id, before - body_here(st));
		h2_later(st->h2);
	}
	if (n > 0)
		return (ssize_t)n;
	errno = EAGAIN;
	return -1;
}

/* Of one hop, or said by the frames. */
static bool is_dropped(enum head_field_id id)
{
	return id == FIELD_CONNECTION || id == FIELD_KEEP_ALIVE || id == FIELD_TRANSFER_ENCODING ||
	       id == FIELD_UPGRADE || id == FIELD_TE || id == FIELD_TRAILER || id == FIELD_PROXY;
}

static nghttp2_nv pair(struct head_text name, struct head_text value)
{
	return (nghttp2_nv){
		(uint8_t *)name.at, (uint8_t *)value.at, name.len, value.len, NGHTTP2_NV_FLAG_NONE};
}

static int submit(struct h2_stream *st, const struct head *h)
{
	static const struct head_text status_name = {":status", 7};
	const nghttp2_data_provider body = {{.ptr = st}, h2_stream_read};
	nghttp2_nv fields[HEAD_FIELDS_MAX + 1];
	char status[12];
	size_t n = 0;

	snprintf(status, sizeof(status), "%d", h->status);
	fields[n++] = pair(status_name, (struct head_text){status, strlen(status)});
	for (unsigned i = 0; i < h->n_fields; i++)
		if (!is_dropped(h->fields[i].id))
			fields[n++] = pair(h->fields[i].name, h->fields[i].value);
	if (h->status < 200)
		return nghttp2_submit_headers(
			st->h2->session, NGHTTP2_FLAG_NONE, st->id, NULL, fields, n, NULL);
	st->answered = true;
	body_init_response(&st->resp, h, st->client->is_head);
	st->done = st->resp.state == BODY_DONE;
	return nghttp2_submit_response(st->h2->session, st->id, fields, n, st->done ? NULL : &body);
}

/* The head is ours and whole. Returns its length; 0: no memory. */
static size_t send_head(struct h2_stream *st, const char *text, size_t len)
{
	struct head *h = &st->h2->plane->answer;
	struct head_scan scan = {0};
	size_t n;

	if (head_scan(&scan, text, len, &n) || n == 0 || !head_parse_response(text, n, h))
		BUG("a head of ours is none");
	return submit(st, h) == 0 ? n : 0;
}

static bool get_room(struct h2_stream *st)
{
	if (!st->out && !(st->out = stream_buffer_get(&st->h2->plane->pool)))
		return false;
	if (st->out_at > 0) {
		memmove(st->out, st->out + st->out_at, st->out_len - st->out_at);
		st->out_len -= st->out_at;
		st->out_at = 0;
	}
	return true;
}

/* Takes what there is room for, without the framing. */
static size_t send_body(struct h2_stream *st, const char *text, size_t len)
{
	size_t at = 0, piece;

	if (!get_room(st))
		return 0;
	while (at < len && !st->done) {
		const size_t room = STREAM_BUFFER - st->out_len;
		const size_t n = len - at < room ? len - at : room;

		if (n == 0)
			break;
		at += body_next(&st->resp, text + at, n, &piece);
		memcpy(st->out + st->out_len, text + at - piece, piece);
		st->out_len += piece;
		st->done = st->resp.state == BODY_DONE;
	}
	return at;
}

static ssize_t on_send(struct stream *s, const struct iovec *pieces, size_t n)
{
	struct h2_stream *st = s->carrier;
	ssize_t sum = 0;

	if (st->closed) {
		errno = EPIPE;
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		const char *text = pieces[i].iov_base;
		size_t at = 0;

		/* A head is never split; what is behind it in the same piece is the body of an error. */
		while (!st->answered && at < pieces[i].iov_len) {
			const size_t len = send_head(st, text + at, pieces[i].iov_len - at);

			if (len == 0) {
				errno = ENOMEM;
				return -1;
			}
			at += len;
		}
		if (at < pieces[i].iov_len)
			at += send_body(st, text + at, pieces[i].iov_len - at);
		sum += (ssize_t)at;
		if (at < pieces[i].iov_len)
			break;
	}
	if (st->deferred && (st->out_len > st->out_at || st->done)) {
		st->deferred = false;
		nghttp2_session_resume_data(st->h2->session, st->id);
	}
	h2_later(st->h2);
	if (sum > 0)
		return sum;
	errno = EAGAIN;
	return -1;
}

static void on_arm(struct stream *s)
{
	h2_stream_wake(s->carrier);
}

/* The client is through with it. */
static void on_end(struct stream *s)
{
	struct h2_stream *st = s->carrier;
	struct h2 *h = st->h2;

	st->client = NULL;
	h->n_clients--;
	leave_ready(st);
	if (h->closed)
		return;
	if (st->closed) {
		h2_stream_destroy(st);
		return;
	}
	if (!st->done)
		nghttp2_submit_rst_stream(
			h->session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_INTERNAL_ERROR);
	nghttp2_session_consume(h->session, st->id, body_here(st));
	st->body.len = st->body_at = 0;
	h2_later(h);
}

static const struct stream_ops carried = {on_recv, on_send, on_arm, on_end};

/* --- what nghttp2 does with it --- */

ssize_t h2_stream_read(nghttp2_session *session UNUSED, int32_t id UNUSED, uint8_t *to, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *arg UNUSED)
{
	struct h2_stream *st = source->ptr;
	const size_t here = st->out_len - st->out_at, n = here < size ? here : size;

	if (here == 0 && !st->done) {
		st->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > 0)
		memcpy(to, st->out + st->out_at, n);
	st->out_at += n;
	if (st->out_at == st->out_len) {
		st->out_at = st->out_len = 0;
		stream_buffer_put(&st->h2->plane->pool, take_ptr(&st->out));
		if (st->done)
			*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	h2_stream_wake(st);
	return (ssize_t)n;
}

/* --- its life --- */

int h2_stream_create(struct h2 *h, int32_t id)
{
	struct h2_stream *st = calloc(1, sizeof(*st));

	if (!st)
		return -ENOMEM;
	st->h2 = h;
	st->id = id;
	st->next = h->streams;
	st->prev = &h->streams;
	if (st->next)
		st->next->prev = &st->next;
	h->streams = st;
	h->n_streams++;
	nghttp2_session_set_stream_user_data(h->session, id, st);
	return 0;
}

void h2_stream_destroy(struct h2_stream *st)
{
	leave_ready(st);
	*st->prev = st->next;
	if (st->next)
		st->next->prev = st->prev;
	st->h2->n_streams--;
	if (st->h2->current == st)
		st->h2->current = NULL;
	for (int i = 0; i < H2_PSEUDO; i++)
		buf_finish(&st->pseudo[i]);
	buf_finish(&st->fields);
	buf_finish(&st->cookies);
	buf_finish(&st->text);
	buf_finish(&st->body);
	stream_buffer_put(&st->h2->plane->pool, st->out);
	free(st);
}

/* --- the request --- */

static bool is_made_of(struct head_text t, unsigned char class)
{
	for (size_t i = 0; i < t.len; i++)
		if (!(head_classes[(unsigned char)t.at[i]] & class))
			return false;
	return true;
}

static bool name_is(struct head_text name, const char *what)
{
	return name.len == strlen(what) && memcmp(name.at, what, name.len) == 0;
}

/* In small letters and of one connection never; a host is one of :authority's. */
static void regular(struct h2_stream *st, struct head_text name, struct head_text value)
{
	static const char *const forbidden[] = {
		"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		st->bad |= name_is(name, forbidden[i]);
	for (size_t i = 0; i < name.len; i++)
		st->bad |= name.at[i] >= 'A' && name.at[i] <= 'Z';
	st->bad |= name.len == 0 || !is_made_of(name, HEAD_TOKEN) || !is_made_of(value, HEAD_VALUE);
	if (name_is(name, "cookie")) {
		/* Clients take them apart, for HPACK (RFC 9113, 8.2.3). */
		buf_puts(&st->cookies, st->cookies.len > 0 ? "; " : "cookie: ");
		buf_put(&st->cookies, value.at, value.len);
		return;
	}
	if (name_is(name, "host")) {
		const struct buf *a = &st->pseudo[H2_AUTHORITY];

		st->bad |= st->has_host ||
			   (a->len > 0 &&
				   (a->len != value.len || memcmp(a->data, value.at, a->len) != 0));
		st->has_host = true;
		if (a->len > 0)
			return;
	}
	st->has_length |= name_is(name, "content-length");
	buf_put(&st->fields, name.at, name.len);
	buf_puts(&st->fields, ": ");
	buf_put(&st->fields, value.at, value.len);
	buf_puts(&st->fields, "\r\n");
}

bool h2_stream_header(struct h2_stream *st, struct head_text name, struct head_text value)
{
	static const char *const pseudo[H2_PSEUDO] = {":method", ":path", ":authority"};

	st->n_headers += name.len + value.len + 32;
	if (st->n_headers > H2_HEADERS_MAX)
		return false;
	/* Trailers are dropped, as everywhere. */
	if (st->has_head)
		return true;
	if (name.len == 0 || name.at[0] != ':') {
		regular(st, name, value);
		return true;
	}
	for (int i = 0; i < H2_PSEUDO; i++) {
		if (!name_is(name, pseudo[i]))
			continue;
		st->bad |= st->pseudo[i].len > 0 || st->fields.len > 0;
		buf_put(&st->pseudo[i], value.at, value.len);
	}
	return true;
}

static struct head_text text_of(const struct buf *b)
{
	return (struct head_text){b->data, b->len};
}

static void put_buf(struct buf *to, const struct buf *b)
{
	if (b->len > 0)
		buf_put(to, b->data, b->len);
}

/* Of CONNECT, which has no path, the method alone is enough to refuse it. */
static bool make_text(struct h2_stream *st)
{
	struct buf *method = &st->pseudo[H2_METHOD], *path = &st->pseudo[H2_PATH];
	struct buf *host = &st->pseudo[H2_AUTHORITY], *to = &st->text;

	if (st->bad || !is_made_of(text_of(method), HEAD_TOKEN) || method->len == 0 ||
		!is_made_of(text_of(path), HEAD_TARGET) || !is_made_of(text_of(host), HEAD_HOST) ||
		(path->len > 0 && *path->data != '/' && !(path->len == 1 && *path->data == '*')))
		return false;
	put_buf(to, method);
	buf_puts(to, " ");
	if (path->len > 0)
		put_buf(to, path);
	else
		buf_puts(to, "/");
	buf_puts(to, " HTTP/1.1\r\n");
	if (host->len > 0) {
		buf_puts(to, "host: ");
		put_buf(to, host);
		buf_puts(to, "\r\n");
	}
	put_buf(to, &st->fields);
	if (st->cookies.len > 0) {
		put_buf(to, &st->cookies);
		buf_puts(to, "\r\n");
	}
	st->chunked = !st->ended && !st->has_length;
	if (st->chunked)
		buf_puts(to, "transfer-encoding: chunked\r\n");
	buf_puts(to, "connection: close\r\n\r\n");
	return !buf_failed(to);
}

bool h2_stream_begin(struct h2_stream *st)
{
	struct h2 *h = st->h2;

	st->has_head = true;
	if (!make_text(st))
		return false;
	for (int i = 0; i < H2_PSEUDO; i++)
		buf_finish(&st->pseudo[i]);
	buf_finish(&st->fields);
	buf_finish(&st->cookies);
	st->client = client_carry(h->plane, &carried, st, h->address);
	if (!st->client)
		return false;
	h->n_clients++;
	h2_stream_wake(st);
	return true;
}

bool h2_stream_data(struct h2_stream *st, const uint8_t *data, size_t len)
{
	if (st->body_at > 0) {
		memmove(st->body.data, st->body.data + st->body_at, body_here(st));
		st->body.len -= st->body_at;
		st->body_at = 0;
	}
	buf_put(&st->body, data, len);
	h2_stream_wake(st);
	return !buf_failed(&st->body);
}

void h2_stream_run(struct h2_stream *st)
{
	struct client *c = st->client;
	struct h2 *h = st->h2;
	int events = 0;

	leave_ready(st);
	if (!c)
		return;
	if (st->closed) {
		exchange_leave(c);
		return;
	}
	if (c->s.armed & UV_READABLE && is_readable(st))
		events |= UV_READABLE;
	if (c->s.armed & UV_WRITABLE && out_room(st) > 0)
		events |= UV_WRITABLE;
	h->current = st;
	if (events)
		c->s.event(&c->s, events);
	/* As a socket that was not read to the end. */
	if (h->current == st)
		h2_stream_wake(st);
	h->current = NULL;
}
