/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of one seed: two sockets, a lock, a log. Whoever holds the lock is
 * the keeper of that name; the lock dies with the process, so that what a killed
 * keeper left behind is simply taken over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "seed/keeper_priv.h"

/* The log and its predecessor take at most twice this. */
#define LOG_SIZE_MAX (1 << 20)
#define LOG_OLD	     "log.1"

/* How often the lock is tried for when its file is removed under us by a keeper that ends. */
#define LOCK_TRIES 50

static int check_owner(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat '%s'", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_say(err, EPERM, "'%s' belongs to another user (%u)", path, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_say(err, EPERM, "'%s' can be written by others", path);
	return 0;
}

static int open_dir(struct keeper_dir *d, const char *name, struct err *err)
{
	_cleanup_close_ int parent = -1;
	const char *seeds = paths_seeds_dir();
	int r;

	if ((size_t)snprintf(d->path, sizeof(d->path), "%s/%s", seeds, name) >= sizeof(d->path))
		return err_set(err, ENAMETOOLONG, "make directory '%s/%s'", seeds, name);
	r = paths_mkdir_all(seeds, 0700, err);
	if (r < 0)
		return r;
	parent = open(seeds, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set(err, errno, "open '%s'", seeds);
	r = check_owner(parent, seeds, err);
	if (r < 0)
		return r;
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make directory '%s'", d->path);
	d->fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (d->fd < 0)
		return err_set(err, errno, "open '%s'", d->path);
	r = check_owner(d->fd, d->path, err);
	if (r == 0 && fchmod(d->fd, 0700) < 0)
		r = err_set(err, errno, "chmod '%s'", d->path);
	return r;
}

/* 1 with the lock, 0 when file or directory went away meanwhile: begin anew. */
static int try_lock(struct keeper_dir *d, struct err *err)
{
	struct stat held;
	struct stat named;

	d->lock_fd = openat(d->fd, SEED_FILE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (d->lock_fd < 0 && errno == ENOENT)
		return 0;
	if (d->lock_fd < 0)
		return err_set(err, errno, "open '%s/" SEED_FILE_LOCK "'", d->path);
	if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return err_say(err, EEXIST, "a keeper runs under this name");
		return err_set(err, errno, "lock '%s/" SEED_FILE_LOCK "'", d->path);
	}
	return fstat(d->lock_fd, &held) == 0 &&
	       fstatat(d->fd, SEED_FILE_LOCK, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static int open_log(struct keeper_dir *d)
{
	int fd = openat(
		d->fd, SEED_FILE_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct log_config config = {
		.level = LOG_LEVEL_INFO, .format = LOG_FORMAT_TEXT, .program = "turf-seed"};

	if (fd < 0)
		return -errno;
	fd_close(&d->log_fd);
	d->log_fd = fd;
	config.fd = fd;
	log_setup(&config);
	return 0;
}

int keeper_dir_open(struct keeper_dir *d, const char *name, struct err *err)
{
	int r = 0;

	for (int i = 0; i < LOCK_TRIES && r == 0; i++) {
		fd_close(&d->fd);
		fd_close(&d->lock_fd);
		r = open_dir(d, name, err);
		if (r == 0)
			r = try_lock(d, err);
	}
	if (r == 0)
		return err_say(err, EBUSY, "lock '%s': it is removed again and again", d->path);
	if (r < 0)
		return r;
	r = open_log(d);
	return r < 0 ? err_set(err, -r, "open '%s/" SEED_FILE_LOG "'", d->path) : 0;
}

int keeper_dir_link_worker(struct keeper_dir *d, const char *worker, struct err *err)
{
	/* One that was killed may have left its own. */
	if ((unlinkat(d->fd, SEED_LINK_WORKER, 0) < 0 && errno != ENOENT) ||
		symlinkat(worker, d->fd, SEED_LINK_WORKER) < 0)
		return err_set(err, errno, "link '%s/" SEED_LINK_WORKER "'", d->path);
	return 0;
}

void keeper_dir_turn_log(struct keeper_dir *d)
{
	struct stat st;

	if (fstat(d->log_fd, &st) < 0 || st.st_size < LOG_SIZE_MAX)
		return;
	if (renameat(d->fd, SEED_FILE_LOG, d->fd, LOG_OLD) < 0 || open_log(d) < 0)
		/* Better no history than a full disk. */
		(void)!ftruncate(d->log_fd, 0);
}

void keeper_dir_remove(struct keeper_dir *d)
{
	/* The lock is the last file: a successor that finds it removed begins anew. */
	static const char *const files[] = {SEED_SOCKET_CLONE, SEED_SOCKET_CONTROL,
		SEED_LINK_WORKER, SEED_FILE_LOG, LOG_OLD, SEED_FILE_LOCK};
	struct log_config quiet = {.level = LOG_LEVEL_ERROR, .fd = -1, .program = "turf-seed"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(d->fd, files[i], 0);
	rmdir(d->path);
	log_setup(&quiet);
	fd_close(&d->log_fd);
	fd_close(&d->lock_fd);
	fd_close(&d->fd);
}
