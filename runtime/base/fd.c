/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Pages of a memfd may be held by whoever moves or looks at memory in the background. */
#define SEAL_TRIES    100
#define SEAL_PAUSE_NS 10000000

/* Newer than the C library's headers: Linux 6.3. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

void fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	return (x > y) - (x < y);
}

void fd_batch_close(struct fd_batch *b)
{
	int saved = errno;

	qsort(b->fds, b->n, sizeof(b->fds[0]), by_number);
	for (size_t i = 0; i < b->n;) {
		size_t first = i++;

		while (i < b->n && b->fds[i] == b->fds[i - 1] + 1)
			i++;
		if (i - first == 1)
			close(b->fds[first]);
		else
			(void)close_range((unsigned)b->fds[first], (unsigned)b->fds[i - 1], 0);
	}
	b->n = 0;
	errno = saved;
}

void fd_batch_add(struct fd_batch *b, int *fd)
{
	if (*fd < 0)
		return;
	if (b->n == FD_BATCH_MAX)
		fd_batch_close(b);
	b->fds[b->n++] = take_fd(fd);
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t fd_read_all(int fd, void *data, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)data + got, len - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Grows the buffer as it reads: files of procfs and cgroupfs have no size to ask for. */
static int read_growing(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	size_t cap = 4096;
	size_t len = 0;

	for (;;) {
		char *bigger = realloc(data, cap + 1);
		ssize_t n;

		if (!bigger)
			return -ENOMEM;
		data = bigger;
		n = fd_read_all(fd, data + len, cap - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < cap)
			break;
		cap *= 2;
	}
	data[len] = '\0';
	*ret_data = take_ptr(&data);
	*ret_len = len;
	return 0;
}

int file_read_fd(
	int fd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
	int r = read_growing(fd, max, ret_data, ret_len);

	if (r == -EFBIG)
		return err_say(err, EFBIG, "read '%s': larger than %zu bytes", path, max);
	return r < 0 ? err_set(err, -r, "read '%s'", path) : 0;
}

int file_read(
	int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	return file_read_fd(fd, path, max, ret_data, ret_len, err);
}

int file_read_value(
	int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	char value[FILE_VALUE_MAX];
	ssize_t n;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	do {
		n = read(fd, value, max);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, errno, "read '%s'", path);
	if ((size_t)n == max)
		return err_say(err, EFBIG, "read '%s': larger than %zu bytes", path, max);
	*ret_data = malloc((size_t)n + 1);
	if (!*ret_data)
		return err_oom(err);
	memcpy(*ret_data, value, (size_t)n);
	(*ret_data)[n] = '\0';
	*ret_len = (size_t)n;
	return 0;
}

int file_write_atomic(
	int dirfd, const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char tmp[4096];
	int r;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return err_set(err, ENAMETOOLONG, "write '%s'", path);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_set(err, errno, "create '%s'", tmp);
	r = fd_write_all(fd, data, len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return err_set(err, -r, "write '%s'", path);
	}
	return 0;
}

int file_fill_atomic(const char *path,
	int (*fill)(void *arg, int fd, const char *tmp, struct err *err), void *arg,
	struct err *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&tmp, "%s.%d", path, (int)getpid()) < 0) {
		tmp = NULL;
		return err_oom(err);
	}
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd < 0)
		return err_set(err, errno, "make '%s'", tmp);
	r = fill(arg, fd, tmp, err);
	if (r == 0 && (fsync(fd) < 0 || rename(tmp, path) < 0))
		r = err_set(err, errno, "write");
	if (r < 0)
		(void)unlink(tmp);
	return r;
}

int file_put(int dirfd, const char *path, const char *data, struct err *err)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(data);
	ssize_t n;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	n = write(fd, data, len);
	if (n < 0)
		return err_set(err, errno, "write '%s' to '%s'", data, path);
	if ((size_t)n != len)
		return err_set(err, EIO, "write '%s' to '%s'", data, path);
	return 0;
}

int memfd_seal(int fd, unsigned more)
{
	const unsigned seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | more;
	const struct timespec pause = {.tv_nsec = SEAL_PAUSE_NS};

	for (int tries = 1; fcntl(fd, F_ADD_SEALS, seals) < 0; tries++) {
		if (errno != EBUSY || tries == SEAL_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int memfd_sealed(const char *name, const void *data, size_t len, struct err *err)
{
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return err_set(err, errno, "memfd_create '%s'", name);
	r = fd_write_all(fd, data, len);
	if (r < 0)
		return err_set(err, -r, "fill memfd '%s'", name);
	r = memfd_seal(fd, 0);
	if (r < 0)
		return err_set(err, -r, "seal memfd '%s'", name);
	return take_fd(&fd);
}

int memfd_executable(const char *name, struct err *err)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_EXEC);

	/* Before 6.3 every memfd is executable and the flag is unknown. */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0 && errno == EACCES)
		return err_say(err, EACCES,
			"memfd_create '%s': sysctl vm.memfd_noexec is 2, so no memory can be "
			"executed",
			name);
	return fd < 0 ? err_set(err, errno, "memfd_create '%s'", name) : fd;
}

int fd_set_cloexec(int fd, bool on)
{
	/* There is no other flag. */
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

const char *fd_path(int fd, char buf[FD_PATH_MAX])
{
	snprintf(buf, FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}
