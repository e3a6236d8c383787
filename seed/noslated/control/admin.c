/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API: HTTP with JSON over RUN/admin.sock, for root and the user that the daemon runs as. One
 * request a connection.
 *
 *   GET /healthz         {"status": "ok"}; 503 while there is no data plane
 *   GET /v1/version      {"version": ..., "set": how many sets were applied}
 *   GET /v1/functions    the set that is applied
 *   PUT /v1/functions    applies one: {"version": N}, or 400 {"errors": [...]}
 *   GET /v1/workers      [{"name", "function", "pid", "socket"}]
 */
#include <errno.h>
#include <llhttp/llhttp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"

#define BODY_MAX	(4u << 20)
#define TARGET_MAX	256
#define CLIENTS_MAX	64
#define CLIENT_LIMIT_MS 10000

struct admin {
	struct control *control;
	uv_pipe_t listener;
	unsigned clients;
};

struct client {
	struct admin *admin;
	uv_pipe_t pipe;
	uv_timer_t limit;
	uv_write_t write;
	unsigned handles;
	llhttp_t parser;
	char target[TARGET_MAX];
	size_t target_len;
	struct buf body, answer;
	bool answered;
};

/* --- answers --- */

static void on_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	if (--c->handles > 0)
		return;
	c->admin->clients--;
	buf_finish(&c->body);
	buf_finish(&c->answer);
	free(c);
}

static void drop(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->limit, on_closed);
}

static void on_written(uv_write_t *req, int status UNUSED)
{
	drop(req->data);
}

static void send_answer(struct client *c, int status, const char *reason, const struct buf *json)
{
	uv_buf_t out;

	c->answered = true;
	uv_read_stop((uv_stream_t *)&c->pipe);
	buf_printf(&c->answer,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		status, reason, json->len);
	buf_put(&c->answer, json->data, json->len);
	if (buf_failed(json) || buf_failed(&c->answer)) {
		drop(c);
		return;
	}
	c->write.data = c;
	out = uv_buf_init(c->answer.data, (unsigned)c->answer.len);
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &out, 1, on_written) < 0)
		drop(c);
}

static void send_error(struct client *c, int status, const char *reason, const char *why)
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
	send_answer(c, status, reason, &json);
}

/* --- requests --- */

static void get_health(struct client *c)
{
	const bool runs = data_plane_runs(c->admin->control);
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"status\": \"%s\"}\n", runs ? "ok" : "no data plane");
	send_answer(c, runs ? 200 : 503, runs ? "OK" : "Service Unavailable", &json);
}

static void get_version(struct client *c)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"version\": \"" TURF_VERSION "\", \"set\": %u}\n",
		c->admin->control->version);
	send_answer(c, 200, "OK", &json);
}

static void get_functions(struct client *c)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	profile_set_write(&c->admin->control->set, &json);
	send_answer(c, 200, "OK", &json);
}

static void get_workers(struct client *c)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &json, true);
	json_write_array_begin(&w);
	for (struct worker *one = c->admin->control->workers.first; one; one = worker_next(one)) {
		json_write_object_begin(&w);
		json_write_member_str(&w, "name", worker_name(one));
		json_write_member_str(&w, "function", worker_function(one));
		json_write_member_i64(&w, "pid", worker_pid(one));
		json_write_member_str(&w, "socket", worker_socket(one));
		json_write_object_end(&w);
	}
	json_write_array_end(&w);
	send_answer(c, 200, "OK", &json);
}

static void write_errors(struct json_writer *w, char *lines)
{
	char *line;

	json_write_object_begin(w);
	json_write_key(w, "errors");
	json_write_array_begin(w);
	while ((line = strsep(&lines, "\n")) && lines)
		json_write_str(w, line);
	json_write_array_end(w);
	json_write_object_end(w);
}

static void put_functions(struct client *c)
{
	_cleanup_buf_ struct buf errors = BUF_INIT, json = BUF_INIT;
	struct err err = ERR_INIT;
	struct json_writer w;

	if (control_apply(c->admin->control, c->body.data ? c->body.data : "", c->body.len, &errors,
		    &err) == 0) {
		get_version(c);
		return;
	}
	buf_put(&errors, "", 1);
	json_writer_init(&w, &json, true);
	write_errors(&w, errors.data);
	send_answer(c, 400, "Bad Request", &json);
}

static const struct route {
	uint8_t method;
	const char *target;
	void (*answer)(struct client *c);
} routes[] = {
	{HTTP_GET, "/healthz", get_health},
	{HTTP_GET, "/v1/version", get_version},
	{HTTP_GET, "/v1/functions", get_functions},
	{HTTP_PUT, "/v1/functions", put_functions},
	{HTTP_GET, "/v1/workers", get_workers},
};

static int on_complete(llhttp_t *parser)
{
	struct client *c = parser->data;
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!streq(c->target, routes[i].target))
			continue;
		known = true;
		if (routes[i].method != llhttp_get_method(parser))
			continue;
		routes[i].answer(c);
		return HPE_PAUSED;
	}
	if (known)
		send_error(c, 405, "Method Not Allowed", "there is no such method here");
	else
		send_error(c, 404, "Not Found", "there is nothing at this path");
	return HPE_PAUSED;
}

static int on_target(llhttp_t *parser, const char *at, size_t len)
{
	struct client *c = parser->data;

	if (len >= sizeof(c->target) - c->target_len)
		return HPE_USER;
	memcpy(c->target + c->target_len, at, len);
	c->target_len += len;
	return HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
	struct client *c = parser->data;

	if (len > BODY_MAX - c->body.len)
		return HPE_USER;
	buf_put(&c->body, at, len);
	return buf_failed(&c->body) ? HPE_USER : HPE_OK;
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;

	llhttp_settings_init(&s);
	s.on_url = on_target;
	s.on_body = on_body;
	s.on_message_complete = on_complete;
	return &s;
}

/* --- connections --- */

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[65536];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (n < 0) {
		drop(c);
		return;
	}
	if (llhttp_execute(&c->parser, buf->base, (size_t)n) != HPE_OK && !c->answered)
		send_error(c, 400, "Bad Request", "this is no request, or a too large one");
}

static void on_limit(uv_timer_t *t)
{
	drop(t->data);
}

static struct client *client_new(struct admin *a)
{
	struct client *c = a->clients < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	a->clients++;
	c->admin = a;
	c->pipe.data = c->limit.data = c;
	c->handles = 2;
	uv_pipe_init(&a->control->loop, &c->pipe, 0);
	uv_timer_init(&a->control->loop, &c->limit);
	llhttp_init(&c->parser, HTTP_REQUEST, settings());
	c->parser.data = c;
	return c;
}

static bool may_ask(const uv_pipe_t *pipe)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void on_client(uv_stream_t *listener, int status)
{
	struct admin *a = listener->data;
	struct client *c = status < 0 ? NULL : client_new(a);

	if (!c)
		return;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) < 0 || !may_ask(&c->pipe)) {
		drop(c);
		return;
	}
	uv_timer_start(&c->limit, on_limit, CLIENT_LIMIT_MS, 0);
	uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read);
}

struct admin *admin_open(struct control *c, struct err *err)
{
	struct admin *a = calloc(1, sizeof(*a));
	char path[256];
	int r;

	if (!a) {
		err_oom(err);
		return NULL;
	}
	a->control = c;
	a->listener.data = a;
	snprintf(path, sizeof(path), "%s/admin.sock", c->options->run);
	(void)unlink(path);
	uv_pipe_init(&c->loop, &a->listener, 0);
	r = uv_pipe_bind(&a->listener, path);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&a->listener, CLIENTS_MAX, on_client);
	if (r < 0 || chmod(path, 0600) < 0) {
		err_set(err, r < 0 ? -r : errno, "listen at '%s'", path);
		free(a);
		return NULL;
	}
	return a;
}

static void on_listener_closed(uv_handle_t *h)
{
	free(h->data);
}

void admin_close(struct admin *a)
{
	char path[256];

	if (!a)
		return;
	snprintf(path, sizeof(path), "%s/admin.sock", a->control->options->run);
	(void)unlink(path);
	uv_close((uv_handle_t *)&a->listener, on_listener_closed);
}
