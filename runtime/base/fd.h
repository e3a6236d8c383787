/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors and whole files. -1 is the only "none"; 0 is a valid
 * descriptor. Everything opened here is O_CLOEXEC.
 */
#ifndef RUNTIME_BASE_FD_H
#define RUNTIME_BASE_FD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* Closes *fd if it is open, leaves -1 behind and errno as it was. */
void fd_close(int *fd);
#define _cleanup_close_ _cleanup_(fd_close)

/*
 * Descriptors that are done with: closed together, neighbours by one call. Adding to
 * a full one closes what it holds; -1 is fine. Whoever fills one calls
 * fd_batch_close() in the end.
 */
#define FD_BATCH_MAX 64
struct fd_batch {
	int fds[FD_BATCH_MAX];
	size_t n;
};

void fd_batch_close(struct fd_batch *b);
#define _cleanup_fd_batch_ _cleanup_(fd_batch_close)
/* Takes the descriptor over and leaves -1. */
void fd_batch_add(struct fd_batch *b, int *fd);

static inline int take_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Whole transfers: retried after EINTR and short counts; 0 or a negative errno. */
int fd_write_all(int fd, const void *data, size_t len);
/* Reads until EOF or `len`; returns the count or a negative errno. */
ssize_t fd_read_all(int fd, void *data, size_t len);

/*
 * Reads a whole file of at most `max` bytes. *ret_data is malloc'd and ends in
 * a NUL that is not counted. A longer file is EFBIG. `dirfd` as in openat(2).
 */
int file_read(
	int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err);
/* What is left of an open one; the name is for the error. */
int file_read_fd(
	int fd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err);

/*
 * The same by one read(2), for what the kernel makes up in one piece: a value of procfs
 * or cgroupfs, not a list. EFBIG when it fills `max`, which is at most FILE_VALUE_MAX.
 */
#define FILE_VALUE_MAX 4096
int file_read_value(
	int dirfd, const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err);

/*
 * Replaces `path` by `data` so that a reader sees the old or the new contents
 * and a crash loses neither: temporary file, fsync, rename.
 */
int file_write_atomic(
	int dirfd, const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/*
 * Makes or replaces `path`, mode 0400, by what fill() writes to a temporary file beside it,
 * which is gone when that fails. No two processes share one.
 */
int file_fill_atomic(const char *path,
	int (*fill)(void *arg, int fd, const char *tmp, struct err *err), void *arg,
	struct err *err);

/* Writes a short string to a file that exists (cgroup, proc): one write(2). */
int file_put(int dirfd, const char *path, const char *data, struct err *err);

/* A memfd holding `data`, sealed against every change. Returns the fd or a negative errno. */
int memfd_sealed(const char *name, const void *data, size_t len, struct err *err);

/*
 * Seals a memfd against every change, and with `more` seals. Waits for pages of it that the
 * kernel happens to hold, a second at most. 0 or a negative errno.
 */
int memfd_seal(int fd, unsigned more);

/* A memfd that can be executed, empty; O_CLOEXEC. Returns the fd or a negative errno. */
int memfd_executable(const char *name, struct err *err);

/* Sets or clears FD_CLOEXEC. 0 or a negative errno. */
int fd_set_cloexec(int fd, bool on);

/* "/proc/self/fd/N" for calls that take only paths. */
#define FD_PATH_MAX 32
const char *fd_path(int fd, char buf[FD_PATH_MAX]);

#endif
