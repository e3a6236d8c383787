/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix socket addresses hold 107 bytes and a seed's path may be longer, so every
 * address here goes through /proc/self/fd of the seed's directory.
 */
#include "seed/socket_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"

/* Connections that wait until somebody accepts them; more clients than that wait in connect(2). */
#define SOCKET_BACKLOG 1024

int seed_dir_open(const char *name, int *ret_fd, struct err *err)
{
	char path[4096];
	int fd;

	if (!paths_id_is_valid(name))
		return err_say(err, EINVAL, "'%s' is no name for a seed: 1 to %d of A-Za-z0-9_+.-",
			name, PATHS_ID_MAX);
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", paths_seeds_dir(), name) >= sizeof(path))
		return err_set(err, ENAMETOOLONG, "open '%s/%s'", paths_seeds_dir(), name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	*ret_fd = fd;
	return 0;
}

static struct sockaddr_un address(int dirfd, const char *file)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dirfd, file);
	return sa;
}

static int set_timeout(int fd, int timeout_ms)
{
	struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) < 0 ? -errno : 0;
}

int seed_socket_forever(int fd, struct err *err)
{
	int r = set_timeout(fd, 0);

	return r < 0 ? err_set(err, -r, "lift the socket's time limit") : 0;
}

bool seed_socket_peer_is_trusted(int fd)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

int seed_socket_connect(
	const char *name, const char *file, int timeout_ms, int *ret_fd, struct err *err)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sa;
	int r;

	r = seed_dir_open(name, &dirfd, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "make a socket");
	r = set_timeout(fd, timeout_ms);
	if (r < 0)
		return err_set(err, -r, "limit the socket's time");
	sa = address(dirfd, file);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == EAGAIN)
			return err_say(err, ETIMEDOUT,
				"connect to socket '%s': nobody accepts within %d ms", file,
				timeout_ms);
		return err_set(err, errno, "connect to socket '%s'", file);
	}
	if (!seed_socket_peer_is_trusted(fd))
		return err_say(err, EPERM, "socket '%s' belongs to another user", file);
	*ret_fd = take_fd(&fd);
	return 0;
}

int seed_socket_listen(int dirfd, const char *file, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = address(dirfd, file);

	if (fd < 0)
		return err_set(err, errno, "make a socket");
	/* Of a keeper that was killed: ours is the lock. */
	if (unlinkat(dirfd, file, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove old socket '%s'", file);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_set(err, errno, "make socket '%s'", file);
	if (fchmodat(dirfd, file, 0600, 0) < 0)
		return err_set(err, errno, "chmod socket '%s'", file);
	if (listen(fd, SOCKET_BACKLOG) < 0)
		return err_set(err, errno, "listen on socket '%s'", file);
	*ret_fd = take_fd(&fd);
	return 0;
}

int seed_socket_wait(int fd, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_ms();
		int n = poll(&p, 1, left < 0 ? 0 : (int)left);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}
