/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the HTTP server and JavaScript: the server's handler calls functions of
 * `internals`, and ops call the server. The contract is in aworker/http/http.h.
 */
#include <errno.h>

#include "aworker/http/http.h"
#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

struct http_bridge {
	struct engine_value *request;
	struct engine_value *body;
	struct engine_value *writable;
	struct engine_value *half_closed;
	struct engine_value *abort;
	struct buf headers; /* scratch */
};

int http_bridge_create(struct worker *w, struct err *err)
{
	struct http_bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return err_oom(err);
	b->request = engine_internal_function(w->engine, "httpRequest");
	b->body = engine_internal_function(w->engine, "httpBody");
	b->writable = engine_internal_function(w->engine, "httpWritable");
	b->half_closed = engine_internal_function(w->engine, "httpHalfClosed");
	b->abort = engine_internal_function(w->engine, "httpAbort");
	w->bridge = b;
	return 0;
}

void http_bridge_destroy(struct worker *w)
{
	struct http_bridge *b = w->bridge;

	if (!b)
		return;
	engine_release(w->engine, b->request);
	engine_release(w->engine, b->body);
	engine_release(w->engine, b->writable);
	engine_release(w->engine, b->half_closed);
	engine_release(w->engine, b->abort);
	buf_finish(&b->headers);
	free(b);
	w->bridge = NULL;
}

/* --- from the server --- */

/* One string costs less than an array of many, and most handlers look at none of them. */
static const struct buf *join_headers(struct http_bridge *b, const struct http_request *r)
{
	struct buf *out = &b->headers;

	if (buf_failed(out))
		buf_finish(out);
	out->len = 0;
	for (size_t i = 0; i < r->n_strings; i++) {
		buf_put(out, r->strings[i], r->lens[i]);
		buf_put(out, "", 1);
	}
	return out;
}

static void on_request(void *data, uint64_t id, const struct http_request *r)
{
	struct worker *w = data;
	const struct buf *headers = join_headers(w->bridge, r);
	const struct engine_arg args[] = {
		{.type = ENGINE_ARG_NUMBER, .number = (double)id},
		{.type = ENGINE_ARG_LATIN1, .text = r->method, .len = r->method_len},
		{.type = ENGINE_ARG_LATIN1, .text = r->url, .len = r->url_len},
		{.type = ENGINE_ARG_NUMBER, .number = (double)r->origin_len},
		{.type = ENGINE_ARG_LATIN1, .text = headers->data, .len = headers->len},
		{.type = ENGINE_ARG_BOOL, .number = r->has_body},
	};

	if (buf_failed(headers) || !w->bridge->request ||
		engine_call_args(w->engine, w->bridge->request, ARRAY_SIZE(args), args) < 0)
		http_reset(w->http, id);
}

static void on_abort(void *data, uint64_t id, const char *reason)
{
	struct worker *w = data;
	struct engine_value *argv[] = {
		engine_number(w->engine, (double)id),
		engine_string(w->engine, reason, strlen(reason)),
	};

	worker_call(w, w->bridge->abort, ARRAY_SIZE(argv), argv);
}

static struct engine_value *piece_value(struct engine *e, const struct http_piece *piece)
{
	if (piece->given)
		return engine_bytes_given(e, piece->bytes, piece->len);
	return piece->len > 0 ? engine_bytes(e, piece->bytes, piece->len) : engine_undefined(e);
}

static void on_body(void *data, uint64_t id, const struct http_piece *piece)
{
	struct worker *w = data;
	struct engine_value *argv[] = {
		engine_number(w->engine, (double)id),
		piece_value(w->engine, piece),
	};

	if (worker_call(w, w->bridge->body, ARRAY_SIZE(argv), argv) == 0)
		return;
	/* Who waits for the piece would keep all those before it for ever. */
	http_reset(w->http, id);
	on_abort(data, id, "no memory is left for the body");
}

static void on_writable(void *data, uint64_t id)
{
	struct worker *w = data;

	worker_call_number(w, w->bridge->writable, (double)id);
}

static void on_half_closed(void *data, uint64_t id)
{
	struct worker *w = data;

	worker_call_number(w, w->bridge->half_closed, (double)id);
}

const struct http_handler http_bridge_handler = {
	.request = on_request,
	.body = on_body,
	.writable = on_writable,
	.half_closed = on_half_closed,
	.abort = on_abort,
};

/* --- to the server --- */

static struct http_server *server_of(struct op_call *c)
{
	struct worker *w = op_data(c);

	return w ? w->http : NULL;
}

static int arg_id(struct op_call *c, uint64_t *ret)
{
	int64_t id;

	if (op_arg_i64(c, 0, &id) < 0)
		return -1;
	*ret = id > 0 ? (uint64_t)id : 0;
	return 0;
}

/* What http_response borrows. */
struct content_type {
	const char *strings[2];
	size_t lens[2];
};

/* The only header, by its value. */
static int arg_content_type(
	struct op_call *c, int i, struct content_type *type, struct http_response *ret)
{
	static const char name[] = "content-type";

	type->strings[0] = name;
	type->lens[0] = sizeof(name) - 1;
	ret->strings = type->strings;
	ret->lens = type->lens;
	ret->n_strings = ARRAY_SIZE(type->strings);
	return op_arg_latin1(c, i, &type->strings[1], &type->lens[1]);
}

/* (id, status, statusText, headers, ...) */
static int arg_response(
	struct op_call *c, uint64_t *ret_id, struct content_type *type, struct http_response *ret)
{
	int64_t status;

	if (arg_id(c, ret_id) < 0 || op_arg_i64(c, 1, &status) < 0 ||
		op_arg_latin1(c, 2, &ret->reason, &ret->reason_len) < 0)
		return -1;
	if (op_arg_is_string(c, 3)
			? arg_content_type(c, 3, type, ret) < 0
			: op_arg_latin1_array(c, 3, &ret->strings, &ret->lens, &ret->n_strings) < 0)
		return -1;
	ret->status = status > 0 && status < 1000 ? (int)status : 0;
	return 0;
}

static int throw_response(struct op_call *c, const struct err *err)
{
	return op_throw(c, err->code == ERANGE || err->code == ENOMEM ? "RangeError" : "TypeError",
		"%s", err->msg);
}

static int op_http_read(struct op_call *c)
{
	struct http_piece piece;
	uint64_t id;

	if (arg_id(c, &id) < 0)
		return -1;
	switch (http_read(server_of(c), id, &piece)) {
	case HTTP_READ_PIECE:
		if (piece.given)
			op_ret_bytes_given(c, piece.bytes, piece.len);
		else
			op_ret_bytes(c, piece.bytes, piece.len);
		break;
	case HTTP_READ_END: op_ret_bool(c, true); break;
	case HTTP_READ_WAIT: break;
	}
	return 0;
}

static int op_http_respond(struct op_call *c)
{
	struct err err = ERR_INIT;
	struct content_type type;
	struct http_response r;
	uint8_t *body = NULL;
	bool is_last;
	size_t len = 0;
	uint64_t id;

	if (arg_response(c, &id, &type, &r) < 0 || op_arg_bool(c, 5, &is_last) < 0)
		return -1;
	if (!op_arg_is_nullish(c, 4) && op_arg_bytes(c, 4, &body, &len) < 0)
		return -1;
	if (http_respond(server_of(c), id, &r, body, len, &err) < 0)
		return throw_response(c, &err);
	/* So that the next one gets the same memory, which is in the processor's cache. */
	if (body && is_last)
		op_arg_drop_bytes(c, 4);
	return 0;
}

/* (..., id of a file that is fetched) */
static int op_http_respond_file(struct op_call *c)
{
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;
	struct content_type type;
	struct http_response r;
	uint64_t id, size;
	int64_t file;

	if (arg_response(c, &id, &type, &r) < 0 || op_arg_i64(c, 4, &file) < 0)
		return -1;
	fd = fetch_bridge_take_file(op_data(c), (uint64_t)file, &size);
	if (fd < 0)
		return op_throw(c, "TypeError", "the file is not open any more");
	if (http_respond_file(server_of(c), id, &r, fd, size, &err) < 0)
		return throw_response(c, &err);
	return 0;
}

static int op_http_respond_text(struct op_call *c)
{
	struct err err = ERR_INIT;
	struct content_type type;
	struct http_response r;
	const char *text;
	size_t len;
	uint64_t id;

	if (arg_response(c, &id, &type, &r) < 0 || op_arg_string(c, 4, &text, &len) < 0)
		return -1;
	if (http_respond(server_of(c), id, &r, text, len, &err) < 0)
		return throw_response(c, &err);
	return 0;
}

static int op_http_respond_stream(struct op_call *c)
{
	struct err err = ERR_INIT;
	struct content_type type;
	struct http_response r;
	bool wanted;
	uint64_t id;

	if (arg_response(c, &id, &type, &r) < 0)
		return -1;
	if (http_respond_stream(server_of(c), id, &r, &wanted, &err) < 0)
		return throw_response(c, &err);
	op_ret_bool(c, wanted);
	return 0;
}

static int op_http_write(struct op_call *c)
{
	uint8_t *bytes;
	uint64_t id;
	size_t len;
	ssize_t n;

	if (arg_id(c, &id) < 0 || op_arg_bytes(c, 1, &bytes, &len) < 0)
		return -1;
	n = http_write(server_of(c), id, bytes, len);
	if (n == -EMSGSIZE)
		return op_throw(c, "TypeError", "the body is longer than its Content-Length");
	op_ret_f64(c, (double)n);
	return 0;
}

static int op_http_end(struct op_call *c)
{
	uint64_t id;

	if (arg_id(c, &id) < 0)
		return -1;
	http_end(server_of(c), id);
	return 0;
}

static int op_http_reset(struct op_call *c)
{
	uint64_t id;

	if (arg_id(c, &id) < 0)
		return -1;
	http_reset(server_of(c), id);
	return 0;
}

const struct engine_op ops_http[] = {
	{"httpRead", op_http_read},
	{"httpRespond", op_http_respond},
	{"httpRespondFile", op_http_respond_file},
	{"httpRespondText", op_http_respond_text},
	{"httpRespondStream", op_http_respond_stream},
	{"httpWrite", op_http_write},
	{"httpEnd", op_http_end},
	{"httpReset", op_http_reset},
	{NULL, NULL},
};
