/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/code/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/code.h"

struct walk {
	tree_fn fn;
	void *arg;
	size_t n; /* entries that were read */
	char path[CODE_PATH_MAX + 1];
	unsigned depth;
};

struct names {
	char **list;
	size_t n, cap;
};

static void names_finish(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->list[i]);
	free(names->list);
}

static int add_name(struct names *names, const char *name)
{
	if (names->n == names->cap) {
		const size_t cap = names->cap ? names->cap * 2 : 16;
		char **list = realloc(names->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->cap = cap;
	}
	names->list[names->n] = strdup(name);
	return names->list[names->n] ? (int)names->n++ : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int fail(const struct walk *w, int code, const char *what, struct err *err)
{
	return err_set(err, code, "%s '%s'", what, *w->path ? w->path : ".");
}

static int read_names(struct walk *w, DIR *dir, struct names *names, struct err *err)
{
	struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		if (w->n++ == CODE_ENTRIES_MAX)
			return err_say(err, E2BIG, "more than %d entries", CODE_ENTRIES_MAX);
		if (add_name(names, e->d_name) < 0)
			return err_oom(err);
	}
	if (errno)
		return fail(w, errno, "read", err);
	if (names->n > 0)
		qsort(names->list, names->n, sizeof(*names->list), compare);
	return 0;
}

static int walk_directory(struct walk *w, int fd, struct err *err);

static int visit(struct walk *w, int dir, const char *name, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(w, errno, "look at", err);
	if (w->fn(w->arg, &(struct tree_entry){dir, name, w->path, &st}, err) < 0)
		return -err->code;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (w->depth == CODE_DEPTH_MAX)
		return err_say(err, E2BIG, "'%s': more than %d directories below each other",
			w->path, CODE_DEPTH_MAX);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(w, errno, "open", err);
	w->depth++;
	if (walk_directory(w, fd, err) < 0)
		return -err->code;
	w->depth--;
	return 0;
}

static int visit_all(struct walk *w, int dir, const struct names *names, struct err *err)
{
	const size_t len = strlen(w->path);

	for (size_t i = 0; i < names->n; i++) {
		const size_t room = sizeof(w->path) - len;
		const int n = snprintf(w->path + len, room, "%s%s", len ? "/" : "", names->list[i]);

		if (n < 0 || (size_t)n >= room)
			return err_say(err, E2BIG, "'%s': a name of more than %d bytes",
				names->list[i], CODE_PATH_MAX);
		if (visit(w, dir, names->list[i], err) < 0)
			return -err->code;
		w->path[len] = '\0';
	}
	return 0;
}

static void close_directory(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int walk_directory(struct walk *w, int fd, struct err *err)
{
	_cleanup_(names_finish) struct names names = {0};
	_cleanup_(close_directory) DIR *dir = NULL;
	_cleanup_close_ int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (own < 0)
		return fail(w, errno, "open", err);
	dir = fdopendir(own);
	if (!dir)
		return fail(w, errno, "read", err);
	own = -1;
	return read_names(w, dir, &names, err) < 0 ? -err->code
						   : visit_all(w, dirfd(dir), &names, err);
}

int tree_walk(int dir, tree_fn fn, void *arg, struct err *err)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return err_oom(err);
	w->fn = fn;
	w->arg = arg;
	return walk_directory(w, dir, err);
}

static int remove_one(
	const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	(void)remove(path);
	return 0;
}

static int remove_inside(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level == 0 ? 0 : remove_one(path, st, type, ftw);
}

void tree_remove(const char *path, bool inside_only)
{
	(void)nftw(path, inside_only ? remove_inside : remove_one, 16,
		FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
