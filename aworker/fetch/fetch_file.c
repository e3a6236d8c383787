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

#include "runtime/base/util.h"

/* The directory of the file `path`, "/" at its end; NULL without memory. */
char *fetch_file_root(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
}

int fetch_file_open(const char *root, int *root_fd, const char *path, int *ret_fd,
	uint64_t *ret_size, struct err *err)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	const char *name = str_after(path, root);
	struct stat st;
	int fd;

	while (name && *name == '/')
		name++;
	if (!*root || !name || !*name)
		return err_say(err, EACCES,
			"only files in the directory of the worker's file can "
			"be fetched");
	if (*root_fd < 0)
		*root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*root_fd < 0)
		return err_set(err, errno, "open '%s'", root);
	fd = (int)syscall(SYS_openat2, *root_fd, name, &how, sizeof(how));
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
