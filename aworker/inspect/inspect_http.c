/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a debugger finds the worker: the addresses under /json that Chrome and editors
 * ask, and the WebSocket.
 *
 * A page of the web can make a browser on this machine send requests here. It cannot choose
 * their Host but by a name of its own that resolves to us, which is refused, and its
 * Origin tells on it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "aworker/http/http_priv.h"
#include "aworker/inspect/inspect_priv.h"
#include "aworker/module/module_path.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

#define HOST_MAX 256

static bool field(const struct http_request *r, const char *name, const char **ret, size_t *ret_len)
{
	for (size_t i = 0; i + 1 < r->n_strings; i += 2) {
		if (!http_name_is(r->strings[i], r->lens[i], name))
			continue;
		*ret = r->strings[i + 1];
		*ret_len = r->lens[i + 1];
		return true;
	}
	return false;
}

/* An IP address or "localhost", with or without a port: no name that somebody else could give us. */
static bool host_is_safe(const char *host, size_t len)
{
	unsigned char address[sizeof(struct in6_addr)];
	char name[HOST_MAX];
	char *end;

	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (*name == '[') {
		end = strchr(name, ']');
		if (!end || (end[1] != '\0' && end[1] != ':'))
			return false;
		*end = '\0';
		return inet_pton(AF_INET6, name + 1, address) == 1;
	}
	end = strchr(name, ':');
	if (end)
		*end = '\0';
	return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, address) == 1;
}

static bool is_allowed(const struct http_request *r)
{
	const char *value;
	size_t len;

	if (!field(r, "host", &value, &len) || !host_is_safe(value, len))
		return false;
	return !field(r, "origin", &value, &len) ||
	       (len >= 11 && strncasecmp(value, "devtools://", 11) == 0);
}

static void respond(
	struct inspect *in, uint64_t id, int status, const char *type, const char *text, size_t len)
{
	const char *strings[] = {"Content-Type", type, "Cache-Control", "no-cache"};
	const size_t lens[] = {12, strlen(type), 13, 8};
	const struct http_response r = {.status = status,
		.reason = "",
		.strings = strings,
		.lens = lens,
		.n_strings = ARRAY_SIZE(strings)};
	struct err err = ERR_INIT;

	if (http_respond(in->http, id, &r, text, len, &err) < 0)
		http_reset(in->http, id);
}

static void refuse(struct inspect *in, uint64_t id, int status, const char *text)
{
	respond(in, id, status, "text/plain", text, strlen(text));
}

static void respond_json(struct inspect *in, uint64_t id, struct buf *text)
{
	buf_puts(text, "\n");
	if (buf_failed(text))
		http_reset(in->http, id);
	else
		respond(in, id, 200, "application/json; charset=UTF-8", text->data, text->len);
	buf_finish(text);
}

static void write_pair(struct json_writer *j, const char *key, const char *value)
{
	json_write_key(j, key);
	json_write_str(j, value);
}

static void respond_version(struct inspect *in, uint64_t id)
{
	struct buf text = BUF_INIT;
	struct json_writer j;

	json_writer_init(&j, &text, true);
	json_write_object_begin(&j);
	write_pair(&j, "Browser", "aworker/" TURF_VERSION);
	write_pair(&j, "Protocol-Version", "1.3");
	write_pair(&j, "V8-Version", engine_version());
	json_write_object_end(&j);
	respond_json(in, id, &text);
}

static void respond_list(struct inspect *in, uint64_t id, const char *host, size_t host_len)
{
	struct worker *w = in->worker;
	_cleanup_free_ char *url = w->options.file ? module_path_url(w->name) : NULL;
	struct buf text = BUF_INIT;
	struct json_writer j;
	char address[HOST_MAX + INSPECT_ID_SIZE], link[HOST_MAX + 128];

	snprintf(address, sizeof(address), "%.*s/%s", (int)host_len, host, in->id);
	snprintf(link, sizeof(link), "devtools://devtools/bundled/js_app.html?v8only=true&ws=%s",
		address);
	json_writer_init(&j, &text, true);
	json_write_array_begin(&j);
	json_write_object_begin(&j);
	write_pair(&j, "description", "a worker of aworker");
	write_pair(&j, "devtoolsFrontendUrl", link);
	write_pair(&j, "id", in->id);
	write_pair(&j, "title", w->name);
	/* What Chrome lists without a window, and editors look for. */
	write_pair(&j, "type", "node");
	write_pair(&j, "url", url ? url : w->name);
	snprintf(link, sizeof(link), "ws://%s", address);
	write_pair(&j, "webSocketDebuggerUrl", link);
	json_write_object_end(&j);
	json_write_array_end(&j);
	respond_json(in, id, &text);
}

static void upgrade(struct inspect *in, uint64_t id)
{
	static const struct http_response none = {.reason = ""};
	struct buf rest = BUF_INIT;
	struct err err = ERR_INIT;
	int fd, r;

	if (in->n_sessions >= INSPECT_SESSIONS_MAX) {
		refuse(in, id, 503, "Too many debuggers are connected\n");
		return;
	}
	r = http_upgrade(in->http, id, &none, &rest, &fd, &err);
	if (r == 0)
		r = inspect_session_open(in, fd, &rest, &err);
	else if (r == -EINVAL)
		refuse(in, id, 400, "A WebSocket is wanted here\n");
	if (r < 0 && r != -EINVAL)
		worker_say("debugger: %s", err.msg);
	buf_finish(&rest);
}

/* "/json/list" of "http://host/json/list?x". */
static size_t path_of(const struct http_request *r, const char **ret)
{
	const char *end = r->url + r->url_len;
	const char *path = memchr(r->url + 7, '/', r->url_len - 7);
	const char *query;

	if (!path) {
		*ret = "/";
		return 1;
	}
	query = memchr(path, '?', (size_t)(end - path));
	*ret = path;
	return (size_t)((query ? query : end) - path);
}

static bool path_is(const char *path, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(path, wanted, len) == 0;
}

static void on_request(void *data, uint64_t id, const struct http_request *r)
{
	struct inspect *in = data;
	const char *path, *host = "";
	size_t len = path_of(r, &path), host_len = 0;

	if (!is_allowed(r)) {
		refuse(in, id, 403, "Only by IP address or localhost, and from no web page\n");
		return;
	}
	(void)field(r, "host", &host, &host_len);
	if (!path_is(r->method, r->method_len, "GET"))
		refuse(in, id, 405, "Only GET\n");
	else if (path_is(path, len, "/json") || path_is(path, len, "/json/list"))
		respond_list(in, id, host, host_len);
	else if (path_is(path, len, "/json/version"))
		respond_version(in, id);
	else if (path[0] == '/' && path_is(path + 1, len - 1, in->id))
		upgrade(in, id);
	else
		refuse(in, id, 404, "Try /json\n");
}

/* Nothing here asks for one. */
static void on_body(void *data UNUSED, uint64_t id UNUSED, const struct http_piece *piece UNUSED)
{
}

static void on_event(void *data UNUSED, uint64_t id UNUSED)
{
}

static void on_abort(void *data UNUSED, uint64_t id UNUSED, const char *reason UNUSED)
{
}

const struct http_handler inspect_http_handler = {
	.request = on_request,
	.body = on_body,
	.writable = on_event,
	.half_closed = on_event,
	.abort = on_abort,
};
