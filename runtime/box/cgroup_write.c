/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing to the files of a cgroup, and taking it back. While a directory has a
 * journal, what stood in a file is noted before it is overwritten, as the text
 * that brings it back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

/* Statistics of many devices are the longest of these files. */
#define FILE_MAX (1u << 20)

struct cgroup_change {
	const struct cgroup_dir *dir;
	char *file;
	char *text; /* owned, as is `file` */
};

int cgroup_note(const struct cgroup_dir *dir, const char *file, const char *text, struct err *err)
{
	struct cgroup_journal *j = dir->journal;
	struct cgroup_change *list, *c;

	if (!j)
		return 0;
	list = realloc(j->list, (j->n + 1) * sizeof(*list));
	if (!list)
		return err_oom(err);
	j->list = list;
	c = &list[j->n++];
	*c = (struct cgroup_change){.dir = dir, .file = strdup(file), .text = strdup(text)};
	return c->file && c->text ? 0 : err_oom(err);
}

void cgroup_journal_undo(const struct cgroup_journal *j, struct buf *warnings)
{
	for (size_t i = j->n; i > 0; i--) {
		const struct cgroup_change *c = &j->list[i - 1];
		struct err err = ERR_INIT;

		if (c->file && c->text && file_put(c->dir->fd, c->file, c->text, &err) < 0)
			buf_printf(warnings, "cgroup '%s': cannot take a change back: %s\n",
				c->dir->path, err.msg);
	}
}

void cgroup_journal_finish(struct cgroup_journal *j)
{
	for (size_t i = 0; i < j->n; i++) {
		free(j->list[i].file);
		free(j->list[i].text);
	}
	free(j->list);
	*j = (struct cgroup_journal){.list = NULL};
}

/* A line of the file that starts with the key; NULL when there is none. Cuts the text up. */
static char *find_line(char *text, const char *key)
{
	char *save = NULL;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *rest = str_after(l, key);

		if (rest && *rest == ' ')
			return l;
	}
	return NULL;
}

static int put(const struct cgroup_dir *dir, const char *file, const char *text, const char *field,
	struct err *err)
{
	if (file_put(dir->fd, file, text, err) < 0)
		return err_wrap(err, "%s: cgroup '%s'", field, dir->path);
	return 0;
}

int cgroup_put(const struct cgroup_dir *dir, const char *file, const char *text, const char *field,
	struct err *err)
{
	if (dir->journal) {
		_cleanup_free_ char *before = NULL;
		size_t len;

		if (file_read(dir->fd, file, FILE_MAX, &before, &len, err) < 0)
			return err_wrap(err, "%s: cgroup '%s'", field, dir->path);
		if (len > 0 && before[len - 1] == '\n')
			before[len - 1] = '\0';
		/* Nothing cannot be written; an empty line can. */
		if (cgroup_note(dir, file, *before ? before : "\n", err) < 0)
			return -err->code;
	}
	return put(dir, file, text, field, err);
}

int cgroup_put_line(const struct cgroup_dir *dir, const char *file, const char *key,
	const char *value, const char *none, const char *field, struct err *err)
{
	_cleanup_free_ char *line = NULL;

	if (dir->journal) {
		_cleanup_free_ char *before = NULL, *without = NULL;
		const char *old;
		size_t len;

		if (asprintf(&without, "%s %s", key, none) < 0) {
			without = NULL;
			return err_oom(err);
		}
		if (file_read(dir->fd, file, FILE_MAX, &before, &len, err) < 0)
			return err_wrap(err, "%s: cgroup '%s'", field, dir->path);
		old = find_line(before, key);
		if (cgroup_note(dir, file, old ? old : without, err) < 0)
			return -err->code;
	}
	if (asprintf(&line, "%s %s", key, value) < 0) {
		line = NULL;
		return err_oom(err);
	}
	return put(dir, file, line, field, err);
}

int cgroup_put_number(const struct cgroup_dir *dir, const char *file, int64_t value,
	const char *none, const char *field, struct err *err)
{
	char text[24];

	if (value == LIMIT_UNSET)
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, value);
	return cgroup_put(dir, file, value == LIMIT_NONE ? none : text, field, err);
}

int cgroup_get_number(const struct cgroup_dir *dir, const char *file, int64_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	uint64_t value;
	size_t len;

	if (file_read(dir->fd, file, 4096, &text, &len, err) < 0)
		return err_wrap(err, "cgroup '%s'", dir->path);
	if (str_after(text, "max")) {
		*ret = INT64_MAX;
		return 0;
	}
	if (sscanf(text, "%" SCNu64, &value) != 1)
		return err_say(err, EPROTO, "cgroup '%s': '%s' is not a number but '%.40s'",
			dir->path, file, text);
	*ret = value > INT64_MAX ? INT64_MAX : (int64_t)value;
	return 0;
}

bool cgroup_has_file(const struct cgroup_dir *dir, const char *file)
{
	return faccessat(dir->fd, file, F_OK, 0) == 0;
}
