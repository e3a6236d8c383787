/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The digest finds damage: of disks, of copies that were cut short, of tools that write
 * where they should not. Against who may write to the file there is none. To read all of
 * an image takes longer than to start from it, so that it was right is noted for as long as
 * the machine is up, under a name that tells this state of the file from all others.
 */
#include "seed/image_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/image.h"

#define PIECE ((size_t)1 << 20)

#define DIR_MODE 0755

/* Where its note has it in the file. */
struct place {
	uint64_t offset;
	unsigned char digest[IMAGE_DIGEST_LEN];
};

static int find(int fd, struct place *ret, struct err *err)
{
	_cleanup_free_ char *head = malloc(IMAGE_HEAD_MAX);
	struct elfcore_note note;
	struct elfcore core;

	if (!head)
		return err_oom(err);
	if (image_read_head(fd, head, &core, err) < 0)
		return -err->code;
	if (!elfcore_find_note(&core, IMAGE_NOTE, IMAGE_NOTE_DIGEST, &note) ||
		note.len != sizeof(ret->digest))
		return err_say(err, EINVAL, "it has no digest");
	ret->offset = (uint64_t)((const char *)note.data - head);
	memcpy(ret->digest, note.data, sizeof(ret->digest));
	return 0;
}

/* As if the digest itself were zeros. */
static void blank(unsigned char *piece, uint64_t at, size_t len, uint64_t offset)
{
	for (uint64_t i = offset; i < offset + IMAGE_DIGEST_LEN; i++)
		if (i >= at && i < at + len)
			piece[i - at] = 0;
}

static int hash(int fd, uint64_t offset, unsigned char ret[IMAGE_DIGEST_LEN], struct err *err)
{
	_cleanup_free_ unsigned char *piece = malloc(PIECE);
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t canonical;
	uint64_t at = 0;
	ssize_t n = -1;

	if (!piece || !state) {
		XXH3_freeState(state);
		return err_oom(err);
	}
	XXH3_128bits_reset(state);
	while ((n = pread(fd, piece, PIECE, (off_t)at)) > 0) {
		blank(piece, at, (size_t)n, offset);
		XXH3_128bits_update(state, piece, (size_t)n);
		at += (uint64_t)n;
	}
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	XXH3_freeState(state);
	if (n < 0)
		return err_set(err, errno, "read");
	static_assert(sizeof(canonical) == IMAGE_DIGEST_LEN, "128 bits");
	memcpy(ret, &canonical, IMAGE_DIGEST_LEN);
	return 0;
}

int image_seal(int fd, struct err *err)
{
	unsigned char digest[IMAGE_DIGEST_LEN];
	struct place p;

	if (find(fd, &p, err) < 0 || hash(fd, p.offset, digest, err) < 0)
		return -err->code;
	if (pwrite(fd, digest, sizeof(digest), (off_t)p.offset) != sizeof(digest))
		return err_set(err, errno, "write");
	return 0;
}

static int check(int fd, struct err *err)
{
	unsigned char digest[IMAGE_DIGEST_LEN];
	struct place p;

	if (find(fd, &p, err) < 0 || hash(fd, p.offset, digest, err) < 0)
		return -err->code;
	return memcmp(digest, p.digest, sizeof(digest)) == 0
		       ? 0
		       : err_say(err, EBADMSG, "it is damaged: its digest is another");
}

/* -1: there is no place for such notes. */
static int open_notes(bool make)
{
	const char *dir = paths_verified_dir();
	struct err ignored;
	struct stat st;
	int fd;

	if (!*dir || (make && paths_mkdir_all(dir, DIR_MODE, &ignored) < 0))
		return -1;
	fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* What others may write is worth nothing. */
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_mode & (S_IWGRP | S_IWOTH) ||
			       (st.st_uid != 0 && st.st_uid != geteuid())))
		fd_close(&fd);
	return fd;
}

int image_check_once(int fd, const struct stat *file, struct err *err)
{
	_cleanup_close_ int dir = open_notes(false);
	_cleanup_close_ int note = -1;
	char name[96];

	snprintf(name, sizeof(name), "%llx-%llx-%llx-%llx.%09lx", (unsigned long long)file->st_dev,
		(unsigned long long)file->st_ino, (unsigned long long)file->st_size,
		(unsigned long long)file->st_mtim.tv_sec, (unsigned long)file->st_mtim.tv_nsec);
	if (dir >= 0 && faccessat(dir, name, F_OK, 0) == 0)
		return 0;
	if (check(fd, err) < 0)
		return -err->code;
	if (dir < 0)
		dir = open_notes(true);
	/* Without the note the next start looks again. */
	if (dir >= 0)
		note = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);
	return 0;
}
