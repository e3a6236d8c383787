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

static int check_head(int fd, uint64_t size, const struct stat *worker, struct err *err)
{
	_cleanup_free_ char *head = malloc(IMAGE_HEAD_MAX);
	ssize_t n = head ? pread(fd, head, IMAGE_HEAD_MAX, 0) : -1;
	struct image_process p;
	struct elfcore core;
	struct utsname host;
	const char *wrong;

	if (n < 0)
		return err_set(err, errno, "read");
	wrong = elfcore_open(&core, head, (size_t)n);
	if (wrong)
		return err_say(err, EINVAL, "%s", wrong);
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
	return check_head(fd, (uint64_t)st.st_size, worker, err);
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
