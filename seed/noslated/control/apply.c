/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is served becomes another set. STATE has what was applied, RUN what the data plane is told, which is
 * the same but for a node that is drained. Both are written before anything is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"

#define HOW_LOADED "" /* at the start; nothing is written to the history */

/* --- what the data plane is told --- */

static int drain_all(struct buf *text, struct err *err)
{
	struct profile_set set;

	if (profile_set_parse(text->data, text->len, &set, NULL, err) < 0)
		return -err->code;
	for (size_t i = 0; i < set.n_functions; i++)
		set.functions[i].drained = true;
	text->len = 0;
	profile_set_write(&set, text);
	profile_set_finish(&set);
	return 0;
}

/* Beside the one that it replaces when all else is done. */
static int write_told(
	const struct control *c, const struct profile_set *set, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	profile_set_write(set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (c->drained && drain_all(&text, err) < 0)
		return -err->code;
	if (buf_failed(&text))
		return err_oom(err);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600, err);
}

/* Of one directory: no full disk keeps this from being done. */
static void tell(struct control *c, const char *path)
{
	if (rename(path, c->told_path) < 0)
		log_error("rename '%s': %s", path, strerror(errno));
	data_plane_tell_set(c);
}

static void name_next(const struct control *c, char ret[sizeof(c->told_path) + 8])
{
	snprintf(ret, sizeof(c->told_path) + 8, "%s.next", c->told_path);
}

/* --- a set --- */

/* One that says the same as the one before is none. */
static int keep(struct control *c, const char *how, const struct profile_set *set, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *before = NULL;
	struct err ignored = ERR_INIT;
	size_t len = 0;

	profile_set_write(set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (sets_read_current(&c->sets, &before, &len, &ignored) == 0 && len == text.len &&
		memcmp(before, text.data, len) == 0 && c->sets.number > 0)
		return 0;
	return sets_write(&c->sets, how, text.data, text.len, err);
}

static int adopt(struct control *c, const char *how, struct profile_set *set,
	struct function_files *files, struct err *err)
{
	char next[sizeof(c->told_path) + 8];

	name_next(c, next);
	if (write_told(c, set, next, err) < 0)
		return -err->code;
	if (*how && keep(c, how, set, err) < 0) {
		(void)unlink(next);
		return -err->code;
	}
	functions_release(c->files, c->set.n_functions);
	profile_set_finish(&c->set);
	c->set = *set;
	c->files = files;
	tell(c, next);
	return 0;
}

static int apply(struct control *c, const char *how, const char *text, size_t len,
	struct buf *errors, struct err *err)
{
	struct function_files *files = NULL;
	struct profile_set set;

	if (profile_set_parse(text, len, &set, errors, err) < 0)
		return -err->code;
	if (functions_prepare(c, &set, &files, errors, err) < 0) {
		profile_set_finish(&set);
		return -err->code;
	}
	if (adopt(c, how, &set, files, err) == 0)
		return 0;
	if (errors)
		buf_printf(errors, "%s\n", err->msg);
	functions_release(files, set.n_functions);
	profile_set_finish(&set);
	return -err->code;
}

int control_apply(struct control *c, const char *how, const char *text, size_t len,
	struct buf *errors, struct err *err)
{
	const unsigned before = c->sets.number;
	const int r = apply(c, how, text, len, errors, err);

	if (r < 0)
		events_add(c->events, EVENT_REFUSED, NULL, NULL, "%s: %s", how, err->msg);
	else if (c->sets.number != before)
		events_add(c->events, EVENT_APPLIED, NULL, NULL, "set %u, by %s: %zu functions",
			c->sets.number, how, c->set.n_functions);
	return r;
}

int control_change(struct control *c, const char *how, const char *function,
	void (*change)(struct profile_function *f, const void *arg), const void *arg,
	struct buf *errors, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct profile_function *f;
	struct profile_set copy;

	profile_set_write(&c->set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (profile_set_parse(text.data, text.len, &copy, errors, err) < 0)
		return -err->code;
	f = profile_set_find(&copy, function);
	if (f) {
		change(&copy.functions[f - copy.functions], arg);
		text.len = 0;
		profile_set_write(&copy, &text);
	}
	profile_set_finish(&copy);
	if (!f)
		return err_say(err, ENOENT, "there is no function '%s'", function);
	if (buf_failed(&text))
		return err_oom(err);
	return control_apply(c, how, text.data, text.len, errors, err);
}

/* What was applied before. A function whose code has gone since keeps none of the others from serving. */
int control_load(struct control *c, struct err *err)
{
	static const char empty[] = "{\"version\": 1, \"functions\": []}";
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = sets_read_current(&c->sets, &text, &len, err);

	if (r < 0 && err->code != ENOENT)
		return r;
	*err = (struct err)ERR_INIT;
	c->drained = access(c->drained_path, F_OK) == 0;
	r = apply(c, HOW_LOADED, r < 0 ? empty : text, r < 0 ? sizeof(empty) - 1 : len, NULL, err);
	return r < 0 ? err_wrap(err, "'%s'", c->sets.link) : 0;
}

/* --- the node --- */

static int note_drained(const struct control *c, bool drained, struct err *err)
{
	if (drained)
		return file_write_atomic(AT_FDCWD, c->drained_path, "", 0, 0600, err);
	if (unlink(c->drained_path) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove '%s'", c->drained_path);
	return 0;
}

int control_drain(struct control *c, bool drained, struct err *err)
{
	const bool before = c->drained;
	char next[sizeof(c->told_path) + 8];

	if (drained == before)
		return 0;
	name_next(c, next);
	c->drained = drained;
	if (write_told(c, &c->set, next, err) < 0 || note_drained(c, drained, err) < 0) {
		(void)unlink(next);
		c->drained = before;
		return -err->code;
	}
	tell(c, next);
	events_add(c->events, drained ? EVENT_DRAINED : EVENT_RESUMED, NULL, NULL, "the node");
	return 0;
}
