/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives to files. libarchive reads the formats and writes the files; what an archive may have is decided
 * here: files, directories, and links that stay inside, with names and sizes within bounds. Modes are ours, so
 * that nothing is setuid or unreadable; owners, times and attributes are not kept.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "seed/noslated/code/act.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/tree.h"

#define BLOCK 65536

/* In layers: what has to go from those below (image-spec 1.1, layer.md). */
#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct unpacking {
	struct archive *in, *out;
	struct archive_entry *entry; /* the current one */
	struct archive_totals *totals;
	char path[CODE_PATH_MAX + 1]; /* of it */
};

/* What is wrong with an archive; the numbers of such errors say nothing. */
static int fail_in(const struct unpacking *u, const char *path, struct err *err)
{
	const char *why = archive_error_string(u->in);

	err_say(err, EINVAL, "%s", why ? why : "it cannot be read");
	return path ? err_wrap(err, "'%s'", path) : -err->code;
}

/* What is wrong with the disk, or with what is to go there. */
static int fail_out(const struct unpacking *u, const char *path, struct err *err)
{
	const char *why = archive_error_string(u->out);
	const int code = archive_errno(u->out);

	if (code > 0)
		err_set(err, code, "%s", why ? why : "write");
	else
		err_say(err, EINVAL, "%s", why ? why : "it cannot be written");
	return path ? err_wrap(err, "'%s'", path) : -err->code;
}

/* --- names --- */

/* Without "./" and a slash at the end. Empty: the directory itself. */
static int clean_name(const char *name, char *ret, struct err *err)
{
	unsigned depth = 0;
	size_t len = 0, n;

	if (!name)
		return err_say(err, EINVAL, "a name that cannot be read");
	if (*name == '/')
		return err_say(err, EINVAL, "'%.200s' is an absolute name", name);
	for (; *name; name += n + strspn(name + n, "/")) {
		n = strcspn(name, "/");
		if (n == 1 && name[0] == '.')
			continue;
		if (n == 2 && name[0] == '.' && name[1] == '.')
			return err_say(err, EINVAL, "a name leaves the archive by '..'");
		if (n > NAME_MAX || len + n + 1 > CODE_PATH_MAX || ++depth > CODE_DEPTH_MAX)
			return err_say(err, E2BIG,
				"a name of more than %d bytes, %d bytes in a part, or %d parts",
				CODE_PATH_MAX - 1, NAME_MAX, CODE_DEPTH_MAX);
		if (len > 0)
			ret[len++] = '/';
		memcpy(ret + len, name, n);
		len += n;
	}
	ret[len] = '\0';
	return 0;
}

/* Where a symbolic link points, from where it is, never goes above the root. */
static bool stays_inside(const char *path, const char *target)
{
	long depth = 0;
	size_t n;

	for (const char *c = path; *c; c++)
		depth += *c == '/';
	if (*target == '/')
		return false;
	for (; *target; target += n + strspn(target + n, "/")) {
		n = strcspn(target, "/");
		if (n == 2 && target[0] == '.' && target[1] == '.')
			depth--;
		else if (n != 1 || target[0] != '.')
			depth++;
		if (depth < 0)
			return false;
	}
	return true;
}

/* --- what may be there --- */

static int check_link(struct unpacking *u, struct err *err)
{
	const char *hard = archive_entry_hardlink(u->entry);
	const char *soft = archive_entry_symlink(u->entry);
	char name[CODE_PATH_MAX + 1];

	if (hard) {
		if (clean_name(hard, name, err) < 0)
			return err_wrap(err, "'%s' is a link", u->path);
		archive_entry_copy_hardlink(u->entry, name);
		return 0;
	}
	if (!soft || strlen(soft) > CODE_PATH_MAX || !stays_inside(u->path, soft))
		return err_say(
			err, EINVAL, "'%s' is a symbolic link that leads out of it", u->path);
	return 0;
}

static int check_entry(struct unpacking *u, struct err *err)
{
	const mode_t type = archive_entry_filetype(u->entry);

	if (archive_entry_hardlink(u->entry) || type == AE_IFLNK)
		return check_link(u, err);
	if (type != AE_IFREG && type != AE_IFDIR)
		return err_say(err, EINVAL, "'%s' is no file, no directory and no link", u->path);
	if (archive_entry_size_is_set(u->entry) &&
		archive_entry_size(u->entry) > (int64_t)CODE_TREE_MAX)
		return err_say(err, EFBIG, "'%s' has more than %llu bytes", u->path,
			(unsigned long long)CODE_TREE_MAX);
	archive_entry_set_perm(u->entry, type == AE_IFDIR ? 0755 : 0644);
	return 0;
}

/* --- contents --- */

static int count_bytes(struct archive_totals *t, uint64_t more, struct err *err)
{
	t->bytes += more;
	if (t->bytes > CODE_TREE_MAX)
		return err_say(err, EFBIG, "it unpacks to more than %llu bytes",
			(unsigned long long)CODE_TREE_MAX);
	if (t->bytes > CODE_RATIO_FREE && t->bytes / CODE_RATIO_MAX > t->packed)
		return err_say(
			err, EFBIG, "it unpacks to more than %d times its size", CODE_RATIO_MAX);
	return 0;
}

static int copy_content(struct unpacking *u, struct err *err)
{
	int64_t offset, end = 0;
	const void *block;
	size_t len;
	int r;

	while ((r = archive_read_data_block(u->in, &block, &len, &offset)) == ARCHIVE_OK) {
		if (offset < end || (uint64_t)offset > CODE_TREE_MAX || len > CODE_TREE_MAX)
			return err_say(err, EINVAL, "'%s': its pieces are out of order", u->path);
		/* Holes count, too: whoever reads them gets bytes. */
		if (count_bytes(u->totals, (uint64_t)(offset - end) + len, err) < 0)
			return -err->code;
		end = offset + (int64_t)len;
		if (archive_write_data_block(u->out, block, len, offset) < ARCHIVE_OK)
			return fail_out(u, u->path, err);
	}
	return r == ARCHIVE_EOF ? 0 : fail_in(u, u->path, err);
}

static int unpack_entry(struct unpacking *u, struct err *err)
{
	if (check_entry(u, err) < 0)
		return -err->code;
	archive_entry_copy_pathname(u->entry, u->path);
	if (archive_write_header(u->out, u->entry) < ARCHIVE_OK)
		return fail_out(u, u->path, err);
	if (archive_entry_filetype(u->entry) == AE_IFREG && copy_content(u, err) < 0)
		return -err->code;
	return archive_write_finish_entry(u->out) < ARCHIVE_OK ? fail_out(u, u->path, err) : 0;
}

/* --- whiteouts --- */

static char *base_of(char *path)
{
	char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_whiteout(char *path)
{
	return str_after(base_of(path), WHITEOUT) != NULL;
}

/* No directory above it is a link: such a name would be of another place. */
static bool is_plain(const char *path)
{
	char part[CODE_PATH_MAX + 1];
	struct stat st;

	for (const char *c = strchr(path, '/'); c; c = strchr(c + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(c - path), path);
		if (lstat(part, &st) < 0 || !S_ISDIR(st.st_mode))
			return false;
	}
	return true;
}

static int obey_whiteout(struct unpacking *u, struct err *err)
{
	char *base = base_of(u->path);
	const bool opaque = streq(base, WHITEOUT_OPAQUE);
	const char *name = base + strlen(WHITEOUT);

	if (!opaque && (!*name || streq(name, ".") || streq(name, "..")))
		return err_say(err, EINVAL, "'%s' removes nothing", u->path);
	if (!is_plain(u->path))
		return 0;
	if (!opaque) {
		memmove(base, name, strlen(name) + 1);
		tree_remove(u->path, false);
		return 0;
	}
	*base = '\0';
	tree_remove(*u->path ? u->path : ".", true);
	return 0;
}

/* --- the whole --- */

static int open_in(struct unpacking *u, bool zip, struct err *err)
{
	u->in = archive_read_new();
	if (!u->in)
		return err_oom(err);
	if (zip) {
		archive_read_support_format_zip_seekable(u->in);
	} else {
		archive_read_support_format_tar(u->in);
		archive_read_support_filter_gzip(u->in);
		archive_read_support_filter_zstd(u->in);
	}
	if (lseek(CODE_FD_SCRATCH, 0, SEEK_SET) < 0)
		return err_set(err, errno, "rewind");
	return archive_read_open_fd(u->in, CODE_FD_SCRATCH, BLOCK) == ARCHIVE_OK
		       ? 0
		       : fail_in(u, NULL, err);
}

static int open_out(struct unpacking *u, struct err *err)
{
	u->out = archive_write_disk_new();
	if (!u->out)
		return err_oom(err);
	archive_write_disk_set_options(u->out,
		ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
			ARCHIVE_EXTRACT_SECURE_NODOTDOT | ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	return 0;
}

static void finish(struct unpacking *u)
{
	if (u->in)
		archive_read_free(u->in);
	if (u->out)
		archive_write_free(u->out);
}

/* 1: there was one; 0: the end. */
static int next(struct unpacking *u, struct err *err)
{
	const int r = archive_read_next_header(u->in, &u->entry);

	if (r == ARCHIVE_EOF)
		return 0;
	/* A warning is about a name that is not in the locale's characters: its bytes are taken. */
	if (r < ARCHIVE_WARN)
		return fail_in(u, NULL, err);
	if (++u->totals->entries > CODE_ENTRIES_MAX)
		return err_say(err, E2BIG, "more than %d entries", CODE_ENTRIES_MAX);
	return clean_name(archive_entry_pathname(u->entry), u->path, err) < 0 ? -err->code : 1;
}

/* First, since the layer's own files come in any order. */
static int obey_whiteouts(struct archive_totals *totals, struct err *err)
{
	struct archive_totals mine = *totals;
	_cleanup_(finish) struct unpacking u = {.totals = &mine};
	int r = open_in(&u, false, err);

	while (r == 0 && (r = next(&u, err)) > 0)
		r = is_whiteout(u.path) ? obey_whiteout(&u, err) : 0;
	return r;
}

static int unpack_all(struct unpacking *u, bool removes, struct err *err)
{
	int r;

	while ((r = next(u, err)) > 0) {
		if (!*u->path || (removes && is_whiteout(u->path)))
			continue;
		if (unpack_entry(u, err) < 0)
			return -err->code;
	}
	if (r < 0)
		return r;
	return archive_write_close(u->out) < ARCHIVE_OK ? fail_out(u, NULL, err) : 0;
}

int archive_unpack(
	bool zip, bool removes, uint64_t size, struct archive_totals *totals, struct err *err)
{
	_cleanup_(finish) struct unpacking u = {.totals = totals};

	totals->packed += size;
	if (removes && obey_whiteouts(totals, err) < 0)
		return -err->code;
	return open_in(&u, zip, err) < 0 || open_out(&u, err) < 0 ? -err->code
								  : unpack_all(&u, removes, err);
}
