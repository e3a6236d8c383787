/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP as noslated's admin API speaks it: one request a connection, which ends the answer. */
#include "seed/noslated/ctl/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define ANSWER_MAX (16u << 20)

static int connect_to(const char *run, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/admin.sock", run);

	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return err_say(err, ENAMETOOLONG, "--run: '%s' is too long", run);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(err, errno, "connect to noslated at '%s'", a.sun_path);
	return take_fd(&fd);
}

static int send_request(
	int fd, const char *method, const char *target, const char *body, size_t len)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_printf(&out,
		"%s %s HTTP/1.1\r\nHost: noslated\r\nConnection: close\r\nContent-Length: "
		"%zu\r\n\r\n",
		method, target, len);
	buf_put(&out, body, len);
	return buf_failed(&out) ? -ENOMEM : fd_write_all(fd, out.data, out.len);
}

static int split(char *text, size_t len, struct answer *ret, struct err *err)
{
	const char *body = memmem(text, len, "\r\n\r\n", 4);

	if (!body || sscanf(text, "HTTP/1.1 %d ", &ret->status) != 1)
		return err_say(err, EPROTO, "noslated's answer was cut short");
	body += 4;
	buf_put(&ret->body, body, len - (size_t)(body - text));
	return buf_failed(&ret->body) ? err_oom(err) : 0;
}

int ask_noslated(const char *run, const char *method, const char *target, const char *body,
	size_t len, struct answer *ret, struct err *err)
{
	_cleanup_close_ int fd = connect_to(run, err);
	_cleanup_free_ char *text = NULL;
	size_t n;
	int r;

	if (fd < 0)
		return fd;
	r = send_request(fd, method, target, body, len);
	if (r < 0)
		return err_set(err, -r, "ask noslated");
	if (file_read_fd(fd, "noslated's answer", ANSWER_MAX, &text, &n, err) < 0)
		return -err->code;
	return split(text, n, ret, err);
}

void answer_finish(struct answer *a)
{
	buf_finish(&a->body);
}
