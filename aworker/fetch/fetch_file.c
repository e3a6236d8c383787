/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a worker may fetch: those of its bundle, the directory of its main file.
 * The kernel sees to it that neither ".." nor a symbolic link leads out of it.
 */
#include "aworker/fetch/fetch_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return NULL;
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/* What follows the directory in a path that is below it; NULL when it is not. */
static const char *below(const char *dir, const char *path)
{
	const char *rest = str_after(path, dir);

	if (!rest || (*rest != '/' && dir[1] != '\0'))
		return NULL;
	while (*rest == '/')
		rest++;
	return *rest ? rest : NULL;
}

static int open_below(
	const char *dir, const char *name, int *ret_fd, uint64_t *ret_size, struct err *err)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	_cleanup_close_ int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int fd;

	if (dir_fd < 0)
		return err_set(err, errno, "open '%s'", dir);
	fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	if (fd < 0 && errno == EXDEV)
		return err_say(err, EXDEV, "it leads out of the directory of the worker's file");
	if (fd < 0)
		return err_set(err, errno, "open '%s'", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_say(err, EINVAL, "it is no regular file");
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int fetch_file_open(
	const char *main_file, const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
	_cleanup_free_ char *dir = directory_of(main_file);
	const char *name = dir ? below(dir, path) : NULL;

	if (!name)
		return err_say(err, EACCES,
			"only files in the directory of the worker's file can "
			"be fetched");
	return open_below(dir, name, ret_fd, ret_size, err);
}
