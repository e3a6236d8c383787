/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/code_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/tree.h"

#define TREES "sha256"
#define TMP   "tmp"

static void empty_tmp(const struct code_store *s)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" TMP, s->path);
	tree_remove(path, true);
}

int code_store_open(struct code_store *s, const char *state, struct err *err)
{
	static const char *const names[] = {"", "/" TREES, "/" TMP};
	char path[PATH_MAX];

	snprintf(s->path, sizeof(s->path), "%s/code", state);
	empty_tmp(s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s%s", s->path, names[i]);
		if (paths_mkdir_all(path, 0700, err) < 0)
			return -err->code;
	}
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->fd < 0 ? err_set(err, errno, "open '%s'", s->path) : 0;
}

void code_store_close(struct code_store *s)
{
	if (s->fd >= 0)
		empty_tmp(s);
	fd_close(&s->fd);
}

static void name_of(const char *hex, char *ret, size_t size)
{
	snprintf(ret, size, TREES "/%s", hex);
}

bool code_store_has(const struct code_store *s, const char *hex)
{
	char name[128];
	struct stat st;

	name_of(hex, name, sizeof(name));
	return fstatat(s->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

void code_store_path(const struct code_store *s, const char *hex, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" TREES "/%s", s->path, hex);
}

static void new_name(struct code_store *s, char ret[CODE_STORE_NAME_MAX])
{
	snprintf(ret, CODE_STORE_NAME_MAX, TMP "/%u", s->n++);
}

int code_store_begin(struct code_store *s, char ret_name[CODE_STORE_NAME_MAX], struct err *err)
{
	int fd;

	new_name(s, ret_name);
	if (mkdirat(s->fd, ret_name, 0755) < 0)
		return err_set(err, errno, "make '%s/%s'", s->path, ret_name);
	fd = openat(s->fd, ret_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0755) == 0 && fchown(fd, CODE_UID, CODE_GID) == 0)
		return fd;
	err_set(err, errno, "make '%s/%s'", s->path, ret_name);
	fd_close(&fd);
	(void)unlinkat(s->fd, ret_name, AT_REMOVEDIR);
	return -err->code;
}

int code_store_scratch(struct code_store *s, struct err *err)
{
	char name[CODE_STORE_NAME_MAX];
	int fd;

	new_name(s, name);
	fd = openat(s->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "make '%s/%s'", s->path, name);
	(void)unlinkat(s->fd, name, 0);
	return fd;
}

int code_store_keep(const struct code_store *s, const char *name, const char *hex, struct err *err)
{
	_cleanup_close_ int trees = openat(s->fd, TREES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (trees < 0)
		return err_set(err, errno, "open '%s/" TREES "'", s->path);
	if (renameat2(s->fd, name, trees, hex, RENAME_NOREPLACE) < 0 || fsync(trees) < 0)
		return err_set(err, errno, "keep '%s/" TREES "/%s'", s->path, hex);
	return 0;
}

int code_store_drop(
	struct code_store *s, const char *hex, char ret_name[CODE_STORE_NAME_MAX], struct err *err)
{
	char tree[128];

	name_of(hex, tree, sizeof(tree));
	new_name(s, ret_name);
	return renameat(s->fd, tree, s->fd, ret_name) < 0
		       ? err_set(err, errno, "drop '%s/%s'", s->path, tree)
		       : 0;
}

static bool is_hex(const char *name)
{
	return strlen(name) == DIGEST_HEX && strspn(name, "0123456789abcdef") == DIGEST_HEX;
}

void code_store_sweep(struct code_store *s, bool (*used)(void *arg, const char *hex),
	void (*removed)(void *arg, const char *name), void *arg)
{
	char path[PATH_MAX], name[CODE_STORE_NAME_MAX];
	struct err err = ERR_INIT;
	struct dirent *e;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/" TREES, s->path);
	dir = opendir(path);
	while (dir && n < CODE_STORE_SWEEP_MAX && (e = readdir(dir))) {
		if (!is_hex(e->d_name) || used(arg, e->d_name))
			continue;
		if (code_store_drop(s, e->d_name, name, &err) < 0) {
			log_warn("%s, ignoring", err.msg);
			continue;
		}
		removed(arg, name);
		n++;
	}
	if (dir)
		closedir(dir);
}
