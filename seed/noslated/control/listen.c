/* SPDX-License-Identifier: Apache-2.0 */
/* Where HTTP is taken: sockets that outlive the control plane. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"

#define BACKLOG 4096

static int listen_unix(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return err_say(err, ENAMETOOLONG, "--listen: 'unix:%s' is too long", path);
	memcpy(a.sun_path, path, strlen(path));
	(void)unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen at 'unix:%s'", path);
	return take_fd(&fd);
}

/* "127.0.0.1:80", "[::1]:80", ":80" for all. */
static int parse_tcp(const char *address, struct sockaddr_storage *ret)
{
	const char *colon = strrchr(address, ':');
	char host[64] = "", *end = NULL;
	size_t len = colon ? (size_t)(colon - address) : sizeof(host);
	long port = colon ? strtol(colon + 1, &end, 10) : 0;

	if (len >= sizeof(host) || port < 1 || port > 65535 || *end)
		return -EINVAL;
	memcpy(host, address, len);
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)ret);
	}
	return len == 0 ? uv_ip6_addr("::", (int)port, (struct sockaddr_in6 *)ret)
			: uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret);
}

static int listen_tcp(const char *address, struct err *err)
{
	struct sockaddr_storage a = {0};
	_cleanup_close_ int fd = -1;
	int on = 1;

	if (parse_tcp(address, &a) < 0)
		return err_say(err, EINVAL,
			"--listen: '%s' is neither unix:PATH nor an address and a port, such as "
			"127.0.0.1:80",
			address);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen at '%s'", address);
	return take_fd(&fd);
}

static int open_one(struct control *c, size_t i, struct err *err)
{
	const char *address = c->options->listen[i];
	const char *path = str_after(address, "unix:");
	char name[32];

	snprintf(name, sizeof(name), "listen-%zu", i);
	c->listeners[i] = store_take(&c->kept, name);
	if (c->listeners[i] >= 0)
		return 0;
	c->listeners[i] = path ? listen_unix(path, err) : listen_tcp(address, err);
	return c->listeners[i] < 0 ? -err->code : store_keep(&c->kept, name, c->listeners[i], err);
}

int listeners_open(struct control *c, struct err *err)
{
	for (size_t i = 0; i < c->options->n_listen; i++)
		if (open_one(c, i, err) < 0)
			return -err->code;
	return 0;
}

void listeners_close(struct control *c, bool for_good)
{
	for (size_t i = 0; i < c->options->n_listen; i++) {
		const char *path = str_after(c->options->listen[i], "unix:");

		if (for_good && path && c->listeners[i] >= 0)
			(void)unlink(path);
		fd_close(&c->listeners[i]);
	}
}
