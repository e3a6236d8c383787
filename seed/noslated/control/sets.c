/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/sets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"

#define SETS_DIR    "sets"
#define LINK_NAME   "functions.json"
#define SUFFIX	    ".json"
#define NAME_FORMAT "%08u.%s" SUFFIX
#define DIR_MAX	    200

/* "00000012.apply.json". */
static bool parse_name(const char *name, struct set_entry *ret)
{
	const char *dot = strchr(name, '.');
	const char *end = dot ? strrchr(dot + 1, '.') : NULL;
	const size_t len = end ? (size_t)(end - dot - 1) : 0;
	unsigned long number;

	if (!end || !streq(end, SUFFIX) || len == 0 || len >= sizeof(ret->how) || dot == name ||
		strspn(name, "0123456789") != (size_t)(dot - name))
		return false;
	number = strtoul(name, NULL, 10);
	if (number == 0 || number > UINT_MAX)
		return false;
	ret->number = (unsigned)number;
	memcpy(ret->how, dot + 1, len);
	ret->how[len] = '\0';
	return true;
}

static void path_of(const struct sets *s, const struct set_entry *e, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/" NAME_FORMAT, s->dir, e->number, e->how);
}

/* Calls f() for each until it says stop. */
static int for_each(const struct sets *s,
	bool (*f)(const struct sets *s, const struct set_entry *e, void *arg), void *arg,
	struct err *err)
{
	DIR *dir = opendir(s->dir);
	struct dirent *entry;
	struct set_entry e;

	if (!dir)
		return err_set(err, errno, "open '%s'", s->dir);
	while ((entry = readdir(dir)))
		if (parse_name(entry->d_name, &e) && !f(s, &e, arg))
			break;
	closedir(dir);
	return 0;
}

static bool remove_if_outside(const struct sets *s, const struct set_entry *e, void *arg UNUSED)
{
	char path[PATH_MAX];

	if (e->number <= s->number && e->number + SETS_KEPT > s->number)
		return true;
	path_of(s, e, path);
	(void)unlink(path);
	return true;
}

/* Those that were never served, and those that are too old. */
static int tidy(const struct sets *s, struct err *err)
{
	return for_each(s, remove_if_outside, NULL, err);
}

int sets_open(struct sets *s, const char *state, struct err *err)
{
	char target[PATH_MAX];
	struct set_entry e;
	ssize_t n;

	if (strlen(state) > DIR_MAX)
		return err_say(err, ENAMETOOLONG, "'%s' has more than %d bytes", state, DIR_MAX);
	snprintf(s->dir, sizeof(s->dir), "%s/" SETS_DIR, state);
	snprintf(s->link, sizeof(s->link), "%s/" LINK_NAME, state);
	s->number = 0;
	if (paths_mkdir_all(s->dir, 0700, err) < 0)
		return -err->code;
	n = readlink(s->link, target, sizeof(target) - 1);
	if (n > 0) {
		const char *name = NULL;

		target[n] = '\0';
		name = str_after(target, SETS_DIR "/");
		if (!name || !parse_name(name, &e))
			return err_say(
				err, EINVAL, "'%s' is no link to a set of functions", s->link);
		s->number = e.number;
	}
	return tidy(s, err);
}

/* --- reading --- */

int sets_read_current(const struct sets *s, char **ret, size_t *ret_len, struct err *err)
{
	return file_read(AT_FDCWD, s->link, SETS_TEXT_MAX, ret, ret_len, err);
}

static bool find_number(const struct sets *s UNUSED, const struct set_entry *e, void *arg)
{
	struct set_entry *wanted = arg;

	if (e->number != wanted->number)
		return true;
	*wanted = *e;
	return false;
}

int sets_read(const struct sets *s, unsigned number, char **ret, size_t *ret_len, struct err *err)
{
	struct set_entry e = {.number = number};
	char path[PATH_MAX];

	if (for_each(s, find_number, &e, err) < 0)
		return -err->code;
	if (!e.how[0])
		return err_say(err, ENOENT, "set %u is not kept", number);
	path_of(s, &e, path);
	return file_read(AT_FDCWD, path, SETS_TEXT_MAX, ret, ret_len, err);
}

struct list {
	struct set_entry *entries;
	size_t n;
};

static bool add_to_list(const struct sets *s, const struct set_entry *e, void *arg)
{
	struct list *list = arg;
	char path[PATH_MAX];
	struct stat st;
	size_t at = 0;

	path_of(s, e, path);
	if (stat(path, &st) < 0 || list->n == SETS_KEPT)
		return true;
	while (at < list->n && list->entries[at].number > e->number)
		at++;
	memmove(&list->entries[at + 1], &list->entries[at],
		(list->n - at) * sizeof(*list->entries));
	list->entries[at] = *e;
	list->entries[at].time_s = st.st_mtime;
	list->entries[at].size = (size_t)st.st_size;
	list->n++;
	return true;
}

int sets_list(const struct sets *s, struct set_entry ret[SETS_KEPT], size_t *ret_n, struct err *err)
{
	struct list list = {.entries = ret};

	if (for_each(s, add_to_list, &list, err) < 0)
		return -err->code;
	*ret_n = list.n;
	return 0;
}

/* --- writing --- */

/* A link is made beside the old one and takes its name, so there is always one of them. */
static int point_to(const struct sets *s, const struct set_entry *e, struct err *err)
{
	char target[PATH_MAX], tmp[sizeof(s->link) + 8];

	snprintf(target, sizeof(target), SETS_DIR "/" NAME_FORMAT, e->number, e->how);
	snprintf(tmp, sizeof(tmp), "%s.new", s->link);
	(void)unlink(tmp);
	if (symlink(target, tmp) < 0)
		return err_set(err, errno, "make '%s'", tmp);
	if (rename(tmp, s->link) == 0)
		return 0;
	err_set(err, errno, "replace '%s'", s->link);
	(void)unlink(tmp);
	return -err->code;
}

int sets_write(struct sets *s, const char *how, const char *text, size_t len, struct err *err)
{
	struct set_entry e = {.number = s->number + 1};
	char path[PATH_MAX];
	struct err ignored;

	snprintf(e.how, sizeof(e.how), "%s", how);
	path_of(s, &e, path);
	if (file_write_atomic(AT_FDCWD, path, text, len, 0600, err) < 0)
		return -err->code;
	if (point_to(s, &e, err) < 0) {
		(void)unlink(path);
		return -err->code;
	}
	s->number = e.number;
	(void)tidy(s, &ignored);
	return 0;
}
