/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/address.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"

int address_set(const char *path, struct address *ret, struct err *err)
{
	if (strlen(path) >= sizeof(ret->path))
		return err_say(err, ENAMETOOLONG,
			"the socket '%s' has a path of more than %zu bytes", path,
			sizeof(ret->path) - 1);
	strcpy(ret->path, path);
	return 0;
}

/* A digest, since the parts are longer than the path of a socket may be. */
int address_choose(const char *dir, const char *containerd, const char *namespace,
	const char *group, struct address *ret, struct err *err)
{
	_cleanup_buf_ struct buf parts = BUF_INIT;
	XXH128_hash_t digest;
	char path[4096];

	buf_put(&parts, containerd, strlen(containerd) + 1);
	buf_put(&parts, namespace, strlen(namespace) + 1);
	buf_put(&parts, group, strlen(group) + 1);
	if (buf_failed(&parts))
		return err_oom(err);
	digest = XXH3_128bits(parts.data, parts.len);
	if (paths_mkdir_all(dir, 0700, err) < 0)
		return -err->code;
	snprintf(path, sizeof(path), "%s/turf-%016" PRIx64 "%016" PRIx64, dir,
		(uint64_t)digest.high64, (uint64_t)digest.low64);
	return address_set(path, ret, err);
}

static struct sockaddr_un socket_address(const struct address *a)
{
	struct sockaddr_un s = {.sun_family = AF_UNIX};

	memcpy(s.sun_path, a->path, sizeof(s.sun_path));
	return s;
}

/* One whose queue is full listens, too; it is not waited for. */
static bool somebody_listens(const struct address *a)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un s = socket_address(a);

	return fd >= 0 && (connect(fd, (struct sockaddr *)&s, sizeof(s)) == 0 || errno == EAGAIN);
}

/*
 * A socket that is bound and does not listen yet looks like a dead one's, so all of it is
 * done by one process at a time. Nobody keeps the lock while waiting for anything.
 */
static int lock_dir(const struct address *a, struct err *err)
{
	const char *slash = strrchr(a->path, '/');
	char dir[sizeof(a->path)] = ".";
	_cleanup_close_ int fd = -1;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == a->path ? 1 : (int)(slash - a->path),
			a->path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", dir);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "lock '%s'", dir);
	return take_fd(&fd);
}

static int try_bind(int fd, const struct address *a)
{
	struct sockaddr_un s = socket_address(a);
	mode_t old = umask(0177);
	int r = bind(fd, (struct sockaddr *)&s, sizeof(s)) < 0 ? -errno : 0;

	umask(old);
	return r;
}

int address_listen(const struct address *a, struct err *err)
{
	_cleanup_close_ int lock = lock_dir(a, err);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (lock < 0)
		return lock;
	if (fd < 0)
		return err_set(err, errno, "make a socket");
	r = try_bind(fd, a);
	if (r == -EADDRINUSE && !somebody_listens(a)) {
		unlink(a->path);
		r = try_bind(fd, a);
	}
	if (r < 0)
		return err_set(err, -r, "bind '%s'", a->path);
	if (listen(fd, SOMAXCONN) < 0)
		return err_set(err, errno, "listen on '%s'", a->path);
	return take_fd(&fd);
}

void address_remove_stale(const struct address *a)
{
	struct err ignored = ERR_INIT;
	_cleanup_close_ int lock = lock_dir(a, &ignored);

	if (lock >= 0 && !somebody_listens(a))
		unlink(a->path);
}
