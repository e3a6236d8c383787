/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API: HTTP with JSON over RUN/admin.sock, for root and the user that the daemon runs as. What can be
 * asked is the table below; noslated(8) explains it. Mistakes are {"errors": [SENTENCE, ...]}.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

#define CLIENTS_MAX	64
#define CLIENT_LIMIT_MS 10000

struct admin {
	struct control *control;
	struct web_server *server;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static const struct route {
	enum web_method method;
	const char *path; /* ":" is any part */
	void (*answer)(const struct admin_call *call);
	const char *query; /* the keys that it may have */
} routes[] = {
	{WEB_GET, "/healthz", admin_get_health, ""},
	{WEB_GET, "/readyz", admin_get_ready, ""},
	{WEB_GET, "/metrics", admin_get_metrics, ""},
	{WEB_GET, "/v1/version", admin_get_version, ""},
	{WEB_GET, "/v1/node", admin_get_node, ""},
	{WEB_PUT, "/v1/node/drained", admin_put_node_drained, ""},
	{WEB_GET, "/v1/functions", admin_get_functions, ""},
	{WEB_PUT, "/v1/functions", admin_put_functions, ""},
	{WEB_GET, "/v1/functions/:", admin_get_function, ""},
	{WEB_PUT, "/v1/functions/:/replicas", admin_put_replicas, ""},
	{WEB_PUT, "/v1/functions/:/drained", admin_put_drained, ""},
	{WEB_GET, "/v1/functions/:/log", admin_get_log, "lines follow"},
	{WEB_GET, "/v1/sets", admin_get_sets, ""},
	{WEB_GET, "/v1/sets/:", admin_get_set, ""},
	{WEB_POST, "/v1/sets/:/rollback", admin_post_rollback, ""},
	{WEB_GET, "/v1/status", admin_get_status, "after limit"},
	{WEB_GET, "/v1/workers", admin_get_workers, "function"},
	{WEB_GET, "/v1/events", admin_get_events, "since follow function"},
};

const struct profile_function *admin_function(const struct admin_call *call)
{
	const char *name = call->parts.text[0];
	const struct profile_function *f = profile_set_find(&call->control->set, name);
	struct err err;

	if (f)
		return f;
	err_say(&err, ENOENT, "there is no function '%s'", name);
	web_fail(call->client, 404, err.msg);
	return NULL;
}

static int status_of(const struct err *err)
{
	switch (err->code) {
	case ENOSPC:
	case EDQUOT: return 507;
	case EALREADY: return 409;
	case ECANCELED:
	case ENOMEM: return 503;
	case EIO:
	case EROFS: return 500;
	default: return 400;
	}
}

void admin_refuse(const struct admin_call *call, const struct buf *errors, const struct err *err)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	const char *line = errors->len > 0 ? errors->data : err->msg;
	struct json_writer w;

	json_writer_init(&w, &json, true);
	json_write_object_begin(&w);
	json_write_key(&w, "errors");
	json_write_array_begin(&w);
	for (size_t n; *line; line += n + 1) {
		_cleanup_free_ char *text = NULL;

		n = strcspn(line, "\n");
		text = strndup(line, n);
		json_write_str(&w, text ? text : "there is no memory left");
		if (!line[n])
			break;
	}
	json_write_array_end(&w);
	json_write_object_end(&w);
	web_answer_json(call->client, status_of(err), &json);
}

static void answer(const struct route *r, const struct admin_call *call)
{
	struct err err = ERR_INIT;

	if (web_query_check(call->request->query, r->query, &err) < 0)
		web_fail(call->client, 400, err.msg);
	else
		r->answer(call);
}

static void on_request(void *arg, struct web_client *c, const struct web_request *r)
{
	const struct admin *a = arg;
	struct admin_call call = {.control = a->control, .client = c, .request = r};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!web_path_fits(r->target, routes[i].path, &call.parts))
			continue;
		known = true;
		if (routes[i].method != r->method)
			continue;
		answer(&routes[i], &call);
		return;
	}
	if (known)
		web_fail(c, 405, "there is no such method here");
	else
		web_fail(c, 404, "there is nothing at this path");
}

static bool may_ask(void *arg UNUSED, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

static int listen_at(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		chmod(path, 0600) < 0 || listen(fd, CLIENTS_MAX) < 0)
		return err_set(err, errno, "listen at '%s'", path);
	return take_fd(&fd);
}

struct admin *admin_open(struct control *c, struct err *err)
{
	_cleanup_free_ struct admin *a = calloc(1, sizeof(*a));
	struct web_options options = {.handle = on_request,
		.may_ask = may_ask,
		.arg = a,
		.clients_max = CLIENTS_MAX,
		.limit_ms = CLIENT_LIMIT_MS};
	int fd;

	if (!a) {
		err_oom(err);
		return NULL;
	}
	a->control = c;
	snprintf(a->path, sizeof(a->path), "%s/admin.sock", c->options->run);
	fd = listen_at(a->path, err);
	if (fd < 0 || web_server_open(&c->loop, fd, &options, &a->server, err) < 0)
		return NULL;
	return take_ptr(&a);
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	(void)unlink(a->path);
	web_server_close(a->server);
	free(a);
}
