/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies a directory of the rootfs into a file system that nobody else can see yet.
 * The source is hostile: nothing is followed out of it, depth and number are limited.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

#define COPY_DEPTH_MAX	 32
#define COPY_ENTRIES_MAX 100000
#define COPY_CHUNK	 (1u << 20)

struct copy {
	unsigned depth;
	unsigned entries;
};

struct dirent_raw {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static int copy_dir(struct copy *c, int from, int to, struct err *err);

static int copy_attributes(int fd, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ||
		futimens(fd, times) < 0)
		return err_set(err, errno, "copy the attributes");
	return 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *st, struct err *err)
{
	_cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	_cleanup_close_ int out = -1;
	ssize_t n;

	if (in < 0)
		return err_set(err, errno, "open '%s'", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, errno, "create '%s'", name);
	while ((n = sendfile(out, in, NULL, COPY_CHUNK)) > 0)
		;
	if (n < 0)
		return err_set(err, errno, "copy '%s'", name);
	return copy_attributes(out, st, err);
}

static int copy_link(int from, int to, const char *name, const struct stat *st, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target));

	if (n < 0 || n == (ssize_t)sizeof(target))
		return err_set(err, n < 0 ? errno : ENAMETOOLONG, "read the link '%s'", name);
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0 ||
		fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "make the link '%s'", name);
	return 0;
}

static int copy_subdir(
	struct copy *c, int from, int to, const char *name, const struct stat *st, struct err *err)
{
	_cleanup_close_ int in =
		openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	int r;

	if (in < 0)
		return err_set(err, errno, "open '%s'", name);
	if (mkdirat(to, name, 0700) < 0)
		return err_set(err, errno, "make '%s'", name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_set(err, errno, "open the copy of '%s'", name);
	if (c->depth == COPY_DEPTH_MAX)
		return err_say(err, ELOOP, "directories nested deeper than %d", COPY_DEPTH_MAX);
	c->depth++;
	r = copy_dir(c, in, out, err);
	c->depth--;
	return r < 0 ? r : copy_attributes(out, st, err);
}

static int copy_entry(struct copy *c, int from, int to, const char *name, struct err *err)
{
	struct stat st;

	if (streq(name, ".") || streq(name, ".."))
		return 0;
	if (++c->entries > COPY_ENTRIES_MAX)
		return err_say(err, E2BIG, "more than %d files", COPY_ENTRIES_MAX);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "stat '%s'", name);
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR: return copy_subdir(c, from, to, name, &st, err);
	case S_IFREG: return copy_file(from, to, name, &st, err);
	case S_IFLNK: return copy_link(from, to, name, &st, err);
	default: return 0; /* devices, sockets and fifos are no contents */
	}
}

static int copy_dir(struct copy *c, int from, int to, struct err *err)
{
	_Alignas(struct dirent_raw) char buf[4096];
	long n;

	while ((n = syscall(SYS_getdents64, from, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent_raw *d = (const void *)(buf + at);

			if (copy_entry(c, from, to, d->name, err) < 0)
				return -err->code;
			at += d->len;
		}
	return n < 0 ? err_set(err, errno, "read a directory") : 0;
}

int copy_tree(int from, int to, struct err *err)
{
	struct copy c = {0, 0};
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_set(err, errno, "stat");
	if (copy_dir(&c, from, to, err) < 0)
		return -err->code;
	return copy_attributes(to, &st, err);
}
