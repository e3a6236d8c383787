/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled programs, kept between runs: libseccomp takes milliseconds for a profile
 * of the usual size, and all containers of a node have the same few.
 *
 * A file is found by a hash and believed only when the whole key, which it repeats, is
 * the same: profile, versions, architecture. It is written under no name and linked
 * when it is complete, so there are no halves. Whatever is odd about the directory or
 * a file, the profile is compiled as if there was no cache.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/seccomp_priv.h"

/* The last byte goes up with every change of what seccomp.c makes of a profile. */
#define CACHE_MAGIC	0x32434553u
#define CACHE_FILES_MAX 64
#define CACHE_SIZE_MAX	(4u << 20)
#define CACHE_NAME_MAX	20

/* A file; the key and the instructions follow. */
struct cache_head {
	uint32_t magic;
	uint32_t key_len;
	uint32_t n_insns;
	uint32_t flags;
	uint32_t notifies;
};

static void make_key(const struct oci_seccomp *config, struct buf *key)
{
	buf_printf(key, TURF_VERSION " %s %x\n", seccomp_library(), seccomp_arch_native());
	oci_seccomp_write(config, key);
}

/* FNV-1a; it need not be strong, because the key decides. */
static void make_name(const struct buf *key, char ret[CACHE_NAME_MAX])
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < key->len; i++)
		h = (h ^ (unsigned char)key->data[i]) * 0x100000001b3u;
	snprintf(ret, CACHE_NAME_MAX, "%016llx", (unsigned long long)h);
}

/* Ours, and nobody else may write to it. */
static bool is_trusted(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static int open_dir(const char *path, bool make)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make && mkdir(path, 0700) == 0)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !is_trusted(fd, S_IFDIR))
		fd_close(&fd);
	return fd;
}

/* --- reading --- */

static bool take(const char *data, size_t len, const struct buf *key, struct seccomp_program *ret)
{
	const struct cache_head *head = (const void *)data;
	size_t insns_len;

	if (len < sizeof(*head) || head->magic != CACHE_MAGIC || head->key_len != key->len ||
		head->n_insns == 0 || head->n_insns > BPF_MAXINSNS)
		return false;
	insns_len = head->n_insns * sizeof(*ret->insns);
	if (len != sizeof(*head) + key->len + insns_len ||
		memcmp(data + sizeof(*head), key->data, key->len) != 0)
		return false;
	ret->insns = malloc(insns_len);
	if (!ret->insns)
		return false;
	memcpy(ret->insns, data + sizeof(*head) + key->len, insns_len);
	ret->len = (uint16_t)head->n_insns;
	ret->flags = head->flags;
	ret->notifies = head->notifies;
	return true;
}

static bool find(
	const char *dir, const char *name, const struct buf *key, struct seccomp_program *ret)
{
	_cleanup_close_ int dir_fd = open_dir(dir, false);
	_cleanup_close_ int fd = -1;
	size_t expected = sizeof(struct cache_head) + key->len + BPF_MAXINSNS * sizeof(*ret->insns);
	_cleanup_free_ char *data = NULL;
	ssize_t len;

	if (dir_fd >= 0)
		fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || expected > CACHE_SIZE_MAX || !is_trusted(fd, S_IFREG))
		return false;
	data = malloc(expected);
	len = data ? fd_read_all(fd, data, expected) : -1;
	return len > 0 && take(data, (size_t)len, key, ret);
}

/* --- writing --- */

/* One goes for each that comes: the one that was written first. */
static void make_room(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	char oldest[NAME_MAX + 1] = "";
	struct timespec when = {0};
	const struct dirent *entry;
	unsigned n = 0;

	if (!d) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(d))) {
		struct stat st;

		if (*entry->d_name == '.' ||
			fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (n++ == 0 || st.st_mtim.tv_sec < when.tv_sec ||
			(st.st_mtim.tv_sec == when.tv_sec && st.st_mtim.tv_nsec < when.tv_nsec)) {
			strcpy(oldest, entry->d_name);
			when = st.st_mtim;
		}
	}
	closedir(d);
	if (n >= CACHE_FILES_MAX)
		(void)unlinkat(dir_fd, oldest, 0);
}

static void keep(
	const char *dir, const char *name, const struct buf *key, const struct seccomp_program *p)
{
	const struct cache_head head = {
		CACHE_MAGIC, (uint32_t)key->len, p->len, p->flags, p->notifies};
	_cleanup_close_ int dir_fd = open_dir(dir, true);
	_cleanup_close_ int fd = -1;
	char path[FD_PATH_MAX];

	if (dir_fd < 0)
		return;
	make_room(dir_fd);
	fd = openat(dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, &head, sizeof(head)) < 0 ||
		fd_write_all(fd, key->data, key->len) < 0 ||
		fd_write_all(fd, p->insns, p->len * sizeof(*p->insns)) < 0)
		return;
	fd_path(fd, path);
	if (linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) == 0 || errno != EEXIST)
		return;
	/* One that was not believed, of another key, or of somebody who was as quick. */
	if (unlinkat(dir_fd, name, 0) == 0)
		(void)!linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW);
}

int seccomp_compile_cached(const char *dir, const struct oci_seccomp *config,
	struct seccomp_program *ret, struct buf *warnings, struct err *err)
{
	_cleanup_buf_ struct buf key = BUF_INIT;
	size_t warned = warnings->len;
	char name[CACHE_NAME_MAX];
	int r = seccomp_check_flags(config, err);

	if (r < 0)
		return r;
	make_key(config, &key);
	if (buf_failed(&key))
		return err_oom(err);
	make_name(&key, name);
	if (find(dir, name, &key, ret))
		return 0;
	r = seccomp_compile(config, ret, warnings, err);
	/* What was warned of once shall be warned of again. */
	if (r == 0 && warnings->len == warned)
		keep(dir, name, &key, ret);
	return r;
}
