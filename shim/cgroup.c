/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"

#define CGROUP_MOUNT "/sys/fs/cgroup"
/* Where a hybrid host has v2. */
#define CGROUP_MOUNT_HYBRID CGROUP_MOUNT "/unified"

#define CGROUPS_MAX (64 << 10)

/* What is ending in a cgroup that is to be removed may take so long. */
#define REMOVE_TIMEOUT_MS 1000

char *cgroup_of(pid_t pid)
{
	struct err err = ERR_INIT;
	char path[64];
	char *text;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	return file_read(AT_FDCWD, path, CGROUPS_MAX, &text, &len, &err) < 0 ? NULL : text;
}

bool cgroup_is_unified(void)
{
	struct statfs fs;

	return statfs(CGROUP_MOUNT, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool has_word(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list, *end = list + len; p <= end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t l = (size_t)((comma ? comma : end) - p);

		if (l == n && memcmp(p, word, n) == 0)
			return true;
		p += l + 1;
	}
	return false;
}

/* A line is "ID:CONTROLLERS:PATH"; v2 has no controllers. */
static bool find_line(const char *cgroups, const char *controller, const char **ret_list,
	size_t *ret_list_len, const char **ret_path, size_t *ret_path_len)
{
	for (const char *line = cgroups; *line;) {
		size_t len = strcspn(line, "\n");
		const char *list = memchr(line, ':', len);
		const char *path =
			list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;

		if (path && has_word(list + 1, (size_t)(path - list - 1), controller)) {
			*ret_list = list + 1;
			*ret_list_len = (size_t)(path - list - 1);
			*ret_path = path + 1;
			*ret_path_len = len - (size_t)(path + 1 - line);
			return true;
		}
		line += len + (line[len] == '\n');
	}
	return false;
}

static int open_dir(
	const char *mount, const char *name, size_t name_len, const char *path, size_t path_len)
{
	_cleanup_free_ char *full = NULL;
	int fd;

	if (asprintf(&full, "%s/%.*s%.*s", mount, (int)name_len, name, (int)path_len, path) < 0)
		return -ENOMEM;
	fd = open(full, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_open(const char *cgroups, const char *controller)
{
	const char *list, *path;
	size_t list_len, path_len;
	int fd;

	if (!cgroups || !find_line(cgroups, controller, &list, &list_len, &path, &path_len))
		return -ENOENT;
	if (!*controller)
		return open_dir(cgroup_is_unified() ? CGROUP_MOUNT : CGROUP_MOUNT_HYBRID, "", 0,
			path, path_len);
	/* "cpu,cpuacct" is mounted under that name, and has a link for each of the two. */
	fd = open_dir(CGROUP_MOUNT, list, list_len, path, path_len);
	return fd >= 0 ? fd
		       : open_dir(CGROUP_MOUNT, controller, strlen(controller), path, path_len);
}

char *cgroup_text(int dir, const char *file)
{
	struct err err = ERR_INIT;
	char *text;
	size_t len;

	return dir < 0 || file_read(dir, file, CGROUP_FILE_MAX, &text, &len, &err) < 0 ? NULL
										       : text;
}

uint64_t cgroup_number(int dir, const char *file)
{
	_cleanup_free_ char *text = cgroup_text(dir, file);

	if (!text)
		return 0;
	return strncmp(text, "max", 3) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

static int join_one(const char *mount, const char *path, pid_t pid, struct err *err)
{
	_cleanup_free_ char *dir = NULL, *file = NULL;
	char number[16];

	if (asprintf(&dir, "%s/%s", mount, path) < 0 || asprintf(&file, "%s/cgroup.procs", dir) < 0)
		return err_oom(err);
	if (paths_mkdir_all(dir, 0755, err) < 0)
		return -err->code;
	snprintf(number, sizeof(number), "%d", (int)pid);
	return file_put(AT_FDCWD, file, number, err);
}

enum hierarchy { HIERARCHY_V1, HIERARCHY_NAMED, HIERARCHY_V2 };

/* Where the hierarchy of a line of /proc/PID/cgroup is mounted; NULL without memory. Moves *line on. */
static char *next_mount(const char **line, enum hierarchy *ret)
{
	size_t len = strcspn(*line, "\n");
	const char *list = *line + strcspn(*line, ":\n");
	size_t list_len;
	char *mount;

	list += *list == ':';
	list_len = strcspn(list, ":\n");
	*ret = list_len == 0			? HIERARCHY_V2
	       : strncmp(list, "name=", 5) == 0 ? HIERARCHY_NAMED
						: HIERARCHY_V1;
	if (*ret == HIERARCHY_V2)
		mount = strdup(cgroup_is_unified() ? CGROUP_MOUNT : CGROUP_MOUNT_HYBRID);
	else if (asprintf(&mount, CGROUP_MOUNT "/%.*s", (int)list_len, list) < 0)
		mount = NULL;
	if (mount && *ret == HIERARCHY_NAMED)
		memmove(strstr(mount, "name="), strstr(mount, "name=") + 5,
			strlen(strstr(mount, "name=") + 5) + 1);
	*line += len + ((*line)[len] == '\n');
	return mount;
}

int cgroup_join(const char *path, pid_t pid, struct err *err)
{
	_cleanup_free_ char *own = cgroup_of(pid);
	enum hierarchy kind;

	if (cgroup_is_unified())
		return join_one(CGROUP_MOUNT, path, pid, err);
	for (const char *line = own ? own : ""; *line;) {
		_cleanup_free_ char *mount = next_mount(&line, &kind);

		if (!mount)
			return err_oom(err);
		if (kind == HIERARCHY_V1 && join_one(mount, path, pid, err) < 0)
			return -err->code;
	}
	return 0;
}

/* Directories below come before the one that they are in. */
static int remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *below = NULL;

		if (entry->d_type != DT_DIR || streq(entry->d_name, ".") ||
			streq(entry->d_name, ".."))
			continue;
		if (asprintf(&below, "%s/%s", path, entry->d_name) >= 0)
			(void)remove_tree(below);
	}
	if (dir)
		closedir(dir);
	return rmdir(path) < 0 ? -errno : 0;
}

void cgroup_remove(const char *path)
{
	_cleanup_free_ char *own = cgroup_of(getpid());
	int64_t deadline = clock_ms() + REMOVE_TIMEOUT_MS;
	enum hierarchy kind;

	if (strchr(path, ':') || strstr(path, "..") || !path[strspn(path, "/")])
		return;
	for (const char *line = own ? own : ""; *line;) {
		const struct timespec pause = {.tv_nsec = 5000000};
		_cleanup_free_ char *mount = next_mount(&line, &kind), *dir = NULL;

		if (!mount || asprintf(&dir, "%s/%s", mount, path) < 0)
			return;
		while (remove_tree(dir) == -EBUSY && clock_ms() < deadline)
			nanosleep(&pause, NULL);
	}
}
