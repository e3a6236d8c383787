/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/ctl/http.h"

#include <errno.h>
#include <llhttp/llhttp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"

struct exchange {
	llhttp_t parser;
	const struct http_sink *sink;
	struct buf head;
	struct err *err;
	bool done, interim;
};

static int put_head(struct exchange *x, const char *text, size_t len)
{
	if (x->head.len + len > HTTP_HEAD_MAX) {
		err_say(x->err, EPROTO, "the head of the answer has more than %d bytes",
			HTTP_HEAD_MAX);
		return HPE_USER;
	}
	buf_put(&x->head, text, len);
	return HPE_OK;
}

static int on_begin(llhttp_t *l)
{
	((struct exchange *)l->data)->head.len = 0;
	return HPE_OK;
}

static int on_status_end(llhttp_t *l)
{
	struct exchange *x = l->data;
	char line[32];
	int n = snprintf(line, sizeof(line), "HTTP/%d.%d %d\n", l->http_major, l->http_minor,
		l->status_code);

	return put_head(x, line, (size_t)n);
}

static int on_text(llhttp_t *l, const char *at, size_t len)
{
	return put_head(l->data, at, len);
}

static int on_name_end(llhttp_t *l)
{
	return put_head(l->data, ": ", 2);
}

static int on_value_end(llhttp_t *l)
{
	return put_head(l->data, "\n", 1);
}

static int on_head(llhttp_t *l)
{
	struct exchange *x = l->data;

	x->interim = l->status_code < 200 && l->status_code != 101;
	if (x->interim)
		return 0;
	if (buf_failed(&x->head)) {
		err_oom(x->err);
		return -1;
	}
	return x->sink->head(x->sink->arg, l->status_code, x->head.data, x->err) < 0 ? -1 : 0;
}

static int on_body(llhttp_t *l, const char *at, size_t len)
{
	struct exchange *x = l->data;

	return x->sink->body(x->sink->arg, at, len, x->err) < 0 ? HPE_USER : HPE_OK;
}

static int on_done(llhttp_t *l)
{
	struct exchange *x = l->data;

	if (x->interim)
		return HPE_OK;
	x->done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t *settings(void)
{
	static llhttp_settings_t s;

	llhttp_settings_init(&s);
	s.on_message_begin = on_begin;
	s.on_status_complete = on_status_end;
	s.on_header_field = on_text;
	s.on_header_field_complete = on_name_end;
	s.on_header_value = on_text;
	s.on_header_value_complete = on_value_end;
	s.on_headers_complete = on_head;
	s.on_body = on_body;
	s.on_message_complete = on_done;
	return &s;
}

/* One that refuses a request may answer before it has read it. */
static int send_some(int fd, const char **at, size_t *left, struct err *err)
{
	ssize_t n = send(fd, *at, *left, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		n = (ssize_t)*left;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : err_set(err, errno, "send");
	*at += n;
	*left -= (size_t)n;
	return 0;
}

/* 1: all is there. 0: more is to come. */
static int receive_some(int fd, struct exchange *x, struct err *err)
{
	static char buffer[65536];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
	llhttp_errno_t e;

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno == EAGAIN)
		return err_say(err, ETIMEDOUT, "there is no answer");
	if (n < 0)
		return err_set(err, errno, "receive");
	e = n > 0 ? llhttp_execute(&x->parser, buffer, (size_t)n) : llhttp_finish(&x->parser);
	if (x->done)
		return 1;
	if (err->code)
		return -err->code;
	if (n == 0)
		return err_say(err, EPROTO, "the answer was cut short");
	if (e != HPE_OK)
		return err_say(err, EPROTO, "the answer is no HTTP/1.1");
	return 0;
}

static int run(int fd, struct exchange *x, const char *at, size_t left, struct err *err)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = left > 0 ? POLLIN | POLLOUT : POLLIN};
		int r;

		if (left > 0 && poll(&p, 1, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "poll");
		if (left > 0 && send_some(fd, &at, &left, err) < 0)
			return -err->code;
		if (left > 0 && !(p.revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		r = receive_some(fd, x, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

int http_exchange(
	int fd, const char *request, size_t len, const struct http_sink *sink, struct err *err)
{
	struct exchange x = {.sink = sink, .err = err};
	int r;

	*err = (struct err)ERR_INIT;
	llhttp_init(&x.parser, HTTP_RESPONSE, settings());
	x.parser.data = &x;
	r = run(fd, &x, request, len, err);
	buf_finish(&x.head);
	return r;
}
