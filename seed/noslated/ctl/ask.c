/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/ctl/ask.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/ctl/http.h"

/* Until an answer begins or goes on; a set of thousands of functions takes some seconds. */
#define ANSWER_LIMIT_S	120
#define LINE_LENGTH_MAX (1u << 20)

static struct sockaddr_un address = {.sun_family = AF_UNIX};

int ask_set_socket(const char *socket, const char *run, struct err *err)
{
	const int n =
		socket ? snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket)
		       : snprintf(address.sun_path, sizeof(address.sun_path), "%s/admin.sock", run);

	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return err_say(err, ENAMETOOLONG, "%s: '%s' is too long",
			socket ? "--socket" : "--run", socket ? socket : run);
	return 0;
}

static int connect_to(bool waits_for_ever, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = {.tv_sec = waits_for_ever ? 0 : ANSWER_LIMIT_S};

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "connect to noslated at '%s'", address.sun_path);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return err_set(err, errno, "limit an answer");
	return take_fd(&fd);
}

static int exchange(const char *method, const char *target, const char *body, size_t len,
	const struct http_sink *sink, bool waits_for_ever, struct err *err)
{
	_cleanup_close_ int fd = connect_to(waits_for_ever, err);
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (fd < 0)
		return fd;
	buf_printf(&out,
		"%s %s HTTP/1.1\r\nHost: noslated\r\nConnection: close\r\nContent-Length: "
		"%zu\r\n\r\n",
		method, target, len);
	buf_put(&out, body, len);
	if (buf_failed(&out))
		return err_oom(err);
	return http_exchange(fd, out.data, out.len, sink, err) < 0 ? err_wrap(err, "noslated") : 0;
}

/* --- whole answers --- */

struct whole {
	int status;
	struct buf *body;
};

static int take_status(void *arg, int status, const char *head UNUSED, struct err *err UNUSED)
{
	((struct whole *)arg)->status = status;
	return 0;
}

static int take_body(void *arg, const char *data, size_t len, struct err *err)
{
	struct whole *w = arg;

	if (w->body->len + len > ASK_ANSWER_MAX)
		return err_say(err, EFBIG, "the answer has more than %u bytes", ASK_ANSWER_MAX);
	buf_put(w->body, data, len);
	return buf_failed(w->body) ? err_oom(err) : 0;
}

int ask(const char *method, const char *target, const char *body, size_t len, int *ret_status,
	struct buf *ret, struct err *err)
{
	struct whole w = {.body = ret};
	const struct http_sink sink = {take_status, take_body, &w};

	if (exchange(method, target, body, len, &sink, false, err) < 0)
		return -err->code;
	*ret_status = w.status;
	return 0;
}

/* What is not found is no mistake of the command line's form, but of what it says. */
static int fail_with(int status, const struct buf *body, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const int code = status >= 500 ? EIO : EINVAL;
	const struct json_node *errors;
	const char *text = NULL;
	struct err ignored;

	if (json_parse(body->data ? body->data : "", body->len, &doc, &ignored) < 0)
		return err_say(err, EPROTO, "noslated answers with status %d", status);
	errors = json_get(json_root(doc), "errors");
	if (!errors || json_type(errors) != JSON_ARRAY)
		return err_say(err, EPROTO, "noslated answers with status %d", status);
	/* Each mistake is a line; the last one is main()'s to say. */
	json_for_each (n, errors) {
		if (text)
			log_error("%s", text);
		if (json_to_str(n, &text, err) < 0)
			return -err->code;
	}
	return text ? err_say(err, code, "%s", text)
		    : err_say(err, EPROTO, "noslated answers with status %d", status);
}

int ask_well(const char *method, const char *target, const char *body, size_t len, struct buf *ret,
	struct err *err)
{
	int status = 0;

	if (ask(method, target, body, len, &status, ret, err) < 0)
		return -err->code;
	return status == 200 ? 0 : fail_with(status, ret, err);
}

int ask_json(const char *target, struct json_doc **ret, struct err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	if (ask_well("GET", target, NULL, 0, &body, err) < 0)
		return -err->code;
	return json_parse(body.data ? body.data : "", body.len, ret, err) < 0
		       ? err_wrap(err, "noslated's answer")
		       : 0;
}

/* --- lines --- */

struct lines {
	int status;
	struct buf rest;
	int (*line)(void *arg, const char *text, size_t len, struct err *err);
	void *arg;
};

static int take_lines_status(void *arg, int status, const char *head UNUSED, struct err *err UNUSED)
{
	((struct lines *)arg)->status = status;
	return 0;
}

static int take_lines(void *arg, const char *data, size_t len, struct err *err)
{
	struct lines *l = arg;
	const char *at, *end;

	if (l->rest.len + len > LINE_LENGTH_MAX)
		return err_say(err, EFBIG, "a line has more than %u bytes", LINE_LENGTH_MAX);
	buf_put(&l->rest, data, len);
	if (buf_failed(&l->rest))
		return err_oom(err);
	if (l->status != 200)
		return 0;
	for (at = l->rest.data; (end = memchr(at, '\n', l->rest.len - (size_t)(at - l->rest.data)));
		at = end + 1)
		if (l->line(l->arg, at, (size_t)(end - at), err) < 0)
			return -err->code;
	buf_consume(&l->rest, (size_t)(at - l->rest.data));
	return 0;
}

int ask_lines(const char *target,
	int (*line)(void *arg, const char *text, size_t len, struct err *err), void *arg,
	struct err *err)
{
	struct lines l = {.line = line, .arg = arg};
	const struct http_sink sink = {take_lines_status, take_lines, &l};

	if (exchange("GET", target, NULL, 0, &sink, true, err) == 0 && l.status != 200)
		(void)fail_with(l.status, &l.rest, err);
	buf_finish(&l.rest);
	return -err->code;
}
