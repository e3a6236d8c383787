/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting a WebSocket. One thing is waited for at a time: a name, a connection, TLS, room for
 * the request, the response. Addresses are tried in turn.
 */
#include "aworker/ws/ws_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aworker/fetch/fetch_priv.h"
#include "aworker/http/http_priv.h"
#include "aworker/loop.h"
#include "aworker/ws/websocket.h"
#include "aworker/ws/ws_tls.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* What is read from a socket at a time. */
#define READ_MAX 4096

enum step { STEP_RESOLVE, STEP_CONNECT, STEP_TLS, STEP_SEND, STEP_RECEIVE, STEP_FAILED };

struct ws_client {
	struct ws_client_context *context;
	const struct ws_client_handler *handler;
	void *data;
	enum step step;
	struct loop_fd watcher;
	struct loop_timer timer;
	struct loop_deferred deferred; /* to tell of a failure */
	struct fetch_wait wait;
	struct err failure;
	char *host;
	unsigned port;
	char *addresses, *next_address;
	char *protocols;
	int fd;
	void *tls; /* NULL without */
	bool wants_tls;
	char key[WS_KEY_LEN + 1];
	struct buf request, response;
	size_t sent;
};

static void go_on(struct ws_client *c);

void ws_client_context_finish(struct ws_client_context *x)
{
	fetch_resolver_destroy(x->resolver);
	ws_tls_context_free(x->tls);
	x->resolver = NULL;
	x->tls = NULL;
}

/* --- the end --- */

static void drop_socket(struct ws_client *c)
{
	loop_fd_remove(c->context->loop, &c->watcher);
	ws_tls_free(c->tls);
	c->tls = NULL;
	fd_close(&c->fd);
}

void ws_client_destroy(struct ws_client *c)
{
	if (!c)
		return;
	drop_socket(c);
	fetch_resolve_cancel(&c->wait);
	loop_timer_stop(c->context->loop, &c->timer);
	loop_defer_cancel(c->context->loop, &c->deferred);
	buf_finish(&c->request);
	buf_finish(&c->response);
	free(c->host);
	free(c->addresses);
	free(c->protocols);
	free(c);
}

static void on_deferred(void *data)
{
	struct ws_client *c = data;
	const struct ws_client_handler *handler = c->handler;
	const struct err failure = c->failure;
	void *owner = c->data;

	ws_client_destroy(c);
	handler->failed(owner, &failure);
}

static void fail(struct ws_client *c, const struct err *err)
{
	if (c->step == STEP_FAILED)
		return;
	c->step = STEP_FAILED;
	c->failure = *err;
	drop_socket(c);
	loop_defer(c->context->loop, &c->deferred);
}

static void fail_say(struct ws_client *c, const char *text)
{
	struct err err = ERR_INIT;

	err_say(&err, EPROTO, "%s", text);
	fail(c, &err);
}

static void on_timer(void *data)
{
	fail_say(data, "the server did not answer in time");
}

/* --- name and connection --- */

/* The next of "192.0.2.1,[2001:db8::1]"; false: it was the last. */
static bool take_address(struct ws_client *c, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	char *text = strsep(&c->next_address, ",");

	memset(ret, 0, sizeof(*ret));
	if (!text)
		return false;
	if (*text == '[') {
		text[strcspn(text, "]")] = '\0';
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)c->port);
		*ret_len = sizeof(*v6);
		return inet_pton(AF_INET6, text + 1, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)c->port);
	*ret_len = sizeof(*v4);
	return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

static void on_event(void *data, uint32_t events UNUSED)
{
	go_on(data);
}

/* -errno when this address cannot be had. */
static int try_address(struct ws_client *c, const struct sockaddr_storage *a, socklen_t len)
{
	const int on = 1;
	int r;

	c->fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (const struct sockaddr *)a, len) < 0 && errno != EINPROGRESS) {
		r = -errno;
		fd_close(&c->fd);
		return r;
	}
	c->watcher = (struct loop_fd){.fn = on_event, .data = c, .background = true};
	r = loop_fd_add(c->context->loop, &c->watcher, c->fd, EPOLLOUT);
	if (r < 0)
		fd_close(&c->fd);
	return r;
}

static void connect_next(struct ws_client *c, int last)
{
	struct sockaddr_storage address;
	struct err err = ERR_INIT;
	socklen_t len;

	c->step = STEP_CONNECT;
	while (take_address(c, &address, &len)) {
		last = try_address(c, &address, len);
		if (last == 0)
			return;
	}
	err_set(&err, -last, "could not connect to '%s' port %u", c->host, c->port);
	fail(c, &err);
}

static void on_resolved(void *data, const char *addresses, const struct err *err)
{
	struct ws_client *c = data;

	if (!addresses) {
		fail(c, err);
		return;
	}
	c->addresses = c->next_address = strdup(addresses);
	connect_next(c, -EADDRNOTAVAIL);
}

static int resolve(struct ws_client *c, struct err *err)
{
	struct ws_client_context *x = c->context;
	unsigned char address[sizeof(struct in6_addr)];
	const char *known = NULL;

	if (*c->host == '[' || inet_pton(AF_INET, c->host, address) == 1)
		known = c->host;
	else if (strcasecmp(c->host, "localhost") == 0)
		known = "127.0.0.1,[::1]";
	if (known) {
		on_resolved(c, known, NULL);
		return 0;
	}
	if (!x->resolver) {
		x->resolver = fetch_resolver_create(x->loop, err);
		if (!x->resolver)
			return -err->code;
	}
	c->wait = (struct fetch_wait){.fn = on_resolved, .data = c};
	fetch_resolve(x->resolver, c->host, &c->wait);
	return 0;
}

static void connected(struct ws_client *c)
{
	struct ws_client_context *x = c->context;
	struct err err = ERR_INIT;
	socklen_t len = sizeof(int);
	int failure = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
		failure = errno;
	if (failure) {
		drop_socket(c);
		connect_next(c, -failure);
		return;
	}
	c->step = c->wants_tls ? STEP_TLS : STEP_SEND;
	if (c->wants_tls && ((!x->tls && ws_tls_context(x->env, &x->tls, &err) < 0) ||
				    ws_tls_create(x->tls, c->fd, c->host, &c->tls, &err) < 0))
		fail(c, &err);
	else
		go_on(c);
}

/* --- the handshakes --- */

static void watch(struct ws_client *c, uint32_t events)
{
	if (loop_fd_modify(c->context->loop, &c->watcher, events) < 0)
		fail_say(c, "out of memory");
}

static void shake_hands(struct ws_client *c)
{
	struct err err = ERR_INIT;
	int r = ws_tls_handshake(c->tls, &err);

	if (r < 0) {
		fail(c, &err);
	} else if (r > 0) {
		watch(c, (uint32_t)r);
	} else {
		c->step = STEP_SEND;
		go_on(c);
	}
}

static void send_request(struct ws_client *c)
{
	const char *data = c->request.data + c->sent;
	size_t len = c->request.len - c->sent;
	ssize_t n = c->tls ? ws_tls_write(c->tls, data, len)
			   : send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail_say(c, "the server closed the connection");
		return;
	}
	c->sent += n > 0 ? (size_t)n : 0;
	if (c->sent == c->request.len) {
		c->step = STEP_RECEIVE;
		watch(c, EPOLLIN);
	} else {
		watch(c, EPOLLOUT);
	}
}

/* Whether the server has chosen one of the protocols that were offered. */
static bool protocol_is_offered(const struct ws_client *c, const char *protocol, size_t len)
{
	for (const char *p = c->protocols; *p;) {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, protocol, n) == 0)
			return true;
		p += n;
		p += strspn(p, ", ");
	}
	return false;
}

/* NULL when the response accepts what was asked for. */
static const char *why_refused(const struct ws_client *c, const struct fetch_head *h)
{
	char accept[WS_ACCEPT_SIZE];
	const char *value;
	size_t len;

	if (h->status != 101)
		return "the server does not answer with status 101";
	value = fetch_head_find(h, "upgrade", &len);
	if (!value || !http_name_is(value, len, "websocket"))
		return "the server does not switch to WebSocket";
	value = fetch_head_find(h, "connection", &len);
	if (!value || !http_list_has(value, len, "upgrade"))
		return "the server does not switch the connection";
	ws_accept(c->key, accept);
	value = fetch_head_find(h, "sec-websocket-accept", &len);
	if (!value || len != strlen(accept) || memcmp(value, accept, len) != 0)
		return "the server does not prove that it speaks WebSocket";
	if (fetch_head_find(h, "sec-websocket-extensions", &len))
		return "the server wants an extension that was not offered";
	value = fetch_head_find(h, "sec-websocket-protocol", &len);
	if (value && !protocol_is_offered(c, value, len))
		return "the server has chosen a protocol that was not offered";
	if (!value && *c->protocols)
		return "the server has chosen none of the protocols";
	return NULL;
}

static void opened(struct ws_client *c, const struct fetch_head *h, size_t head_len)
{
	const struct buf rest = {
		.data = c->response.data + head_len, .len = c->response.len - head_len};
	void *tls = take_ptr(&c->tls);
	size_t len = 0;
	const char *protocol = fetch_head_find(h, "sec-websocket-protocol", &len);
	int fd;

	loop_fd_remove(c->context->loop, &c->watcher);
	fd = take_fd(&c->fd);
	c->handler->opened(c->data, fd, tls, protocol ? protocol : "", len, &rest);
	ws_client_destroy(c);
}

static void end_head(struct ws_client *c, size_t head_len)
{
	_cleanup_free_ char *text = strndup(c->response.data, head_len - 2);
	struct fetch_head head = {0};
	struct err err = ERR_INIT;
	const char *why;

	if (!text || fetch_head_parse(text, head_len - 2, &head, &err) < 0) {
		fail_say(c, text ? "the server does not speak HTTP" : "out of memory");
		return;
	}
	why = why_refused(c, &head);
	if (why)
		fail_say(c, why);
	else
		opened(c, &head, head_len);
	fetch_head_finish(&head);
}

static void receive(struct ws_client *c)
{
	char data[READ_MAX];
	const char *end;
	ssize_t n = c->tls ? ws_tls_read(c->tls, data, sizeof(data))
			   : recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail_say(c, "the server closed the connection");
		return;
	}
	buf_put(&c->response, data, (size_t)n);
	end = buf_failed(&c->response) ? NULL
				       : memmem(c->response.data, c->response.len, "\r\n\r\n", 4);
	if (buf_failed(&c->response) ||
		(end ? (size_t)(end - c->response.data) : c->response.len) > WS_RESPONSE_MAX)
		fail_say(c, "the response of the server is too long");
	else if (end)
		end_head(c, (size_t)(end - c->response.data) + 4);
}

static void go_on(struct ws_client *c)
{
	switch (c->step) {
	case STEP_CONNECT: connected(c); break;
	case STEP_TLS: shake_hands(c); break;
	case STEP_SEND: send_request(c); break;
	case STEP_RECEIVE: receive(c); break;
	case STEP_RESOLVE:
	case STEP_FAILED: break;
	}
}

/* --- the beginning --- */

static int make_request(struct ws_client *c, const struct ws_target *t, struct err *err)
{
	if (!ws_make_key(c->key))
		return err_set(err, errno, "get random bytes");
	buf_printf(&c->request,
		"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nUser-Agent: aworker/%s\r\n",
		t->path, t->host_field, c->key, TURF_VERSION);
	if (*t->protocols)
		buf_printf(&c->request, "Sec-WebSocket-Protocol: %s\r\n", t->protocols);
	buf_puts(&c->request, "\r\n");
	return buf_failed(&c->request) ? err_oom(err) : 0;
}

int ws_client_create(struct ws_client_context *x, const struct ws_target *target,
	const struct ws_client_handler *handler, void *data, struct ws_client **ret,
	struct err *err)
{
	struct ws_client *c = calloc(1, sizeof(*c));

	if (!c)
		return err_oom(err);
	c->context = x;
	c->handler = handler;
	c->data = data;
	c->fd = -1;
	c->port = target->port;
	c->wants_tls = target->tls;
	c->host = strdup(target->host);
	c->protocols = strdup(target->protocols);
	c->timer = (struct loop_timer){.fn = on_timer, .data = c, .background = true};
	c->deferred = (struct loop_deferred){.fn = on_deferred, .data = c};
	if (!c->host || !c->protocols)
		err_oom(err);
	else if (make_request(c, target, err) == 0 &&
		 loop_timer_start(x->loop, &c->timer, WS_CONNECT_TIMEOUT_MS * 1000000ull) == 0 &&
		 resolve(c, err) == 0) {
		*ret = c;
		return 0;
	}
	ws_client_destroy(c);
	return err->code ? -err->code : err_oom(err);
}
