/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/image.h"
#include "seed/image_digest.h"

static int check_sources(const struct elfcore *core, const struct stat *worker, struct err *err)
{
	struct elfcore_note note;
	struct image_source s;
	bool is_workers = false;
	struct stat st;

	if (!elfcore_find_note(core, IMAGE_NOTE, IMAGE_NOTE_SOURCES, &note))
		return err_say(err, EINVAL, "it does not say what it was made of");
	for (size_t i = 0; image_source_at(&note, i, &s); i++) {
		if (stat(s.path, &st) < 0 || !image_source_is(&s, &st))
			return err_say(err, ESTALE, "'%s' is another file by now", s.path);
		is_workers |= st.st_dev == worker->st_dev && image_source_is(&s, worker);
	}
	return is_workers ? 0 : err_say(err, ESTALE, "made by another program");
}

static int check_segments(const struct elfcore *core, uint64_t size, struct err *err)
{
	struct elfcore_segment s;
	size_t at = 0;

	while (elfcore_next_segment(core, &at, &s))
		if (s.offset + s.filled > size)
			return err_say(err, EINVAL, "it is cut off");
	return 0;
}

int image_read_head(int fd, void *head, struct elfcore *ret, struct err *err)
{
	ssize_t n = pread(fd, head, IMAGE_HEAD_MAX, 0);
	const char *wrong;

	if (n < 0)
		return err_set(err, errno, "read");
	wrong = elfcore_open(ret, head, (size_t)n);
	return wrong ? err_say(err, EINVAL, "%s", wrong) : 0;
}

static int check_head(int fd, uint64_t size, const struct stat *worker, struct err *err)
{
	_cleanup_free_ char *head = malloc(IMAGE_HEAD_MAX);
	struct image_process p;
	struct elfcore core;
	struct utsname host;

	if (!head)
		return err_oom(err);
	if (image_read_head(fd, head, &core, err) < 0)
		return -err->code;
	if (!image_take_note(&core, IMAGE_NOTE, IMAGE_NOTE_PROCESS, &p, sizeof(p)))
		return err_say(err, EINVAL, "a core, but no base image");
	if (uname(&host) < 0)
		return err_set(err, errno, "uname");
	if (!image_is_of_host(&p, &host))
		return err_say(err, ESTALE, "of another kernel, processor or version of turf");
	return check_segments(&core, size, err) < 0 ? -err->code
						    : check_sources(&core, worker, err);
}

static int check(int fd, const struct stat *worker, struct err *err)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0)
		return err_set(err, errno, "stat");
	if (!image_is_trusted(&st, geteuid()))
		return err_say(err, EPERM, "others than root and this user can write to it");
	if (fs.f_flag & ST_NOEXEC)
		return err_say(err, EACCES, "nothing on its file system may be executed");
	return check_head(fd, (uint64_t)st.st_size, worker, err) < 0
		       ? -err->code
		       : image_check_once(fd, &st, err);
}

int image_open_base(const struct stat *worker, struct err *err)
{
	const char *path = paths_base_image();
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err_set(err, errno, "base image '%s'", path);
	else if (check(fd, worker, err) < 0)
		err_wrap(err, "base image '%s'", path);
	else
		return take_fd(&fd);
	return -1;
}

bool image_base_is_by(const char *worker)
{
	_cleanup_close_ int fd = open(paths_base_image(), O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *head = malloc(IMAGE_HEAD_MAX);
	struct elfcore_note note;
	struct image_source s;
	struct elfcore core;
	struct err ignored;

	if (fd < 0 || !head || image_read_head(fd, head, &core, &ignored) < 0 ||
		!elfcore_find_note(&core, IMAGE_NOTE, IMAGE_NOTE_SOURCES, &note))
		return false;
	for (size_t i = 0; image_source_at(&note, i, &s); i++)
		if (streq(s.path, worker))
			return true;
	return false;
}
