/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/input.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

#define CHUNK ((size_t)1 << 18)

static int read_all(gzFile file, const char *path, struct buf *b, struct err *err)
{
	int n;

	for (;;) {
		char *to;
		int code;

		if (b->len > INPUT_MAX)
			return err_say(err, EFBIG, "%s: more than %zu bytes", path, INPUT_MAX);
		to = buf_extend(b, CHUNK);
		if (!to)
			return err_oom(err);
		n = gzread(file, to, CHUNK);
		b->len -= CHUNK - (size_t)(n > 0 ? n : 0);
		if (n > 0)
			continue;
		/* At the end of a file that was cut off zlib says so here, and nowhere else. */
		gzerror(file, &code);
		if (n == 0 && code == Z_OK)
			return 0;
		if (code == Z_ERRNO)
			return err_set(err, errno, "read '%s'", path);
		return err_say(err, EINVAL, "%s: %s", path,
			code == Z_BUF_ERROR ? "the packed data end early" : "bad packed data");
	}
}

int input_read(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	gzFile file;
	int r;

	if (input_is_directory(path))
		return err_set(err, EISDIR, "read '%s'", path);
	errno = ENOMEM;
	file = gzopen(path, "rbe");
	if (!file)
		return err_set(err, errno, "open '%s'", path);
	r = read_all(file, path, &b, err);
	gzclose_r(file);
	if (r < 0)
		return r;
	*ret_len = b.len;
	*ret = buf_take(&b);
	return *ret ? 0 : err_oom(err);
}

int input_find(const char *prefix, const char *suffix, char **ret, struct err *err)
{
	static const char *const endings[] = {"", ".gz"};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s%s", prefix, suffix, endings[i]) < 0)
			return err_oom(err);
		if (access(path, F_OK) == 0) {
			*ret = take_ptr(&path);
			return 0;
		}
	}
	return err_say(err, ENOENT, "neither '%s%s' nor '%s%s.gz' is there", prefix, suffix, prefix,
		suffix);
}

/* How much of a name stands before the suffix; 0: it has none. */
static size_t stem(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	if (len > 3 && streq(name + len - 3, ".gz"))
		len -= 3;
	return len > n && memcmp(name + len - n, suffix, n) == 0 ? len - n : 0;
}

int input_prefix(const char *directory, const char *suffix, char **ret, struct err *err)
{
	_cleanup_free_ char *found = NULL;
	DIR *dir = opendir(directory);
	struct dirent *e;
	unsigned n = 0;

	if (!dir)
		return err_set(err, errno, "open '%s'", directory);
	while ((e = readdir(dir))) {
		const size_t len = stem(e->d_name, suffix);
		char *path;

		if (!len)
			continue;
		if (asprintf(&path, "%s/%.*s", directory, (int)len, e->d_name) < 0)
			break;
		if (found && streq(found, path)) { /* packed and unpacked */
			free(path);
			continue;
		}
		free(found);
		found = path;
		n++;
	}
	closedir(dir);
	if (n != 1)
		return err_say(err, ENOENT, "%s: %s ends in '%s': name the file before that",
			directory, n ? "more than one file" : "no file", suffix);
	*ret = take_ptr(&found);
	return 0;
}

bool input_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
