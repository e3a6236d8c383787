/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/events.h"

#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "shim/loop.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/ttrpc_frame.h"
#include "shim/ttrpc_server.h"

#define EVENTS_SERVICE "containerd.services.events.ttrpc.v1.Events"
#define EVENTS_METHOD  "Forward"

/* How long containerd may take for one event before the connection counts as dead. */
#define ANSWER_TIMEOUT_MS 5000
/* Pauses between attempts double from the first to the last. */
#define RETRY_MIN_MS 20
#define RETRY_MAX_MS 2000
/* A connection that nobody uses is given up. */
#define IDLE_MS 5000

#define READ_SIZE 4096

struct event {
	struct event *next;
	struct buf request; /* a Pb__Request, written */
};

struct client {
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_write_t write;
	struct ttrpc_parser parser;
	struct buf frame; /* being written */
	uint32_t stream;  /* of the event that is on its way */
	bool connected;
	bool writing; /* `write` and `frame` are libuv's until it says that it is done */
};

static struct {
	char *address;
	const char *namespace;
	struct event *first, **end;
	size_t n;
	struct client *client; /* NULL: not connected */
	bool sent;	       /* the first event is on its way */
	struct timer *timer;   /* next attempt, time for the answer, or idle */
	unsigned pause_ms;
	events_flushed_fn *flushed;
	void *flushed_arg;
	struct timer *flush_timer;
} events = {.end = &events.first};

static char read_buffer[READ_SIZE];

static void pump(void);

static void on_client_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	ttrpc_parser_finish(&c->parser);
	buf_finish(&c->frame);
	free(c);
}

static void disconnect(void)
{
	struct client *c = take_ptr(&events.client);

	events.sent = false;
	timer_drop(&events.timer);
	if (c)
		uv_close((uv_handle_t *)&c->pipe, on_client_closed);
}

static void on_retry(void *arg)
{
	timer_drop(&events.timer);
	pump();
}

static void retry_later(void)
{
	disconnect();
	if (!events.first)
		return;
	events.timer = timer_start(events.pause_ms, on_retry, NULL);
	events.pause_ms = events.pause_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : events.pause_ms * 2;
}

static void on_answer_late(void *arg)
{
	log_warn("containerd has not taken an event within %d ms, trying again", ANSWER_TIMEOUT_MS);
	retry_later();
}

static void on_idle(void *arg)
{
	disconnect();
}

static void flush_done(void)
{
	events_flushed_fn *flushed = take_ptr(&events.flushed);

	timer_drop(&events.flush_timer);
	if (flushed)
		flushed(events.flushed_arg);
}

static void drop_first(void)
{
	struct event *e = events.first;

	events.first = e->next;
	if (!events.first)
		events.end = &events.first;
	events.n--;
	buf_finish(&e->request);
	free(e);
}

/* Taken, or refused for good, unless containerd was too busy for it. */
static void event_done(const Pb__Status *status)
{
	if (status &&
		(status->code == TTRPC_DEADLINE_EXCEEDED || status->code == TTRPC_UNAVAILABLE)) {
		retry_later();
		return;
	}
	if (status && status->code != 0)
		log_warn("containerd refuses an event: %s", status->message);
	events.sent = false;
	events.pause_ms = RETRY_MIN_MS;
	timer_drop(&events.timer);
	drop_first();
	pump();
	if (!events.first)
		flush_done();
}

static bool on_frame(void *arg, const struct ttrpc_header *h, const void *message)
{
	struct client *c = arg;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const Pb__Response *response;

	if (h->type != TTRPC_RESPONSE || h->stream != c->stream || !events.sent)
		return true;
	response = message ? message_read(&pb__response__descriptor, message, h->length, &arena)
			   : NULL;
	if (!response)
		return false;
	event_done(response->status);
	return events.client == c;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	*ret = uv_buf_init(read_buffer, sizeof(read_buffer));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = s->data;

	if (n == 0 || events.client != c)
		return;
	if (n < 0 || (ttrpc_parser_feed(&c->parser, buf->base, (size_t)n, on_frame, c) < 0 &&
			     events.client == c))
		retry_later();
}

static void on_written(uv_write_t *w, int status)
{
	struct client *c = w->data;

	buf_finish(&c->frame);
	c->writing = false;
	if (events.client != c)
		return;
	if (status < 0)
		retry_later();
	else
		pump();
}

static void send_first(struct client *c)
{
	uv_buf_t out;

	c->stream = c->stream ? c->stream + 2 : 1;
	ttrpc_put_frame(&c->frame, c->stream, TTRPC_REQUEST, events.first->request.data,
		events.first->request.len);
	out = uv_buf_init(c->frame.data, (unsigned)c->frame.len);
	c->write.data = c;
	if (buf_failed(&c->frame) ||
		uv_write(&c->write, (uv_stream_t *)&c->pipe, &out, 1, on_written) < 0) {
		retry_later();
		return;
	}
	c->writing = true;
	events.sent = true;
	timer_drop(&events.timer);
	events.timer = timer_start(ANSWER_TIMEOUT_MS, on_answer_late, NULL);
}

static void on_connect(uv_connect_t *connect, int status)
{
	struct client *c = connect->data;

	if (events.client != c)
		return;
	if (status < 0 || uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0) {
		retry_later();
		return;
	}
	c->connected = true;
	pump();
}

static void client_connect(void)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		retry_later();
		return;
	}
	uv_pipe_init(uv_default_loop(), &c->pipe, 0);
	c->pipe.data = c->connect.data = c;
	events.client = c;
	uv_pipe_connect(&c->connect, &c->pipe, events.address, on_connect);
}

/* Does what is next to do, if anything is and nothing is under way. */
static void pump(void)
{
	struct client *c = events.client;

	/* An answer may come before libuv tells that its request was written. */
	if (events.sent || (c && (!c->connected || c->writing)))
		return;
	if (!events.first) {
		if (c && !events.timer)
			events.timer = timer_start(IDLE_MS, on_idle, NULL);
		return;
	}
	if (!c && events.timer)
		return; /* pausing between attempts */
	timer_drop(&events.timer);
	if (c)
		send_first(c);
	else
		client_connect();
}

void events_start(const char *address, const char *namespace)
{
	const char *path = str_after(address, "unix://");

	events.address = (char *)(path ? path : address);
	events.namespace = namespace;
	events.pause_ms = RETRY_MIN_MS;
}

/* The event as a call, in the envelope that tells topic and time. */
static void write_request(
	struct buf *out, const char *topic, const char *type, const ProtobufCMessage *event)
{
	_cleanup_buf_ struct buf value = BUF_INIT, forward = BUF_INIT;
	Pb__ForwardRequest request = PB__FORWARD_REQUEST__INIT;
	Pb__Envelope envelope = PB__ENVELOPE__INIT;
	Pb__Request call = PB__REQUEST__INIT;
	Pb__Timestamp time;
	struct timespec now;
	Pb__Any any;

	clock_gettime(CLOCK_REALTIME, &now);
	message_timestamp(&time, &now);
	message_write_any(&any, type, event, &value);
	envelope.time = &time;
	envelope.namespace_ = message_string(events.namespace);
	envelope.topic = message_string(topic);
	envelope.event = &any;
	request.envelope = &envelope;
	message_write(&request.base, &forward);
	call.service = message_string(EVENTS_SERVICE);
	call.method = message_string(EVENTS_METHOD);
	call.timeout_ns = (int64_t)ANSWER_TIMEOUT_MS * 1000000;
	call.payload.data = (uint8_t *)forward.data;
	call.payload.len = forward.len;
	message_write(&call.base, out);
	out->failed = out->failed || buf_failed(&value) || buf_failed(&forward);
}

void events_publish(const char *topic, const char *type, const ProtobufCMessage *event)
{
	struct event *e;

	if (!*events.address)
		return;
	e = calloc(1, sizeof(*e));
	if (e)
		write_request(&e->request, topic, type, event);
	if (!e || buf_failed(&e->request) || e->request.len > TTRPC_MESSAGE_MAX) {
		log_error("the event %s is lost: out of memory", topic);
		if (e)
			buf_finish(&e->request);
		free(e);
		return;
	}
	if (events.n == EVENTS_MAX) {
		log_error("the oldest event is lost: containerd has not taken %d", EVENTS_MAX);
		/* The first one may be on its way; its answer would be taken for the next one's. */
		if (events.sent)
			retry_later();
		drop_first();
	}
	*events.end = e;
	events.end = &e->next;
	events.n++;
	pump();
}

static void on_flush_late(void *arg)
{
	log_warn("%zu events are lost: containerd does not take them", events.n);
	flush_done();
}

void events_flush(int timeout_ms, events_flushed_fn *done, void *arg)
{
	if (!events.first) {
		done(arg);
		return;
	}
	events.flushed = done;
	events.flushed_arg = arg;
	events.flush_timer = timer_start((uint64_t)timeout_ms, on_flush_late, NULL);
}
