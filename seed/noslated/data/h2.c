/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of HTTP/2: bytes to nghttp2 and back. Whatever is to be told to clients is told by run(), from
 * the loop and never from within nghttp2, so that a client may do anything when it is told.
 */
#include "seed/noslated/data/h2.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/h2_priv.h"

/* How often a connection is looked at for having done nothing. */
#define WATCH_MIN_MS 10

static void run(struct h2 *h);

static void on_later(uv_idle_t *later)
{
	uv_idle_stop(later);
	run(later->data);
}

void h2_later(struct h2 *h)
{
	if (!h->closed)
		uv_idle_start(&h->later, on_later);
}

/* --- the end --- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct h2 *h = handle->data;
	struct data_plane *d = h->plane;

	if (--h->handles == 0)
		free(h);
	data_handle_closed(d);
}

static void close_all_streams(struct h2 *h)
{
	struct h2_stream *st;

	while ((st = h->streams)) {
		if (st->client)
			exchange_leave(st->client);
		h2_stream_destroy(st);
	}
}

static void h2_close(struct h2 *h)
{
	struct data_plane *d = h->plane;

	if (h->closed)
		return;
	h->closed = true;
	close_all_streams(h);
	nghttp2_session_del(h->session);
	stream_buffer_put(&d->pool, take_ptr(&h->out));
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	else
		d->h2_tail = h->prev;
	d->n_clients--;
	uv_close((uv_handle_t *)&h->poll, on_handle_closed);
	uv_close((uv_handle_t *)&h->later, on_handle_closed);
	uv_close((uv_handle_t *)&h->watch, on_handle_closed);
	fd_close(&h->fd);
	front_resume(d);
	data_check_drained(d);
}

void h2_close_all(struct data_plane *d)
{
	while (d->h2)
		h2_close(d->h2);
}

static struct h2 *find_idle(const struct data_plane *d)
{
	struct h2 *h = d->h2;

	while (h && h->n_streams > 0)
		h = h->next;
	return h;
}

bool h2_has_idle(const struct data_plane *d)
{
	return find_idle(d) != NULL;
}

void h2_make_room(struct data_plane *d)
{
	struct h2 *h = find_idle(d);

	if (h)
		h2_close(h);
}

void h2_drain(struct data_plane *d)
{
	for (struct h2 *h = d->h2; h; h = h->next) {
		nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
			nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL,
			0);
		h2_later(h);
	}
}

/* --- what a peer may do --- */

bool h2_hears_noise(struct h2 *h, unsigned cost)
{
	const uint64_t now = uv_now(h->plane->loop);

	h->noise -= (double)(now - h->noise_at) * H2_NOISE_RATE / 1000;
	h->noise = (h->noise > 0 ? h->noise : 0) + cost;
	h->noise_at = now;
	if (h->noise <= H2_NOISE_MAX)
		return true;
	nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
	return false;
}

static struct h2_stream *stream_of(struct h2 *h, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(h->session, id) : NULL;
}

/* --- what nghttp2 tells --- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	const struct data_plane *d = h->plane;
	const int32_t id = frame->hd.stream_id;

	h->head_at = uv_now(d->loop);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (d->n_clients >= d->options.connections_max || d->draining ||
		h2_stream_create(h, id) < 0)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
	return 0;
}

static int on_header(nghttp2_session *session UNUSED, const nghttp2_frame *frame,
	const uint8_t *name, size_t name_len, const uint8_t *value, size_t value_len,
	uint8_t flags UNUSED, void *arg)
{
	struct h2_stream *st = stream_of(arg, frame->hd.stream_id);
	const struct head_text n = {(const char *)name, name_len};
	const struct head_text v = {(const char *)value, value_len};

	return !st || h2_stream_header(st, n, v) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

/* A request whose head is malformed is answered by an error of the stream: nobody can tell what it was. */
static void on_head(struct h2 *h, struct h2_stream *st)
{
	if (st->has_head || h2_stream_begin(st))
		return;
	nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, st->id,
		st->bad ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_INTERNAL_ERROR);
}

static unsigned noise_of(const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_PING:
	case NGHTTP2_SETTINGS:
	case NGHTTP2_PRIORITY: return 1;
	case NGHTTP2_DATA:
		return frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	default: return 0;
	}
}

static int on_frame(nghttp2_session *session UNUSED, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st = stream_of(h, frame->hd.stream_id);
	const unsigned noise = noise_of(frame);

	if (noise > 0)
		h2_hears_noise(h, noise);
	if (frame->hd.type == NGHTTP2_HEADERS)
		h->head_at = 0;
	if (!st || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
		return 0;
	st->ended |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
	if (frame->hd.type == NGHTTP2_HEADERS)
		on_head(h, st);
	h2_stream_wake(st);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags UNUSED, int32_t id, const uint8_t *data,
	size_t len, void *arg)
{
	struct h2_stream *st = stream_of(arg, id);

	/* Nobody wants it: it is read, so that the others go on. */
	if (!st || !st->client) {
		nghttp2_session_consume(session, id, len);
		return 0;
	}
	return h2_stream_data(st, data, len) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* What a client has not asked to the end when it is answered, it need not send. */
static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	const struct h2_stream *st = stream_of(arg, frame->hd.stream_id);

	if (st && !st->ended && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
		(frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
	return 0;
}

/* One that was asked for, and is then not wanted, has cost a worker something: that may not be done for ever. */
static int on_close(nghttp2_session *session UNUSED, int32_t id, uint32_t error, void *arg)
{
	struct h2 *h = arg;
	struct h2_stream *st = stream_of(h, id);

	if (error != NGHTTP2_NO_ERROR)
		h2_hears_noise(h, H2_NOISE_RESET);
	if (!st)
		return 0;
	st->closed = true;
	if (st->client)
		h2_stream_wake(st);
	else
		h2_stream_destroy(st);
	return 0;
}

/* --- bytes --- */

static void arm(struct h2 *h);

/* False: the connection is closed, or is to be. */
static bool send_out(struct h2 *h)
{
	while (h->out_at < h->out_len) {
		const ssize_t n =
			send(h->fd, h->out + h->out_at, h->out_len - h->out_at, MSG_NOSIGNAL);

		if (n >= 0) {
			h->out_at += (size_t)n;
			h->progress_at = uv_now(h->plane->loop);
			continue;
		}
		if (errno == EINTR)
			continue;
		h->blocked = errno == EAGAIN;
		return h->blocked;
	}
	h->blocked = false;
	h->out_at = h->out_len = 0;
	return true;
}

_Static_assert(STREAM_BUFFER >= 16384 + 9, "a frame fits");

static bool collect(struct h2 *h)
{
	const uint8_t *data;
	ssize_t n;

	/* One more frame fits, whatever it is. */
	while (STREAM_BUFFER - h->out_len >= 16384 + 9) {
		n = nghttp2_session_mem_send(h->session, &data);
		if (n == 0)
			return true;
		if (n < 0 || (size_t)n > STREAM_BUFFER - h->out_len)
			return false;
		if (!h->out && !(h->out = stream_buffer_get(&h->plane->pool)))
			return false;
		memcpy(h->out + h->out_len, data, (size_t)n);
		h->out_len += (size_t)n;
	}
	return true;
}

static bool flush(struct h2 *h)
{
	do {
		if (!send_out(h))
			return false;
		if (h->blocked)
			return true;
		if (!collect(h))
			return false;
	} while (h->out_len > 0);
	stream_buffer_put(&h->plane->pool, take_ptr(&h->out));
	return true;
}

/* Each of those that are ready now, once. */
static void tell_clients(struct h2 *h)
{
	struct h2_stream *last = NULL, *st;

	for (st = h->ready; st; st = st->ready_next)
		last = st;
	while (last && (st = h->ready)) {
		const bool was_last = st == last;

		h2_stream_run(st);
		if (was_last)
			break;
	}
}

static bool is_over(const struct h2 *h)
{
	if (h->blocked)
		return false;
	return (!nghttp2_session_want_read(h->session) &&
		       !nghttp2_session_want_write(h->session)) ||
	       (h->plane->draining && h->n_streams == 0);
}

static void run(struct h2 *h)
{
	if (h->closed)
		return;
	tell_clients(h);
	if (!flush(h) || is_over(h)) {
		h2_close(h);
		return;
	}
	arm(h);
}

/* False: it is no HTTP/2, or one that nobody can speak with. */
static bool feed(struct h2 *h, const void *data, size_t len)
{
	const ssize_t n = nghttp2_session_mem_recv(h->session, data, len);

	h->progress_at = uv_now(h->plane->loop);
	return n == (ssize_t)len;
}

static void read_in(struct h2 *h)
{
	char *in = stream_buffer_get(&h->plane->pool);
	const ssize_t n = in ? recv(h->fd, in, STREAM_BUFFER, 0) : -1;
	const bool again = n < 0 && in && (errno == EAGAIN || errno == EINTR);
	const bool good = n > 0 && feed(h, in, (size_t)n);

	stream_buffer_put(&h->plane->pool, in);
	if (again)
		return;
	/* What it is told of its mistake is on its way. */
	if (!good && n > 0)
		flush(h);
	if (!good)
		h2_close(h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct h2 *h = poll->data;

	if (status < 0 || events & UV_READABLE)
		read_in(h);
	run(h);
}

/* Who does not read is not read. */
static void arm(struct h2 *h)
{
	const int events = h->blocked ? UV_WRITABLE : UV_READABLE;

	if (events == h->armed)
		return;
	h->armed = events;
	uv_poll_start(&h->poll, events, on_poll);
}

/* --- time --- */

/* Requests have their own times; this is what is left of a connection when no client is there for it. */
static void on_watch(uv_timer_t *t)
{
	struct h2 *h = t->data;
	const struct data_options *o = &h->plane->options;
	const uint64_t now = uv_now(h->plane->loop), quiet = now - h->progress_at;

	if (h->blocked || h->n_streams > h->n_clients) {
		if (quiet > o->piece_ms)
			h2_close(h);
	} else if (h->head_at > 0) {
		if (now - h->head_at > o->head_ms)
			h2_close(h);
	} else if (h->n_streams == 0 && quiet > o->idle_ms) {
		nghttp2_session_terminate_session(h->session, NGHTTP2_NO_ERROR);
		run(h);
	}
}

static uint64_t watch_ms(const struct data_options *o)
{
	uint64_t ms = o->piece_ms < o->head_ms ? o->piece_ms : o->head_ms;

	ms = (ms < o->idle_ms ? ms : o->idle_ms) / 2;
	return ms > WATCH_MIN_MS ? ms : WATCH_MIN_MS;
}

/* --- the beginning --- */

static int make_session(struct h2 *h)
{
	static const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEAD_MAX},
		{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, H2_TABLE_MAX},
	};
	nghttp2_session_callbacks *c = NULL;
	nghttp2_option *o = NULL;
	int r = nghttp2_session_callbacks_new(&c);

	if (r == 0)
		r = nghttp2_option_new(&o);
	if (r == 0) {
		nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(c, on_header);
		nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
		nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
		nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
		nghttp2_option_set_no_auto_window_update(o, 1);
		nghttp2_option_set_max_deflate_dynamic_table_size(o, H2_TABLE_MAX);
		nghttp2_option_set_max_outbound_ack(o, H2_ACKS_MAX);
		nghttp2_option_set_max_settings(o, H2_SETTINGS_MAX);
		r = nghttp2_session_server_new2(&h->session, c, h, o);
	}
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(c);
	if (r == 0)
		r = nghttp2_submit_settings(
			h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
	if (r == 0)
		r = nghttp2_session_set_local_window_size(
			h->session, NGHTTP2_FLAG_NONE, 0, H2_WINDOW_ALL);
	return r;
}

static void add_handles(struct h2 *h)
{
	struct data_plane *d = h->plane;
	const uint64_t ms = watch_ms(&d->options);

	uv_idle_init(d->loop, &h->later);
	uv_timer_init(d->loop, &h->watch);
	h->poll.data = h->later.data = h->watch.data = h;
	h->handles = 3;
	d->handles += 3;
	uv_timer_start(&h->watch, on_watch, ms, ms);
}

void h2_create(struct data_plane *d, int fd, const char *address, const char *data, size_t len)
{
	struct h2 *h = calloc(1, sizeof(*h));

	if (!h || uv_poll_init(d->loop, &h->poll, fd) < 0) {
		free(h);
		fd_close(&fd);
		return;
	}
	h->plane = d;
	h->fd = fd;
	strcpy(h->address, address);
	h->ready_tail = &h->ready;
	h->noise_at = h->progress_at = uv_now(d->loop);
	add_handles(h);
	h->prev = d->h2_tail;
	*d->h2_tail = h;
	d->h2_tail = &h->next;
	d->n_clients++;
	if (make_session(h) != 0 || !feed(h, data, len)) {
		if (h->session)
			flush(h);
		h2_close(h);
		return;
	}
	run(h);
}
