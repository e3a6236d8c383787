/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/code/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/tree.h"

#define PIECE 65536

static void finish(struct sha256_ctx *ctx, struct digest *ret)
{
	const size_t before = strlen(DIGEST_PREFIX);
	struct digest d = {DIGEST_PREFIX};
	uint8_t bytes[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof(bytes), bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(d.text + before + 2 * i, 3, "%02x", bytes[i]);
	*ret = d;
}

static void add(struct sha256_ctx *ctx, const void *data, size_t len)
{
	sha256_update(ctx, len, data);
}

bool digest_is_valid(const char *text)
{
	const char *hex = str_after(text, DIGEST_PREFIX);

	return hex && strlen(hex) == DIGEST_HEX && strspn(hex, "0123456789abcdef") == DIGEST_HEX;
}

const char *digest_hex(const char *text)
{
	return text + strlen(DIGEST_PREFIX);
}

void digest_bytes(const void *data, size_t len, struct digest *ret)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	add(&ctx, data, len);
	finish(&ctx, ret);
}

int digest_copy(
	int from, int to, uint64_t max, struct digest *ret, uint64_t *ret_size, struct err *err)
{
	struct sha256_ctx ctx;
	uint8_t piece[PIECE];
	uint64_t size = 0;

	sha256_init(&ctx);
	for (;;) {
		const ssize_t n = read(from, piece, sizeof(piece));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read");
		if (n == 0)
			break;
		size += (uint64_t)n;
		if (size > max)
			return err_say(err, EFBIG, "more than %" PRIu64 " bytes", max);
		add(&ctx, piece, (size_t)n);
		r = to < 0 ? 0 : fd_write_all(to, piece, (size_t)n);
		if (r < 0)
			return err_set(err, -r, "copy");
	}
	finish(&ctx, ret);
	if (ret_size)
		*ret_size = size;
	return 0;
}

/* --- trees --- */

static void add_line(struct sha256_ctx *ctx, char kind, const char *path, const char *hex)
{
	const char head[] = {kind, ' '};

	add(ctx, head, sizeof(head));
	add(ctx, path, strlen(path) + 1);
	add(ctx, hex, strlen(hex));
	add(ctx, "\n", 1);
}

static int digest_file_in(const struct tree_entry *e, struct digest *ret, struct err *err)
{
	_cleanup_close_ int fd =
		openat(e->dir, e->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open '%s'", e->path);
	return digest_copy(fd, -1, CODE_TREE_MAX, ret, NULL, err) < 0
		       ? err_wrap(err, "'%s'", e->path)
		       : 0;
}

static int add_content(void *arg, const struct tree_entry *e, struct err *err)
{
	struct sha256_ctx *ctx = arg;
	char target[PATH_MAX];
	struct digest d;
	ssize_t n;

	if (S_ISDIR(e->st->st_mode)) {
		add_line(ctx, 'd', e->path, "");
	} else if (S_ISREG(e->st->st_mode)) {
		if (digest_file_in(e, &d, err) < 0)
			return -err->code;
		add_line(ctx, 'f', e->path, digest_hex(d.text));
	} else if (S_ISLNK(e->st->st_mode)) {
		n = readlinkat(e->dir, e->name, target, sizeof(target));
		if (n < 0)
			return err_set(err, errno, "read '%s'", e->path);
		digest_bytes(target, (size_t)n, &d);
		add_line(ctx, 'l', e->path, digest_hex(d.text));
	} else {
		return err_say(
			err, EINVAL, "'%s' is no file, no directory and no symbolic link", e->path);
	}
	return 0;
}

int digest_tree(int dir, struct digest *ret, struct err *err)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	if (tree_walk(dir, add_content, &ctx, err) < 0)
		return -err->code;
	finish(&ctx, ret);
	return 0;
}

/* --- fingerprints --- */

static void add_stat(struct sha256_ctx *ctx, const char *path, const struct stat *st)
{
	char text[256];
	const int n = snprintf(text, sizeof(text), "%o %ju %ju %jd %jd.%09ld %jd.%09ld\n",
		st->st_mode, (uintmax_t)st->st_dev, (uintmax_t)st->st_ino, (intmax_t)st->st_size,
		(intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec,
		st->st_ctim.tv_nsec);

	add(ctx, path, strlen(path) + 1);
	add(ctx, text, (size_t)n);
}

static int add_entry(void *arg, const struct tree_entry *e, struct err *err UNUSED)
{
	add_stat(arg, e->path, e->st);
	return 0;
}

int digest_fingerprint(int fd, struct digest *ret, struct err *err)
{
	struct sha256_ctx ctx;
	struct stat st;

	sha256_init(&ctx);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at it");
	add_stat(&ctx, "", &st);
	if (S_ISDIR(st.st_mode) && tree_walk(fd, add_entry, &ctx, err) < 0)
		return -err->code;
	finish(&ctx, ret);
	return 0;
}
