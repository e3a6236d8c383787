/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in generated files become those in the sources that people wrote, where a stack is shown
 * to them. Maps are read when the first such stack is, and kept.
 *
 * Which maps: those of files that this worker has loaded, either in a data: URL at the end of the
 * file, or in a file beside it. A stack is text that its worker can make up, so nothing else is
 * opened for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "aworker/module/module_path.h"
#include "aworker/module/source_map.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Bytes of one stack; the rest stays as it is. */
#define STACK_TEXT_MAX (1u << 20)

struct stack_map {
	const char *file;	/* borrowed from the worker */
	char *base;		/* the file that names of sources are relative to */
	struct source_map *map; /* NULL: it has none, or a bad one */
	struct stack_map *next;
};

void stack_map_forget(struct worker *w)
{
	while (w->maps) {
		struct stack_map *m = w->maps;

		w->maps = m->next;
		source_map_destroy(m->map);
		free(m->base);
		free(m);
	}
}

static int read_beside(struct stack_map *m, const char *name, size_t len, char **ret,
	size_t *ret_len, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct buf relative = BUF_INIT;

	if (memchr(name, '/', len) || memchr(name, '\0', len))
		return err_say(err, EINVAL, "a source map has to be beside its file");
	buf_put(&relative, m->file, (size_t)(strrchr(m->file, '/') + 1 - m->file));
	buf_put(&relative, name, len);
	path = buf_take(&relative);
	if (!path)
		return err_oom(err);
	return file_read(AT_FDCWD, path, SOURCE_MAP_TEXT_MAX, ret, ret_len, err);
}

/* Leaves m->map NULL where there is none. */
static void load(struct stack_map *m)
{
	_cleanup_free_ char *script = NULL, *text = NULL;
	struct err err = ERR_INIT;
	const char *url;
	size_t script_len, url_len, len;

	if (file_read(AT_FDCWD, m->file, SOURCE_MAP_TEXT_MAX * 2, &script, &script_len, &err) < 0 ||
		!source_map_url(script, script_len, &url, &url_len))
		return;
	if (source_map_of_url(url, url_len, &text, &len, &err) < 0 &&
		read_beside(m, url, url_len, &text, &len, &err) < 0)
		return;
	free_clear(&script);
	(void)source_map_parse(text, len, &m->map, &err);
}

static struct stack_map *map_of(struct worker *w, const char *file)
{
	struct stack_map *m;

	for (m = w->maps; m; m = m->next)
		if (m->file == file)
			return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->file = file;
	m->next = w->maps;
	w->maps = m;
	load(m);
	return m;
}

/* --- text --- */

/* The file that was loaded by the name of `len` bytes; NULL: none. */
static const char *loaded_file(const struct worker *w, const char *name, size_t len)
{
	if (len == 0 || *name != '/')
		return NULL;
	if (w->name && strlen(w->name) == len && strncmp(w->name, name, len) == 0)
		return w->name;
	for (size_t i = 0; i < w->n_files; i++)
		if (strlen(w->files[i]) == len && strncmp(w->files[i], name, len) == 0)
			return w->files[i];
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A ":123" that ends before `end`; *ret_start is its colon. False: there is none. */
static bool number_before(const char *start, const char *end, uint32_t *ret, const char **ret_start)
{
	const char *p = end;

	while (p > start && is_digit(p[-1]))
		p--;
	if (p == end || p == start || p[-1] != ':' || end - p > 9)
		return false;
	*ret = (uint32_t)strtoul(p, NULL, 10);
	*ret_start = p - 1;
	return true;
}

static void put_source(struct buf *out, const struct stack_map *m, const char *source)
{
	const char *slash = strrchr(m->file, '/');
	_cleanup_free_ char *path = NULL;

	/* "webpack:///x.ts" and the like are shown as they are. */
	if (!strstr(source, "://"))
		path = module_path_join(m->file, (size_t)(slash - m->file), source);
	buf_puts(out, path ? path : source);
}

/* "FILE:LINE:COLUMN" in [start, end) as it is in the sources. False: it stays as it is. */
static bool put_place(struct worker *w, const char *start, const char *end, struct buf *out)
{
	const char *file, *colon;
	uint32_t line, column;
	struct source_place at;
	struct stack_map *m;

	if (!number_before(start, end, &column, &colon) ||
		!number_before(start, colon, &line, &colon))
		return false;
	file = loaded_file(w, start, (size_t)(colon - start));
	m = file ? map_of(w, file) : NULL;
	if (!m || !m->map || !source_map_find(m->map, line, column, &at))
		return false;
	put_source(out, m, at.source);
	buf_printf(out, ":%u:%u", at.line, at.column);
	return true;
}

static const char *memory_str(const char *start, const char *end, const char *text)
{
	return memmem(start, (size_t)(end - start), text, strlen(text));
}

/* The place of a line, "    at f (PLACE)", "    at async PLACE" or "PLACE: Error: ...". */
static void find_place(
	const char *line, const char *end, const char **ret_start, const char **ret_end)
{
	const char *start = line, *open;

	if (str_after(line, "    at ")) {
		start += strlen("    at ");
		if (str_after(start, "async "))
			start += strlen("async ");
		if (end > start && end[-1] == ')') {
			while ((open = memory_str(start, end, " (")))
				start = open + 2;
			end--;
		}
	} else if (*line == '/') {
		open = memory_str(line, end, ": ");
		end = open ? open : line;
	} else {
		end = line;
	}
	*ret_start = start;
	*ret_end = end;
}

char *stack_map_text(struct worker *w, const char *text)
{
	const char *end = text + strnlen(text, STACK_TEXT_MAX), *line = text;
	struct buf out = BUF_INIT;
	bool changed = false;

	while (line < end) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = next ? next : end, *from, *to;

		find_place(line, line_end, &from, &to);
		buf_put(&out, line, (size_t)(from - line));
		if (to > from && put_place(w, from, to, &out)) {
			changed = true;
			from = to;
		}
		buf_put(&out, from, (size_t)(line_end - from));
		if (next)
			buf_puts(&out, "\n");
		line = line_end + (next ? 1 : 0);
	}
	if (!changed) {
		buf_finish(&out);
		return NULL;
	}
	buf_puts(&out, end);
	return buf_take(&out);
}
