/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything in a rootfs may be hostile and may change while we look: symbolic links
 * to the host, directories exchanged for links between two looks. So a name is
 * looked up once, by openat2() with the rootfs as its root, and what was found is
 * then used by descriptor alone. Something new is made only as a single component
 * below such a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

/* A directory exchanged under us makes openat2 say EAGAIN; who does it for ever gets an error. */
#define PATH_RETRIES 64

#define PATH_DIR_MODE  0755
#define PATH_FILE_MODE 0644

int path_open(int root, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};

	for (int i = 0; i < PATH_RETRIES; i++) {
		int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

/* One directory after the other; each is opened below the root anew, so links keep their meaning. */
static int make_dirs(int root, const char *path, uint64_t resolve, int *ret_fd, struct err *err)
{
	_cleanup_close_ int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
	char prefix[PATH_MAX];
	size_t len = strlen(path);
	const char *end = path;

	if (at < 0)
		return err_set(err, errno, "duplicate a descriptor");
	if (len >= sizeof(prefix))
		return err_set(err, ENAMETOOLONG, "make '/%s'", path);
	while (*end) {
		const char *name = end;
		size_t n;
		int fd;

		end = strchrnul(name, '/');
		n = (size_t)(end - path);
		memcpy(prefix, path, n);
		prefix[n] = '\0';
		fd = path_open(root, prefix, O_PATH | O_DIRECTORY, resolve);
		if (fd == -ENOENT) {
			if (mkdirat(at, prefix + (name - path), PATH_DIR_MODE) < 0 &&
				errno != EEXIST)
				return err_set(err, errno, "make directory '/%s'", prefix);
			fd = path_open(root, prefix, O_PATH | O_DIRECTORY, resolve);
		}
		if (fd < 0)
			return err_set(err, -fd, "open '/%s' in the rootfs", prefix);
		fd_close(&at);
		at = fd;
		while (*end == '/')
			end++;
	}
	*ret_fd = take_fd(&at);
	return 0;
}

int path_make_parent(
	int root, const char *path, int *ret_dir, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t n = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (n >= sizeof(parent))
		return err_set(err, ENAMETOOLONG, "open '/%s'", path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	fd = path_open(root, n ? parent : ".", O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		int r = make_dirs(root, parent, 0, &fd, err);

		if (r < 0)
			return r;
	}
	if (fd < 0)
		return err_set(err, -fd, "open '/%s' in the rootfs", parent);
	*ret_dir = fd;
	*ret_name = slash ? slash + 1 : path;
	return 0;
}

static int make_last(int dir, const char *name, bool want_dir, const char *path, struct err *err)
{
	int fd;

	if (want_dir) {
		if (mkdirat(dir, name, PATH_DIR_MODE) < 0 && errno != EEXIST)
			return err_set(err, errno, "make directory '/%s'", path);
		return 0;
	}
	/* O_EXCL: a link that appeared meanwhile is not followed. */
	fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PATH_FILE_MODE);
	if (fd < 0 && errno != EEXIST)
		return err_set(err, errno, "make file '/%s'", path);
	fd_close(&fd);
	return 0;
}

int path_make(int root, const char *path, bool dir, uint64_t resolve, int *ret_fd, struct err *err)
{
	uint64_t flags = O_PATH | (dir ? O_DIRECTORY : 0);
	int fd = path_open(root, *path ? path : ".", flags, resolve);

	if (fd == -ENOENT) {
		_cleanup_close_ int parent = -1;
		const char *name;

		if (path_make_parent(root, path, &parent, &name, err) < 0 ||
			make_last(parent, name, dir, path, err) < 0)
			return -err->code;
		fd = path_open(root, path, flags, resolve);
	}
	if (fd == -ELOOP && resolve & RESOLVE_NO_SYMLINKS)
		return err_say(err, ELOOP,
			"'/%s' of the rootfs is, or lies behind, a symbolic link", path);
	if (fd < 0)
		return err_set(err, -fd, "open '/%s' in the rootfs", path);
	*ret_fd = fd;
	return 0;
}
