/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/code/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

#define INDEX_FILE "index.json"

/* A layout is others': nothing of it leads out of it, and only files are files. */
static int open_below(int dir, const char *path, struct stat *ret, struct err *err)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd < 0 || fstat(fd, ret) < 0)
		return err_set(err, errno, "open '%s'", path);
	if (!S_ISREG(ret->st_mode))
		return err_say(err, EINVAL, "'%s' is no file", path);
	return take_fd(&fd);
}

static void path_of(const struct layout_blob *b, char *ret, size_t size)
{
	snprintf(ret, size, "blobs/sha256/%s", digest_hex(b->digest.text));
}

int layout_open(int dir, const struct layout_blob *blob, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[128];

	path_of(blob, path, sizeof(path));
	fd = open_below(dir, path, &st, err);
	if (fd < 0)
		return fd;
	if ((uint64_t)st.st_size != blob->size)
		return err_say(err, EINVAL, "'%s' has %jd bytes, and should have %" PRIu64, path,
			(intmax_t)st.st_size, blob->size);
	return take_fd(&fd);
}

static int read_blob(
	int dir, const struct layout_blob *b, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = layout_open(dir, b, err);
	_cleanup_free_ char *text = NULL;
	struct digest d;
	char path[128];

	path_of(b, path, sizeof(path));
	if (fd < 0 || file_read_fd(fd, path, CODE_MANIFEST_MAX, &text, ret_len, err) < 0)
		return -err->code;
	digest_bytes(text, *ret_len, &d);
	if (!streq(d.text, b->digest.text))
		return err_say(err, EINVAL, "'%s' has the digest %s", path, d.text);
	*ret = take_ptr(&text);
	return 0;
}

static int read_index_file(int dir, char **ret, size_t *ret_len, struct err *err)
{
	struct stat st;
	_cleanup_close_ int fd = open_below(dir, INDEX_FILE, &st, err);

	return fd < 0 ? fd : file_read_fd(fd, INDEX_FILE, CODE_MANIFEST_MAX, ret, ret_len, err);
}

static int read_manifest(
	int dir, const struct layout_blob *blob, struct layout *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (read_blob(dir, blob, &text, &len, err) < 0)
		return -err->code;
	ret->digest = blob->digest;
	return layout_read_manifest(text, len, ret, err) < 0 ? err_wrap(err, "the manifest") : 0;
}

int layout_choose(int dir, const char *wanted, struct layout *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct layout_choice c;
	size_t len;

	if (read_index_file(dir, &text, &len, err) < 0)
		return -err->code;
	for (unsigned depth = 0; depth < CODE_INDEXES_MAX; depth++) {
		if (layout_read_index(text, len, wanted, &c, err) < 0)
			return err_wrap(err, "the index");
		if (!c.is_index)
			return read_manifest(dir, &c.blob, ret, err);
		if (c.is_wanted)
			wanted = NULL;
		free_clear(&text);
		if (read_blob(dir, &c.blob, &text, &len, err) < 0)
			return -err->code;
	}
	return err_say(err, E2BIG, "more than %d indexes below each other", CODE_INDEXES_MAX);
}
