/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to listen on: "HOST:PORT", "unix:PATH", "fd:N".
 *
 * Hosts are numbers or "localhost": a worker lives in a root file system without
 * resolver, and what it listens on is its own machine anyway.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "aworker/http/http_server.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define LISTEN_BACKLOG 1024

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

struct target {
	union address address;
	socklen_t len;
	int fd;		 /* of "fd:N", else -1 */
	bool every_host; /* IPv6 and IPv4; where there is no IPv6, IPv4 */
};

/* --- parsing --- */

static int parse_number(const char *s, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*s - '0');
		if (v > max)
			return -ERANGE;
	}
	*ret = v;
	return 0;
}

static int parse_unix(const char *path, struct target *t, struct err *err)
{
	struct sockaddr_un *un = &t->address.un;

	if (!*path)
		return err_say(err, EINVAL, "a path must follow 'unix:'");
	if (strlen(path) >= sizeof(un->sun_path))
		return err_say(err, EINVAL, "the path of a socket has at most %zu bytes",
			sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	t->len = sizeof(*un);
	return 0;
}

static int parse_host(const char *host, unsigned port, struct target *t, struct err *err)
{
	t->every_host = !*host || streq(host, "*");
	if (streq(host, "localhost"))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &t->address.in.sin_addr) == 1) {
		t->address.in.sin_family = AF_INET;
		t->address.in.sin_port = htons((uint16_t)port);
		t->len = sizeof(t->address.in);
		return 0;
	}
	if (t->every_host)
		host = "::";
	if (inet_pton(AF_INET6, host, &t->address.in6.sin6_addr) != 1)
		return err_say(err, EINVAL, "'%.64s' is no numeric address", host);
	t->address.in6.sin6_family = AF_INET6;
	t->address.in6.sin6_port = htons((uint16_t)port);
	t->len = sizeof(t->address.in6);
	return 0;
}

static int parse_tcp(const char *address, struct target *t, struct err *err)
{
	const char *colon = strrchr(address, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t n = colon ? (size_t)(colon - address) : 0;
	unsigned port;

	if (!colon)
		return err_say(err, EINVAL, "neither HOST:PORT, unix:PATH nor fd:N");
	if (parse_number(colon + 1, UINT16_MAX, &port) < 0)
		return err_say(err, EINVAL, "'%.32s' is no port (0 to 65535)", colon + 1);
	if (n >= sizeof(host))
		return err_say(err, EINVAL, "'%.64s' is no numeric address", address);
	memcpy(host, address, n);
	host[n] = '\0';
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return parse_host(host + 1, port, t, err);
	}
	if (strchr(host, ':'))
		return err_say(err, EINVAL, "an IPv6 address needs brackets: [%s]:%u", host, port);
	return parse_host(host, port, t, err);
}

static int parse(const char *address, struct target *t, struct err *err)
{
	const char *rest;
	unsigned n;
	int r;

	*t = (struct target){.fd = -1};
	if ((rest = str_after(address, "unix:"))) {
		r = parse_unix(rest, t, err);
	} else if ((rest = str_after(address, "fd:"))) {
		r = parse_number(rest, INT32_MAX, &n);
		if (r < 0)
			r = err_say(err, EINVAL, "'%.32s' is no descriptor", rest);
		else
			t->fd = (int)n;
	} else {
		r = parse_tcp(address, t, err);
	}
	return r < 0 ? err_wrap(err, "listen on '%s'", address) : 0;
}

int http_listen_check(const char *address, struct err *err)
{
	struct target t;

	return parse(address, &t, err);
}

/* --- opening --- */

static int open_inherited(int fd, struct err *err)
{
	int listening = 0, type = 0;
	socklen_t len = sizeof(int);
	int flags;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0)
		return err_set(err, errno, "descriptor %d", fd);
	len = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM ||
		!listening)
		return err_say(err, EINVAL, "descriptor %d is no listening stream socket", fd);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fd_set_cloexec(fd, true) < 0)
		return err_set(err, errno, "prepare descriptor %d", fd);
	return fd;
}

/* A socket file that a process left behind; one that answers is in use. */
static bool is_stale(const struct sockaddr_un *un)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fd < 0 || lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	return connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED;
}

static int bind_to(int fd, const struct target *t)
{
	if (bind(fd, &t->address.any, t->len) == 0)
		return 0;
	if (errno != EADDRINUSE || t->address.any.sa_family != AF_UNIX)
		return -errno;
	if (!is_stale(&t->address.un))
		return -EADDRINUSE;
	unlink(t->address.un.sun_path);
	return bind(fd, &t->address.any, t->len) < 0 ? -errno : 0;
}

static int open_socket(const struct target *t, struct err *err)
{
	int family = t->address.any.sa_family, one = 1, zero = 0, r;
	_cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(err, errno, "create a socket");
	if (family != AF_UNIX) {
		/* Accepted sockets inherit both: no call a connection. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	if (t->every_host && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	r = bind_to(fd, t);
	if (r == 0 && listen(fd, LISTEN_BACKLOG) < 0)
		r = -errno;
	if (r == -EADDRINUSE)
		return err_say(err, EADDRINUSE, "the address is in use already");
	if (r < 0)
		return err_set(err, -r, "bind");
	return take_fd(&fd);
}

static int open_target(struct target *t, struct err *err)
{
	int fd;

	if (t->fd >= 0)
		return open_inherited(t->fd, err);
	fd = open_socket(t, err);
	if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) {
		if (!t->every_host || t->address.any.sa_family != AF_INET6)
			return fd;
		in_port_t port = t->address.in6.sin6_port;

		t->address.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
		t->len = sizeof(t->address.in);
		fd = open_socket(t, err);
	}
	return fd;
}

static void describe(struct http_listener *l)
{
	union address a = {0};
	socklen_t len = sizeof(a);
	char host[INET6_ADDRSTRLEN] = "";

	if (getsockname(l->fd, &a.any, &len) < 0)
		return;
	if (a.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof(host));
		snprintf(l->text, sizeof(l->text), "%s:%u", host, ntohs(a.in.sin_port));
	} else if (a.any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host));
		snprintf(l->text, sizeof(l->text), "[%s]:%u", host, ntohs(a.in6.sin6_port));
	} else {
		snprintf(l->text, sizeof(l->text), "unix:%.*s", (int)sizeof(a.un.sun_path),
			a.un.sun_path);
	}
}

static bool has_port_zero(const struct target *t)
{
	return t->fd < 0 &&
	       ((t->address.any.sa_family == AF_INET && t->address.in.sin_port == 0) ||
		       (t->address.any.sa_family == AF_INET6 && t->address.in6.sin6_port == 0));
}

int http_listen(const char *address, struct http_listener *ret, struct err *err)
{
	struct http_listener l = HTTP_LISTENER_INIT;
	struct target t;
	int r;

	r = parse(address, &t, err);
	if (r < 0)
		return r;
	l.fd = open_target(&t, err);
	if (l.fd < 0)
		return err_wrap(err, "listen on '%s'", address);
	if (t.fd < 0 && t.address.any.sa_family == AF_UNIX) {
		l.unlink = strdup(t.address.un.sun_path);
		if (!l.unlink) {
			http_listener_finish(&l);
			return err_oom(err);
		}
	}
	l.chosen_port = has_port_zero(&t);
	describe(&l);
	*ret = l;
	return 0;
}

void http_listener_finish(struct http_listener *l)
{
	fd_close(&l->fd);
	if (l->unlink)
		unlink(l->unlink);
	free(l->unlink);
	l->unlink = NULL;
}
