/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/web/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* Connections of one turn of the loop. */
#define ACCEPT_MAX 16
/* No descriptors left: how long to let the backlog wait. */
#define ACCEPT_AGAIN_MS 100

struct web_server {
	struct web_options options;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t again;
	int fd;
	struct web_client *clients;
	unsigned n_clients, handles;
	bool closed;
};

struct web_client {
	struct web_server *server;
	struct web_client *next, **prev;
	uv_pipe_t pipe; /* libuv's for any stream */
	uv_timer_t limit;
	uv_write_t write;
	unsigned handles;
	struct web_parser *parser;
	struct buf rest; /* what came behind the request that is being answered */
	struct buf out;	 /* being written */
	const struct web_source *source;
	void *source_arg;
	void (*later_gone)(void *arg); /* NULL: nothing is to come later */
	void *later_arg;
	bool busy; /* a request is being answered */
	bool last; /* the connection ends with it */
	bool eof;  /* it says no more */
	bool writing, dropped;
};

/* --- the end of it --- */

static void server_unref(struct web_server *s)
{
	if (--s->handles == 0)
		free(s);
}

static void on_client_closed(uv_handle_t *h)
{
	struct web_client *c = h->data;
	struct web_server *s = c->server;

	if (--c->handles > 0)
		return;
	web_parser_destroy(c->parser);
	buf_finish(&c->rest);
	buf_finish(&c->out);
	free(c);
	server_unref(s);
}

static void end_source(struct web_client *c)
{
	const struct web_source *source = c->source;

	c->source = NULL;
	if (source)
		source->gone(c->source_arg);
}

static void end_waiting(struct web_client *c)
{
	void (*gone)(void *arg) = c->later_gone;

	c->later_gone = NULL;
	if (gone)
		gone(c->later_arg);
}

static void on_listener(uv_poll_t *poll, int status, int events);

static void drop(struct web_client *c)
{
	struct web_server *s = c->server;

	if (c->dropped)
		return;
	c->dropped = true;
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_clients--;
	end_source(c);
	end_waiting(c);
	uv_close((uv_handle_t *)&c->pipe, on_client_closed);
	uv_close((uv_handle_t *)&c->limit, on_client_closed);
	if (!s->closed)
		uv_poll_start(&s->poll, UV_READABLE, on_listener);
}

static void on_limit(uv_timer_t *t)
{
	drop(t->data);
}

static void start_limit(struct web_client *c)
{
	uv_timer_start(&c->limit, on_limit, c->server->options.limit_ms, 0);
}

/* --- writing --- */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{417, "Expectation Failed"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	BUG("a status without a reason");
	return "";
}

static void answered(struct web_client *c);
static void pull(struct web_client *c);

static void on_written(uv_write_t *req, int status)
{
	struct web_client *c = req->data;

	c->writing = false;
	if (c->dropped)
		return;
	if (status < 0)
		drop(c);
	else if (c->source)
		pull(c);
	else
		answered(c);
}

static void write_out(struct web_client *c)
{
	uv_buf_t buf = uv_buf_init(c->out.data, (unsigned)c->out.len);

	if (buf_failed(&c->out)) {
		drop(c);
		return;
	}
	c->write.data = c;
	c->writing = true;
	start_limit(c);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) == 0)
		return;
	c->writing = false;
	drop(c);
}

static void put_head(struct web_client *c, int status, const char *type)
{
	const struct web_options *o = &c->server->options;

	c->later_gone = NULL;
	c->out.len = 0;
	buf_printf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\n%s",
		status, reason_of(status), type, o->headers ? o->headers : "");
	if (c->last)
		buf_puts(&c->out, "Connection: close\r\n");
}

void web_later(struct web_client *c, void (*gone)(void *arg), void *arg)
{
	uv_timer_stop(&c->limit);
	c->later_gone = gone;
	c->later_arg = arg;
}

void web_answer(struct web_client *c, int status, const char *type, const void *text, size_t len)
{
	if (c->dropped)
		return;
	put_head(c, status, type);
	buf_printf(&c->out, "Content-Length: %zu\r\n\r\n", len);
	buf_put(&c->out, text, len);
	write_out(c);
}

void web_answer_json(struct web_client *c, int status, const struct buf *json)
{
	if (buf_failed(json))
		web_fail(c, 503, "there is no memory left");
	else
		web_answer(c, status, WEB_JSON, json->data, json->len);
}

void web_fail(struct web_client *c, int status, const char *why)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &json, true);
	json_write_object_begin(&w);
	json_write_key(&w, "errors");
	json_write_array_begin(&w);
	json_write_str(&w, why);
	json_write_array_end(&w);
	json_write_object_end(&w);
	if (buf_failed(&json))
		drop(c);
	else
		web_answer(c, status, WEB_JSON, json.data, json.len);
}

/* --- streams --- */

/* With a head: what is in `out` already goes out before the piece. */
static void pull_behind(struct web_client *c, bool head)
{
	_cleanup_buf_ struct buf piece = BUF_INIT;
	const enum web_stream r = c->source->pull(c->source_arg, &piece);

	if (buf_failed(&piece)) {
		drop(c);
		return;
	}
	if (!head)
		c->out.len = 0;
	if (piece.len > 0) {
		buf_printf(&c->out, "%zx\r\n", piece.len);
		buf_put(&c->out, piece.data, piece.len);
		buf_puts(&c->out, "\r\n");
	}
	if (r == WEB_STREAM_END) {
		buf_puts(&c->out, "0\r\n\r\n");
		end_source(c);
	}
	if (c->out.len > 0)
		write_out(c);
	else
		uv_timer_stop(&c->limit);
}

static void pull(struct web_client *c)
{
	pull_behind(c, false);
}

void web_stream(struct web_client *c, const char *type, const struct web_source *source, void *arg)
{
	c->source = source;
	c->source_arg = arg;
	put_head(c, 200, type);
	buf_puts(&c->out, "Transfer-Encoding: chunked\r\n\r\n");
	pull_behind(c, true);
}

void web_stream_wake(struct web_client *c)
{
	if (!c->dropped && c->source && !c->writing)
		pull(c);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[WEB_PIECE];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static const char *sentence_of(int status)
{
	switch (status) {
	case 413: return "the body of the request is too large";
	case 414: return "the target of the request is too long";
	case 417: return "the request expects what is not known here";
	case 431: return "the head of the request is too large";
	case 503: return "there is no memory left";
	default: return "this is no request of HTTP/1.1";
	}
}

static void handle(struct web_client *c)
{
	const struct web_request *r = web_parser_request(c->parser);

	c->busy = true;
	c->last = !r->keep_alive;
	start_limit(c);
	c->server->options.handle(c->server->options.arg, c, r);
}

static void refuse(struct web_client *c)
{
	const int status = web_parser_status(c->parser);

	c->busy = c->last = true;
	web_fail(c, status, sentence_of(status));
}

static void ask_for_body(struct web_client *c)
{
	static char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
	uv_buf_t buf = uv_buf_init(line, sizeof(line) - 1);

	if (uv_try_write((uv_stream_t *)&c->pipe, &buf, 1) != (int)sizeof(line) - 1)
		drop(c);
}

/* Up to the end of one request, which is answered then; what is behind it is kept. */
static void take(struct web_client *c, const char *data, size_t len)
{
	const bool amid = web_parser_is_amid(c->parser);
	enum web_parsed r = WEB_MORE;

	while (len > 0 && r != WEB_WHOLE && r != WEB_BAD && !c->dropped) {
		size_t used;

		r = web_parser_feed(c->parser, data, len, &used);
		data += used;
		len -= used;
		if (r == WEB_CONTINUE)
			ask_for_body(c);
	}
	if (c->dropped)
		return;
	if (!amid && web_parser_is_amid(c->parser))
		start_limit(c);
	if (r == WEB_BAD) {
		refuse(c);
	} else if (r == WEB_WHOLE) {
		buf_put(&c->rest, data, len);
		if (buf_failed(&c->rest))
			drop(c);
		else
			handle(c);
	}
}

/* What comes while an answer is on its way waits, at most one piece of it. */
static void keep(struct web_client *c, const char *data, size_t len)
{
	if (c->last)
		return;
	buf_put(&c->rest, data, len);
	if (c->source || buf_failed(&c->rest))
		drop(c);
	else
		uv_read_stop((uv_stream_t *)&c->pipe);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct web_client *c = stream->data;

	if (n == UV_EOF && c->busy && !c->source && c->writing)
		c->last = c->eof = true;
	else if (n < 0)
		drop(c);
	else if (c->busy)
		keep(c, buf->base, (size_t)n);
	else
		take(c, buf->base, (size_t)n);
}

/* Half closed, so that it can read the answer in peace, whatever it still sends. */
static void linger(struct web_client *c)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->pipe, &fd) < 0 || shutdown(fd, SHUT_WR) < 0)
		drop(c);
}

static struct buf take_rest(struct web_client *c)
{
	const struct buf rest = c->rest;

	c->rest = (struct buf)BUF_INIT;
	return rest;
}

static void answered(struct web_client *c)
{
	_cleanup_buf_ struct buf rest = take_rest(c);

	start_limit(c);
	if (c->eof) {
		drop(c);
		return;
	}
	if (c->last) {
		linger(c);
		return;
	}
	c->busy = false;
	web_parser_next(c->parser);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
	if (rest.len > 0)
		take(c, rest.data, rest.len);
}

/* --- connections --- */

static struct web_client *client_new(struct web_server *s)
{
	struct web_client *c = calloc(1, sizeof(*c));

	if (!c || !(c->parser = web_parser_create())) {
		free(c);
		return NULL;
	}
	c->server = s;
	c->pipe.data = c->limit.data = c;
	c->handles = 2;
	uv_pipe_init(s->loop, &c->pipe, 0);
	uv_timer_init(s->loop, &c->limit);
	c->next = s->clients;
	c->prev = &s->clients;
	if (c->next)
		c->next->prev = &c->next;
	s->clients = c;
	s->n_clients++;
	s->handles++;
	return c;
}

static void client_begin(struct web_server *s, int fd)
{
	const struct web_options *o = &s->options;
	struct web_client *c = !o->may_ask || o->may_ask(o->arg, fd) ? client_new(s) : NULL;

	if (!c) {
		close(fd);
		return;
	}
	if (uv_pipe_open(&c->pipe, fd) < 0) {
		close(fd);
		drop(c);
		return;
	}
	start_limit(c);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

static void on_again(uv_timer_t *t)
{
	struct web_server *s = t->data;

	uv_poll_start(&s->poll, UV_READABLE, on_listener);
}

static void on_listener(uv_poll_t *poll, int status UNUSED, int events UNUSED)
{
	struct web_server *s = poll->data;

	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd;

		if (s->n_clients >= s->options.clients_max) {
			uv_poll_stop(&s->poll);
			return;
		}
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			client_begin(s, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			uv_poll_stop(&s->poll);
			uv_timer_start(&s->again, on_again, ACCEPT_AGAIN_MS, 0);
			return;
		}
	}
}

int web_server_open(uv_loop_t *loop, int fd, const struct web_options *options,
	struct web_server **ret, struct err *err)
{
	struct web_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(fd);
		return err_oom(err);
	}
	s->options = *options;
	s->loop = loop;
	s->fd = fd;
	s->poll.data = s->again.data = s;
	r = uv_poll_init(loop, &s->poll, fd);
	if (r < 0) {
		close(fd);
		free(s);
		return err_set(err, -r, "watch a listening socket");
	}
	s->handles = 2;
	uv_timer_init(loop, &s->again);
	uv_poll_start(&s->poll, UV_READABLE, on_listener);
	*ret = s;
	return 0;
}

static void on_server_closed(uv_handle_t *h)
{
	server_unref(h->data);
}

void web_server_close(struct web_server *s)
{
	if (!s)
		return;
	s->closed = true;
	while (s->clients)
		drop(s->clients);
	uv_close((uv_handle_t *)&s->poll, on_server_closed);
	uv_close((uv_handle_t *)&s->again, on_server_closed);
	fd_close(&s->fd);
}
