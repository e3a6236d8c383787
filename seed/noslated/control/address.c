/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define BACKLOG 4096

static int listen_unix(const char *option, const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
		return err_say(err, ENAMETOOLONG, "%s: 'unix:%s' is too long", option, path);
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

static int listen_tcp(const char *option, const char *address, struct err *err)
{
	struct sockaddr_storage a = {0};
	_cleanup_close_ int fd = -1;
	int on = 1;

	if (parse_tcp(address, &a) < 0)
		return err_say(err, EINVAL,
			"%s: '%s' is neither unix:PATH nor an address and a port, such as "
			"127.0.0.1:80",
			option, address);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen at '%s'", address);
	return take_fd(&fd);
}

int address_listen(const char *option, const char *address, struct err *err)
{
	const char *path = str_after(address, "unix:");

	return path ? listen_unix(option, path, err) : listen_tcp(option, address, err);
}

void address_forget(const char *address)
{
	const char *path = str_after(address, "unix:");

	if (path)
		(void)unlink(path);
}
