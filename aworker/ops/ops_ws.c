/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins connections of WebSocket and JavaScript; the contract is in aworker/http/http.h.
 * A number holds a serial and the place in a table, as ids of requests do.
 */
#include <errno.h>
#include <unistd.h>

#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "aworker/ws/websocket.h"
#include "aworker/ws/ws_client.h"
#include "runtime/base/util.h"

#define SLOT_BITS 16
#define SLOT_MASK ((1u << SLOT_BITS) - 1)

/* Connections at one time, and the first size of their table. */
#define WS_SOCKETS_MAX 16384
#define WS_SOCKETS_MIN 16

struct ws_socket {
	struct worker *worker;
	struct ws_conn *conn;
	struct ws_client *client;    /* as long as there is no connection */
	struct loop_deferred failed; /* a connection that is not wanted any more */
	uint64_t number;
	size_t buffered;
};

struct ws_bridge {
	struct engine_value *message;
	struct engine_value *closed;
	struct engine_value *opened;
	struct ws_client_context clients;
	struct ws_socket **slots;
	size_t n_slots;
	size_t n_open;
	uint64_t serial;
};

/* --- the table --- */

static struct ws_bridge *bridge_of(struct worker *w)
{
	struct ws_bridge *b = w->ws ? w->ws : calloc(1, sizeof(*b));

	if (!b || w->ws)
		return b;
	b->message = engine_internal_function(w->engine, "wsMessage");
	b->closed = engine_internal_function(w->engine, "wsClosed");
	b->opened = engine_internal_function(w->engine, "wsOpened");
	b->clients.loop = &w->loop;
	b->clients.env = w->env;
	w->ws = b;
	return b;
}

/* A free place; negative when there is none. */
static ssize_t free_slot(struct ws_bridge *b)
{
	size_t n = b->n_slots ? b->n_slots * 2 : WS_SOCKETS_MIN;
	struct ws_socket **slots;

	if (b->n_open < b->n_slots) {
		/* Places are taken in turn, so that the search is short. */
		for (size_t i = b->serial;; i++) {
			if (!b->slots[i % b->n_slots])
				return (ssize_t)(i % b->n_slots);
		}
	}
	if (n > WS_SOCKETS_MAX)
		return -EMFILE;
	slots = reallocarray(b->slots, n, sizeof(struct ws_socket *));
	if (!slots)
		return -ENOMEM;
	memset(slots + b->n_slots, 0, (n - b->n_slots) * sizeof(struct ws_socket *));
	b->slots = slots;
	n = b->n_slots;
	b->n_slots = n ? n * 2 : WS_SOCKETS_MIN;
	return (ssize_t)n;
}

static struct ws_socket *find(struct worker *w, uint64_t number)
{
	struct ws_bridge *b = w ? w->ws : NULL;
	uint64_t slot = number & SLOT_MASK;
	struct ws_socket *s = b && slot < b->n_slots ? b->slots[slot] : NULL;

	return s && s->number == number ? s : NULL;
}

static void drop(struct ws_socket *s)
{
	struct ws_bridge *b = s->worker->ws;

	b->slots[s->number & SLOT_MASK] = NULL;
	b->n_open--;
	loop_unhold(&s->worker->loop);
	ws_conn_destroy(s->conn);
	ws_client_destroy(s->client);
	loop_defer_cancel(&s->worker->loop, &s->failed);
	free(s);
}

void ws_bridge_destroy(struct worker *w)
{
	struct ws_bridge *b = w->ws;

	if (!b)
		return;
	for (size_t i = 0; i < b->n_slots; i++) {
		if (b->slots[i])
			drop(b->slots[i]);
	}
	engine_release(w->engine, b->message);
	engine_release(w->engine, b->closed);
	engine_release(w->engine, b->opened);
	ws_client_context_finish(&b->clients);
	free(b->slots);
	free(b);
	w->ws = NULL;
}

size_t ws_bridge_open(const struct worker *w)
{
	return w->ws ? w->ws->n_open : 0;
}

void ws_bridge_drain(struct worker *w)
{
	for (size_t i = 0; w->ws && i < w->ws->n_slots; i++) {
		struct ws_socket *s = w->ws->slots[i];

		if (s && s->conn)
			ws_conn_close(s->conn, WS_STATUS_GOING_AWAY, NULL, 0);
		else if (s)
			loop_defer(&w->loop, &s->failed);
	}
}

/* --- from the connection --- */

static void on_message(void *data, enum ws_opcode opcode, const void *bytes, size_t len)
{
	struct ws_socket *s = data;
	struct worker *w = s->worker;
	uint64_t number = s->number;
	struct engine_value *argv[2];

	if (opcode != WS_TEXT && opcode != WS_BINARY)
		return;
	argv[0] = engine_number(w->engine, (double)number);
	argv[1] = opcode == WS_TEXT ? engine_string(w->engine, bytes ? bytes : "", len)
				    : engine_bytes(w->engine, bytes, len);
	if (!argv[1]) {
		/* To lose a message without a word is worse than the connection. */
		engine_release(w->engine, argv[0]);
		ws_conn_close(s->conn, WS_STATUS_TOO_BIG, NULL, 0);
		return;
	}
	worker_call(w, w->ws->message, ARRAY_SIZE(argv), argv);
}

static void on_drained(void *data)
{
	struct ws_socket *s = data;

	s->buffered = 0;
}

static void on_closed(
	void *data, unsigned status, const char *reason, size_t reason_len, bool clean)
{
	struct ws_socket *s = data;
	struct worker *w = s->worker;
	struct engine_value *argv[] = {
		engine_number(w->engine, (double)s->number),
		engine_number(w->engine, status),
		engine_string(w->engine, reason, reason_len),
		engine_bool(w->engine, clean),
	};

	drop(s);
	worker_call(w, w->ws->closed, ARRAY_SIZE(argv), argv);
	worker_end_if_idle(w);
}

static const struct ws_handler handler = {
	.message = on_message,
	.drained = on_drained,
	.closed = on_closed,
};

static void on_failed(void *data)
{
	on_closed(data, WS_STATUS_ABNORMAL, "", 0, false);
}

/* A place without a connection; NULL with *err. */
static struct ws_socket *add(struct worker *w, struct err *err)
{
	struct ws_bridge *b = bridge_of(w);
	ssize_t slot = b ? free_slot(b) : -ENOMEM;
	struct ws_socket *s = slot < 0 ? NULL : calloc(1, sizeof(*s));

	if (!s) {
		if (slot == -EMFILE)
			err_say(err, EMFILE, "more than %d WebSockets", WS_SOCKETS_MAX);
		else
			err_oom(err);
		return NULL;
	}
	s->worker = w;
	s->failed = (struct loop_deferred){.fn = on_failed, .data = s};
	s->number = ++b->serial << SLOT_BITS | (uint64_t)slot;
	b->slots[slot] = s;
	b->n_open++;
	loop_hold(&w->loop);
	return s;
}

/* The descriptor is the connection's from now on. */
static int add_conn(
	struct worker *w, int fd, const struct ws_options *options, uint64_t *ret, struct err *err)
{
	struct ws_socket *s = add(w, err);

	if (!s) {
		close(fd);
		return -err->code;
	}
	if (ws_conn_create(&w->loop, fd, options, &handler, s, &s->conn, err) < 0) {
		drop(s);
		return -err->code;
	}
	*ret = s->number;
	return 0;
}

/* --- from the client --- */

static void on_client_opened(
	void *data, int fd, void *tls, const char *protocol, size_t len, const struct buf *rest)
{
	struct ws_socket *s = data;
	struct worker *w = s->worker;
	const struct ws_options options = {
		.client = true, .rest = rest->data, .rest_len = rest->len, .tls = tls};
	struct engine_value *argv[2];
	struct err err = ERR_INIT;

	s->client = NULL;
	if (ws_conn_create(&w->loop, fd, &options, &handler, s, &s->conn, &err) < 0) {
		loop_defer(&w->loop, &s->failed);
		return;
	}
	argv[0] = engine_number(w->engine, (double)s->number);
	argv[1] = engine_latin1(w->engine, protocol, len);
	worker_call(w, w->ws->opened, ARRAY_SIZE(argv), argv);
}

/* Why, is not JavaScript's to know: it could explore the network of its server. */
static void on_client_failed(void *data, const struct err *err UNUSED)
{
	struct ws_socket *s = data;

	s->client = NULL;
	on_failed(s);
}

static const struct ws_client_handler client_handler = {
	.opened = on_client_opened,
	.failed = on_client_failed,
};

/* --- to the connection --- */

static int arg_number(struct op_call *c, uint64_t *ret)
{
	int64_t n;

	if (op_arg_i64(c, 0, &n) < 0)
		return -1;
	*ret = n > 0 ? (uint64_t)n : 0;
	return 0;
}

static int op_ws_upgrade(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct http_response r = {.reason = ""};
	struct ws_options options = {.client = false};
	struct buf rest = BUF_INIT;
	struct err err = ERR_INIT;
	uint64_t id, number = 0;
	int fd, e;

	if (arg_number(c, &id) < 0 ||
		op_arg_latin1_array(c, 1, &r.strings, &r.lens, &r.n_strings) < 0)
		return -1;
	e = w && w->http ? http_upgrade(w->http, id, &r, &rest, &fd, &err) : -ENOTCONN;
	if (e == 0) {
		options.rest = rest.data;
		options.rest_len = rest.len;
		e = add_conn(w, fd, &options, &number, &err);
	}
	buf_finish(&rest);
	if (e < 0 && e != -ENOTCONN)
		return op_throw(c, "TypeError", "%s", err.msg);
	op_ret_f64(c, (double)number);
	return 0;
}

/* Three strings, which are visible ASCII, from argument 3 on. */
static int arg_target(struct op_call *c, struct ws_target *ret)
{
	const char **const strings[] = {&ret->host, &ret->path, &ret->host_field, &ret->protocols};
	static const int places[] = {0, 3, 4, 5};
	int64_t port;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
		if (op_arg_string(c, places[i], strings[i], &len) < 0)
			return -1;
		if (strpbrk(*strings[i], "\r\n") || strlen(*strings[i]) != len)
			return op_throw(c, "TypeError", "wsConnect: a line break or NUL");
	}
	if (op_arg_i64(c, 1, &port) < 0 || op_arg_bool(c, 2, &ret->tls) < 0)
		return -1;
	ret->port = (unsigned)port & UINT16_MAX;
	return 0;
}

static int op_ws_connect(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct ws_target target;
	struct err err = ERR_INIT;
	struct ws_socket *s;

	if (arg_target(c, &target) < 0)
		return -1;
	if (!w || !loop_is_open(&w->loop))
		return op_throw(c, "Error", "no WebSocket can be connected before the worker runs");
	s = add(w, &err);
	if (!s)
		return op_throw(c, "RangeError", "%s", err.msg);
	if (ws_client_create(&w->ws->clients, &target, &client_handler, s, &s->client, &err) < 0)
		loop_defer(&w->loop, &s->failed);
	op_ret_f64(c, (double)s->number);
	return 0;
}

static int op_ws_send(struct op_call *c)
{
	enum ws_opcode opcode = WS_BINARY;
	const char *text;
	uint8_t *bytes;
	struct ws_socket *s;
	uint64_t number;
	size_t len;

	if (arg_number(c, &number) < 0)
		return -1;
	if (op_arg_kind(c, 1) == ENGINE_KIND_PRIMITIVE) {
		if (op_arg_string(c, 1, &text, &len) < 0)
			return -1;
		opcode = WS_TEXT;
		bytes = (uint8_t *)text;
	} else if (op_arg_bytes(c, 1, &bytes, &len) < 0) {
		return -1;
	}
	s = find(op_data(c), number);
	if (s && s->conn) {
		s->buffered += len;
		ws_conn_send(s->conn, opcode, bytes, len);
	}
	return 0;
}

static int op_ws_buffered(struct op_call *c)
{
	struct ws_socket *s;
	uint64_t number;

	if (arg_number(c, &number) < 0)
		return -1;
	s = find(op_data(c), number);
	op_ret_f64(c, s ? (double)s->buffered : 0);
	return 0;
}

static int op_ws_close(struct op_call *c)
{
	struct ws_socket *s;
	const char *reason;
	uint64_t number;
	int64_t status;
	size_t len;

	if (arg_number(c, &number) < 0 || op_arg_i64(c, 1, &status) < 0 ||
		op_arg_string(c, 2, &reason, &len) < 0)
		return -1;
	s = find(op_data(c), number);
	if (s && s->conn)
		ws_conn_close(s->conn, (unsigned)status, reason, len);
	else if (s)
		loop_defer(&s->worker->loop, &s->failed);
	return 0;
}

static int op_ws_read(struct op_call *c)
{
	struct ws_socket *s;
	uint64_t number;
	bool wanted;

	if (arg_number(c, &number) < 0 || op_arg_bool(c, 1, &wanted) < 0)
		return -1;
	s = find(op_data(c), number);
	if (s && s->conn)
		ws_conn_read(s->conn, wanted);
	return 0;
}

static int op_ws_status_is_valid(struct op_call *c)
{
	int64_t status;

	if (op_arg_i64(c, 0, &status) < 0)
		return -1;
	op_ret_bool(c, status > 0 && status <= UINT16_MAX && ws_status_is_valid((unsigned)status));
	return 0;
}

const struct engine_op ops_ws[] = {
	{"wsUpgrade", op_ws_upgrade},
	{"wsConnect", op_ws_connect},
	{"wsSend", op_ws_send},
	{"wsBuffered", op_ws_buffered},
	{"wsClose", op_ws_close},
	{"wsRead", op_ws_read},
	{"wsStatusIsValid", op_ws_status_is_valid},
	{NULL, NULL},
};
