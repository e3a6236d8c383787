/* SPDX-License-Identifier: Apache-2.0 */
/* Sets that are made of the one that is served, or of what was served before; and the node as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"

static int make_text(const struct control *c, const char *function,
	void (*change)(struct profile_function *f, const void *arg), const void *arg,
	struct buf *text, struct err *err)
{
	const struct profile_function *f;
	struct profile_set copy;

	profile_set_write(&c->set, text);
	if (buf_failed(text))
		return err_oom(err);
	if (profile_set_parse(text->data, text->len, &copy, NULL, err) < 0)
		return -err->code;
	f = profile_set_find(&copy, function);
	if (f) {
		change(&copy.functions[f - copy.functions], arg);
		text->len = 0;
		profile_set_write(&copy, text);
	}
	profile_set_finish(&copy);
	if (!f)
		return err_say(err, ENOENT, "there is no function '%s'", function);
	return buf_failed(text) ? err_oom(err) : 0;
}

void control_change(struct control *c, const char *how, const char *function,
	void (*change)(struct profile_function *f, const void *arg), const void *change_arg,
	control_applied_fn done, void *arg)
{
	_cleanup_buf_ struct buf text = BUF_INIT, line = BUF_INIT;
	struct err err = ERR_INIT;

	if (make_text(c, function, change, change_arg, &text, &err) == 0) {
		control_apply(c, how, text.data, text.len, done, arg);
		return;
	}
	buf_printf(&line, "%s\n", err.msg);
	done(arg, &err, &line);
}

int control_load(struct control *c, control_applied_fn done, void *arg, struct err *err)
{
	static const char empty[] = "{\"version\": 1, \"functions\": []}";
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = sets_read_current(&c->sets, &text, &len, err);

	if (r < 0 && err->code != ENOENT)
		return r;
	*err = (struct err)ERR_INIT;
	c->drained = access(c->drained_path, F_OK) == 0;
	control_apply_at_start(c, r < 0 ? empty : text, r < 0 ? sizeof(empty) - 1 : len, done, arg);
	return 0;
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

	if (drained == before)
		return 0;
	c->drained = drained;
	if (told_write(c, &c->set, c->files, err) < 0 || note_drained(c, drained, err) < 0) {
		told_forget(c);
		c->drained = before;
		return -err->code;
	}
	told_send(c);
	events_add(c->events, drained ? EVENT_DRAINED : EVENT_RESUMED, NULL, NULL, "the node");
	return 0;
}
