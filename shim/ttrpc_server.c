/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection lives until its peer has gone and its last call is answered: a call keeps
 * its connection, and what is answered after the peer went is dropped.
 */
#include "shim/ttrpc_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "shim/loop.h"
#include "shim/message.h"
#include "shim/ttrpc_frame.h"

/* Bytes that are read at a time, from whichever connection has some. */
#define READ_SIZE (16 << 10)

/* Memory that an answer takes besides its bytes, about. */
#define ANSWER_OVERHEAD 512

/* Length of an error sentence; longer ones are cut. */
#define SENTENCE_MAX 4096

struct connection {
	uv_pipe_t pipe;
	struct ttrpc_parser parser;
	uint32_t last_stream;
	size_t calls;  /* not answered yet */
	size_t unread; /* answers that are not written yet */
	bool closing;  /* the handle is given back to libuv */
	bool closed;   /* and libuv is done with it */
};

struct ttrpc_call {
	struct connection *connection;
	struct arena arena; /* the request */
	uint32_t stream;
	bool answered; /* its time is over, and the peer was told so */
	struct timer *deadline;
};

struct answer {
	uv_write_t write;
	struct buf frame;
};

static struct {
	uv_pipe_t listener;
	const struct ttrpc_service *services;
	size_t n_services;
	size_t n_connections;
	ttrpc_connections_fn *connections;
	bool stopped;
} server;

static char read_buffer[READ_SIZE];

static void connection_settle(struct connection *c)
{
	if (!c->closed || c->calls > 0)
		return;
	ttrpc_parser_finish(&c->parser);
	free(c);
}

static void on_closed(uv_handle_t *h)
{
	struct connection *c = h->data;

	c->closed = true;
	server.n_connections--;
	server.connections(server.n_connections);
	connection_settle(c);
}

static void connection_close(struct connection *c)
{
	if (c->closing)
		return;
	c->closing = true;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

static void on_written(uv_write_t *w, int status)
{
	struct answer *a = w->data;
	struct connection *c = w->handle->data;

	c->unread--;
	if (status < 0 && status != UV_ECANCELED)
		connection_close(c);
	buf_finish(&a->frame);
	free(a);
}

static bool reads_too_little(const struct connection *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe) +
		       c->unread * ANSWER_OVERHEAD >
	       TTRPC_UNREAD_MAX;
}

static void send_response(struct connection *c, uint32_t stream, const Pb__Response *response)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	struct answer *a;
	uv_buf_t out;

	if (c->closing)
		return;
	a = calloc(1, sizeof(*a));
	message_write(&response->base, &message);
	if (a)
		ttrpc_put_frame(&a->frame, stream, TTRPC_RESPONSE, message.data, message.len);
	/* Without an answer the peer would wait for ever. */
	if (!a || buf_failed(&message) || buf_failed(&a->frame) ||
		message.len > TTRPC_MESSAGE_MAX || reads_too_little(c)) {
		log_warn("no memory for an answer, or too many are not read: connection closed");
		if (a)
			buf_finish(&a->frame);
		free(a);
		connection_close(c);
		return;
	}
	a->write.data = a;
	out = uv_buf_init(a->frame.data, (unsigned)a->frame.len);
	if (uv_write(&a->write, (uv_stream_t *)&c->pipe, &out, 1, on_written) < 0) {
		buf_finish(&a->frame);
		free(a);
		connection_close(c);
		return;
	}
	c->unread++;
}

static void send_status(
	struct connection *c, uint32_t stream, enum ttrpc_code code, const char *sentence)
{
	Pb__Response response = PB__RESPONSE__INIT;
	Pb__Status status = PB__STATUS__INIT;

	status.code = (int32_t)code;
	status.message = message_string(sentence);
	response.status = &status;
	send_response(c, stream, &response);
}

static void call_end(struct ttrpc_call *call)
{
	struct connection *c = call->connection;

	timer_drop(&call->deadline);
	arena_finish(&call->arena);
	free(call);
	c->calls--;
	connection_settle(c);
}

bool ttrpc_call_is_gone(const struct ttrpc_call *call)
{
	return call->answered || call->connection->closing;
}

void ttrpc_reply(struct ttrpc_call *call, const ProtobufCMessage *m)
{
	Pb__Response response = PB__RESPONSE__INIT;
	_cleanup_buf_ struct buf payload = BUF_INIT;

	message_write(m, &payload);
	if (buf_failed(&payload)) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	response.payload.data = (uint8_t *)payload.data;
	response.payload.len = payload.len;
	if (!call->answered)
		send_response(call->connection, call->stream, &response);
	call_end(call);
}

void ttrpc_fail(struct ttrpc_call *call, enum ttrpc_code code, const char *fmt, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (!call->answered)
		send_status(call->connection, call->stream, code, sentence);
	call_end(call);
}

static void on_deadline(void *arg)
{
	struct ttrpc_call *call = arg;

	timer_drop(&call->deadline);
	call->answered = true;
	send_status(call->connection, call->stream, TTRPC_DEADLINE_EXCEEDED,
		"context deadline exceeded");
}

static const struct ttrpc_service *find_service(const char *name)
{
	for (size_t i = 0; i < server.n_services; i++)
		if (streq(server.services[i].name, name))
			return &server.services[i];
	return NULL;
}

static const struct ttrpc_method *find_method(const struct ttrpc_service *s, const char *name)
{
	for (size_t i = 0; i < s->n_methods; i++)
		if (streq(s->methods[i].name, name))
			return &s->methods[i];
	return NULL;
}

/* A Go duration; what is not positive is a time that is over. Rounded up. */
static void set_deadline(struct ttrpc_call *call, int64_t timeout_ns)
{
	if (timeout_ns != 0)
		call->deadline =
			timer_start(timeout_ns < 0 ? 0 : ((uint64_t)timeout_ns + 999999) / 1000000,
				on_deadline, call);
}

static void call_run(struct ttrpc_call *call, const void *message, size_t len)
{
	const Pb__Request *request =
		message_read(&pb__request__descriptor, message, len, &call->arena);
	const struct ttrpc_service *service;
	const struct ttrpc_method *method;
	const void *payload;

	if (!request) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "the frame holds no ttrpc request");
		return;
	}
	service = find_service(request->service);
	if (!service) {
		ttrpc_fail(call, TTRPC_UNIMPLEMENTED, "service %s", request->service);
		return;
	}
	method = find_method(service, request->method);
	if (!method) {
		ttrpc_fail(call, TTRPC_UNIMPLEMENTED, "method %s of service %s", request->method,
			request->service);
		return;
	}
	payload = message_read(
		method->request, request->payload.data, request->payload.len, &call->arena);
	if (!payload) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "%s: its request cannot be read",
			request->method);
		return;
	}
	set_deadline(call, request->timeout_ns);
	log_debug("call %s", request->method);
	method->run(call, payload);
}

static void begin_call(struct connection *c, const struct ttrpc_header *h, const void *message)
{
	struct ttrpc_call *call = calloc(1, sizeof(*call));

	if (!call) {
		send_status(c, h->stream, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	call->connection = c;
	call->stream = h->stream;
	c->calls++;
	call_run(call, message, h->length);
}

/* Why a frame is none that a client may send now; NULL when it may. */
static const char *refusal(
	const struct connection *c, const struct ttrpc_header *h, enum ttrpc_code *ret_code)
{
	*ret_code = TTRPC_INVALID_ARGUMENT;
	if (h->stream % 2 != 1)
		return "StreamID must be odd for client initiated streams";
	if (h->type == TTRPC_DATA)
		return "StreamID is no longer active";
	if (h->stream <= c->last_stream)
		return "StreamID cannot be re-used and must increment";
	if (h->flags & TTRPC_REMOTE_OPEN)
		return "no method takes a stream of requests";
	*ret_code = TTRPC_RESOURCE_EXHAUSTED;
	if (c->calls >= TTRPC_CALLS_MAX)
		return "too many calls at a time";
	return NULL;
}

static bool on_frame(void *arg, const struct ttrpc_header *h, const void *message)
{
	struct connection *c = arg;
	enum ttrpc_code code;
	const char *why;

	if (h->type != TTRPC_REQUEST && h->type != TTRPC_DATA)
		return true; /* for the future: ignored */
	why = refusal(c, h, &code);
	if (!why && !message) {
		why = "the message is longer than 4 MiB";
		code = TTRPC_RESOURCE_EXHAUSTED;
	}
	if (h->type == TTRPC_REQUEST && h->stream % 2 == 1 && h->stream > c->last_stream)
		c->last_stream = h->stream;
	if (why)
		send_status(c, h->stream, code, why);
	else
		begin_call(c, h, message);
	return !c->closing;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
	*ret = uv_buf_init(read_buffer, sizeof(read_buffer));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = s->data;

	if (n == 0)
		return;
	if (n < 0 || ttrpc_parser_feed(&c->parser, buf->base, (size_t)n, on_frame, c) < 0)
		connection_close(c);
}

static bool peer_is_trusted(uv_pipe_t *pipe)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd;

	return uv_fileno((uv_handle_t *)pipe, &fd) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct connection *c = status == 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c) {
		log_warn("a connection could not be accepted: %s",
			status == 0 ? "out of memory" : uv_strerror(status));
		return;
	}
	uv_pipe_init(uv_default_loop(), &c->pipe, 0);
	c->pipe.data = c;
	server.n_connections++;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 || !peer_is_trusted(&c->pipe) ||
		server.n_connections > TTRPC_CONNECTIONS_MAX ||
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read) < 0) {
		log_warn("a connection is refused: %s", server.n_connections > TTRPC_CONNECTIONS_MAX
								? "there are too many"
								: "its peer is not root");
		connection_close(c);
		return;
	}
	server.connections(server.n_connections);
}

int ttrpc_server_start(int fd, const struct ttrpc_service *services, size_t n_services,
	ttrpc_connections_fn *connections, struct err *err)
{
	int r;

	server.services = services;
	server.n_services = n_services;
	server.connections = connections;
	uv_pipe_init(uv_default_loop(), &server.listener, 0);
	r = uv_pipe_open(&server.listener, fd);
	if (r < 0) {
		close(fd);
		return err_set(err, -r, "serve the socket");
	}
	r = uv_listen((uv_stream_t *)&server.listener, TTRPC_CONNECTIONS_MAX, on_connection);
	if (r < 0)
		return err_set(err, -r, "listen");
	return 0;
}

void ttrpc_server_stop(void)
{
	if (server.stopped)
		return;
	server.stopped = true;
	uv_close((uv_handle_t *)&server.listener, NULL);
}
