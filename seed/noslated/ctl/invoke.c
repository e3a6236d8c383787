/* SPDX-License-Identifier: Apache-2.0 */
/* A request to a function, as any client would send it: through a socket on which the daemon takes HTTP. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/ctl/http.h"

#define DATA_MAX (64u << 20)

/* --- where it listens --- */

static int connect_unix(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return err_say(err, ENAMETOOLONG, "'unix:%s' is too long", path);
	memcpy(a.sun_path, path, strlen(path));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(err, errno, "connect to 'unix:%s'", path);
	return take_fd(&fd);
}

static int connect_address(
	const struct sockaddr *a, socklen_t len, const char *text, struct err *err)
{
	_cleanup_close_ int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, a, len) < 0)
		return err_set(err, errno, "connect to '%s'", text);
	return take_fd(&fd);
}

/* As the daemon was told; who listens at all addresses is reached by the one of this machine. */
static int connect_tcp(const char *text, struct err *err)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const char *colon = strrchr(text, ':');
	const size_t len = colon ? (size_t)(colon - text) : 0;
	char host[64] = "127.0.0.1";

	if (!colon || len >= sizeof(host))
		return err_say(err, EPROTO, "'%s' is no address", text);
	if (len > 2 && text[0] == '[')
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, text + 1);
	else if (len > 0)
		snprintf(host, sizeof(host), "%.*s", (int)len, text);
	four.sin_port = six.sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &four.sin_addr) == 1) {
		if (four.sin_addr.s_addr == htonl(INADDR_ANY))
			four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return connect_address((struct sockaddr *)&four, sizeof(four), text, err);
	}
	if (inet_pton(AF_INET6, host, &six.sin6_addr) != 1)
		return err_say(err, EPROTO, "'%s' is no address", text);
	if (IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr))
		six.sin6_addr = in6addr_loopback;
	return connect_address((struct sockaddr *)&six, sizeof(six), text, err);
}

/* The first one that takes us. */
static int connect_to_front(struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *list;
	int fd = -1;

	if (ask_json("/v1/node", &doc, err) < 0 ||
		json_need(json_root(doc), "listen", &list, err) < 0)
		return -err->code;
	err_say(err, ENOTCONN, "noslated listens nowhere");
	json_for_each (n, list) {
		const char *address, *path;

		if (json_to_str(n, &address, err) < 0)
			return -err->code;
		path = str_after(address, "unix:");
		fd = path ? connect_unix(path, err) : connect_tcp(address, err);
		if (fd >= 0)
			break;
	}
	return fd;
}

/* --- the request --- */

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("!#$%&'*+-.^_`|~", s[i]))
			return false;
	return len > 0;
}

static bool is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 && *s != '\t')
			return false;
	return true;
}

static bool is_called(const char *header, const char *name)
{
	const size_t len = strlen(name);

	return strncasecmp(header, name, len) == 0 && header[len] == ':';
}

/* What says where a request goes and ends is ours. */
static int put_headers(struct buf *out, bool *ret_host, struct err *err)
{
	static const char *const ours[] = {
		"content-length", "transfer-encoding", "connection", "x-noslate-function"};

	*ret_host = false;
	for (size_t i = 0; i < given.n_headers; i++) {
		const char *h = given.headers[i];
		const char *colon = strchr(h, ':');

		if (!colon || !is_token(h, (size_t)(colon - h)) || !is_line(h))
			return err_say(err, EINVAL, "--header: '%s' is not 'name: value'", h);
		for (size_t j = 0; j < ARRAY_SIZE(ours); j++)
			if (is_called(h, ours[j]))
				return err_say(
					err, EINVAL, "--header: '%s' is said already", ours[j]);
		*ret_host |= is_called(h, "host");
		buf_printf(out, "%s\r\n", h);
	}
	return 0;
}

static int read_data(char **ret, size_t *ret_len, struct err *err)
{
	const char *file = str_after(given.data, "@");

	if (!file) {
		*ret = strdup(given.data);
		*ret_len = strlen(given.data);
		return *ret ? 0 : err_oom(err);
	}
	return streq(file, "-")
		       ? file_read_fd(STDIN_FILENO, "standard input", DATA_MAX, ret, ret_len, err)
		       : file_read(AT_FDCWD, file, DATA_MAX, ret, ret_len, err);
}

static int write_request(char **args, struct buf *out, struct err *err)
{
	const char *method = given.method ? given.method : given.data ? "POST" : "GET";
	const char *path = args[1] ? args[1] : "/";
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	bool has_host;

	if (!is_token(method, strlen(method)))
		return err_say(err, EINVAL, "--request: '%s' is no method", method);
	if (*path != '/' || strpbrk(path, " \t") || !is_line(path))
		return err_say(err, EINVAL, "'%s' is no path, such as /a?b=c", path);
	if (!is_line(args[0]))
		return err_say(err, EINVAL, "'%s' is no name of a function", args[0]);
	if (given.data && read_data(&data, &len, err) < 0)
		return -err->code;
	buf_printf(out, "%s %s HTTP/1.1\r\nConnection: close\r\nx-noslate-function: %s\r\n", method,
		path, args[0]);
	if (put_headers(out, &has_host, err) < 0)
		return -err->code;
	if (!has_host)
		buf_puts(out, "Host: localhost\r\n");
	if (given.data)
		buf_printf(out, "Content-Length: %zu\r\n", len);
	buf_puts(out, "\r\n");
	buf_put(out, data, len);
	return buf_failed(out) ? err_oom(err) : 0;
}

/* --- the answer --- */

static int on_head(void *arg, int status, const char *head, struct err *err)
{
	*(int *)arg = status;
	if (!given.head)
		return 0;
	if (ctl_print(head, strlen(head), err) < 0)
		return -err->code;
	return ctl_print("\n", 1, err);
}

static int on_body(void *arg UNUSED, const char *data, size_t len, struct err *err)
{
	return ctl_print(data, len, err);
}

int verb_invoke(char **args, struct err *err)
{
	_cleanup_buf_ struct buf request = BUF_INIT;
	_cleanup_close_ int fd = -1;
	int status = 0;
	const struct http_sink sink = {on_head, on_body, &status};

	if (write_request(args, &request, err) < 0)
		return -err->code;
	fd = connect_to_front(err);
	if (fd < 0)
		return fd;
	if (http_exchange(fd, request.data, request.len, &sink, err) < 0)
		return err_wrap(err, "'%s'", args[0]);
	return status < 400
		       ? 0
		       : err_say(err, EREMOTEIO, "'%s' answers with status %d", args[0], status);
}
