/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a text to a set that is served. Function by function it is found out what the code is, and what is not a
 * file or a directory that can be mounted is unpacked (noslate-code), while the loop goes on; when all are
 * there the set is taken as a whole. Until then nothing has changed, and whatever fails leaves nothing behind.
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
#include "seed/noslated/control/telemetry.h"

/* How long the loop may be held up at a time. */
#define SLICE_NS (20 * UINT64_C(1000000))

struct applying {
	struct control *control;
	struct profile_set set;
	struct function_files *files;
	size_t n;	 /* functions that are done with */
	const char *how; /* NULL: at the start; nothing is written to the history */
	bool at_start; /* what is wrong with a function is its own matter, and nothing is downloaded */
	bool cancelled;
	struct buf errors;
	struct err first; /* of them */
	control_applied_fn done;
	void *arg;

	/* of the function that it is about */
	struct code_job *job;
	int source, scratch, tree;
	char name[CODE_STORE_NAME_MAX]; /* of the tree */
};

static void step(struct applying *a);

static const struct profile_function *function_of(const struct applying *a)
{
	return &a->set.functions[a->n];
}

static struct function_files *files_of(const struct applying *a)
{
	return &a->files[a->n];
}

/* --- the end --- */

static void release(struct applying *a)
{
	fd_close(&a->source);
	fd_close(&a->scratch);
	fd_close(&a->tree);
	functions_undo(a->files, a->set.n_functions);
	functions_release(a->files, a->set.n_functions);
	profile_set_finish(&a->set);
	buf_finish(&a->errors);
	free(a);
}

/* One that says the same as the one before is none. */
static int keep(const struct applying *a, struct err *err)
{
	struct sets *sets = &a->control->sets;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *before = NULL;
	struct err ignored = ERR_INIT;
	size_t len = 0;

	profile_set_write(&a->set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (sets_read_current(sets, &before, &len, &ignored) == 0 && len == text.len &&
		memcmp(before, text.data, len) == 0 && sets->number > 0)
		return 0;
	return sets_write(sets, a->how, text.data, text.len, err);
}

static int adopt(struct applying *a, struct err *err)
{
	struct control *c = a->control;

	if (told_write(c, &a->set, a->files, err) < 0)
		return -err->code;
	if (a->how && keep(a, err) < 0) {
		told_forget(c);
		return -err->code;
	}
	functions_adopt(c, &a->set, a->files);
	a->files = NULL;
	a->set = (struct profile_set){0};
	telemetry_applied(c->telemetry);
	told_send(c);
	return 0;
}

/* A set that could be read may be too large with all its defaults: nobody could read it again. */
static int check_readable(const struct profile_set *set, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct profile_set again;

	profile_set_write(set, &text);
	if (buf_failed(&text))
		return err_oom(err);
	if (profile_set_parse(text.data, text.len, &again, NULL, err) < 0)
		return err_wrap(err, "the set with all its defaults");
	profile_set_finish(&again);
	return 0;
}

static void note(struct applying *a, const struct err *e)
{
	if (a->first.code == 0)
		a->first = *e;
	buf_printf(&a->errors, "%s\n", e->msg);
}

static void tell_history(const struct applying *a, unsigned before)
{
	const struct control *c = a->control;

	if (a->first.code != 0) {
		telemetry_refused(c->telemetry);
		events_add(c->events, EVENT_REFUSED, NULL, NULL, "%s: %s", a->how, a->first.msg);
	} else if (c->sets.number != before) {
		events_add(c->events, EVENT_APPLIED, NULL, NULL, "set %u, by %s: %zu functions",
			c->sets.number, a->how, c->set.n_functions);
	}
}

static void finish(struct applying *a)
{
	struct control *c = a->control;
	const unsigned before = c->sets.number;
	struct err err = ERR_INIT;

	if (!a->cancelled && a->first.code == 0 && adopt(a, &err) < 0)
		note(a, &err);
	if (a->how)
		tell_history(a, before);
	c->applying = NULL;
	if (a->done)
		a->done(a->arg, &a->first, &a->errors);
	release(a);
	if (c->begun && !c->ends)
		functions_sweep(c);
}

/* --- one function --- */

/* The next one: what went wrong with this one, if anything did. */
static void over(struct applying *a, struct err *e)
{
	fd_close(&a->source);
	fd_close(&a->scratch);
	fd_close(&a->tree);
	if (*a->name)
		functions_discard(a->control, a->name);
	*a->name = '\0';
	if (e->code != 0) {
		err_wrap(e, "function '%s'", function_of(a)->name);
		if (a->at_start && e->code != ENOMEM)
			log_error("%s", e->msg);
		else
			note(a, e);
	}
	a->n++;
}

/* Its code is where `files` say. */
static void ready(struct applying *a)
{
	struct err e = ERR_INIT;

	(void)functions_prepare(a->control, function_of(a), files_of(a), &e);
	over(a, &e);
}

static void fail(struct applying *a, struct err *e)
{
	const struct profile_code *c = &function_of(a)->code;
	const char *member = e->code == EBADMSG ? "digest" : c->url ? "url" : "path";

	err_wrap(e, "code.%s: '%s'", member, c->url ? c->url : c->path);
	over(a, e);
}

static void start_job(struct applying *a, const char *act, const char *first, const char *second,
	code_job_fn done)
{
	const struct code_job_options o = {.act = act,
		.args = {first, second},
		.tree = a->tree,
		.source = a->source,
		.scratch = a->scratch,
		.done = done,
		.arg = a};
	struct err e = ERR_INIT;

	if (code_job_start(&a->control->jobs, &o, &a->job, &e) < 0)
		fail(a, &e);
}

/* Whether it went on; if not, the function is done with, unless all is. */
static bool took(struct applying *a, const struct err *err)
{
	struct err e = *err;

	a->job = NULL;
	if (a->cancelled)
		finish(a);
	else if (e.code != 0)
		fail(a, &e);
	else
		return true;
	return false;
}

static void use_tree(struct applying *a, const char *digest)
{
	struct function_files *files = files_of(a);

	files->stored = true;
	snprintf(files->code.text, sizeof(files->code.text), "%s", digest);
}

static void on_unpacked(void *arg, const struct digest *d, const struct err *err)
{
	struct applying *a = arg;
	struct control *c = a->control;
	struct err e = ERR_INIT;

	if (took(a, err)) {
		if (*files_of(a)->code.text && !streq(files_of(a)->code.text, d->text))
			err_say(&e, EAGAIN, "it changed while it was read");
		else if (code_store_keep(&c->code_store, a->name, digest_hex(d->text), &e) == 0)
			*a->name = '\0';
		else if (e.code == EEXIST)
			e = (struct err)ERR_INIT;
		if (e.code != 0) {
			fail(a, &e);
		} else {
			use_tree(a, d->text);
			ready(a);
		}
	} else if (c->applying != a) {
		return;
	}
	step(a);
}

static void unpack(struct applying *a, enum code_kind kind)
{
	struct code_store *s = &a->control->code_store;
	struct err e = ERR_INIT;

	fd_close(&a->scratch);
	a->tree = code_store_begin(s, a->name, &e);
	if (a->tree < 0)
		*a->name = '\0';
	else
		a->scratch = code_store_scratch(s, &e);
	if (e.code != 0)
		fail(a, &e);
	else
		start_job(a, "unpack", code_kind_word(kind), function_of(a)->code.digest,
			on_unpacked);
}

static void on_fetched(void *arg, const struct digest *d UNUSED, const struct err *err)
{
	struct applying *a = arg;
	struct control *c = a->control;

	if (took(a, err)) {
		a->source = take_fd(&a->scratch);
		unpack(a, CODE_ZIP);
	} else if (c->applying != a) {
		return;
	}
	step(a);
}

static void fetch(struct applying *a)
{
	struct err e = ERR_INIT;

	if (a->at_start)
		err_say(&e, ENOENT, "it was not kept; apply the set again to download it");
	else
		a->scratch = code_store_scratch(&a->control->code_store, &e);
	if (e.code != 0)
		fail(a, &e);
	else
		start_job(a, "fetch", function_of(a)->code.url, NULL, on_fetched);
}

static void on_digest(void *arg, const struct digest *d, const struct err *err)
{
	struct applying *a = arg;
	struct control *c = a->control;

	if (took(a, err)) {
		const enum code_kind kind = files_of(a)->seen.kind;

		files_of(a)->checked = *d;
		if (kind != CODE_ZIP && kind != CODE_LAYOUT) {
			ready(a);
		} else if (code_store_has(&c->code_store, digest_hex(d->text))) {
			use_tree(a, d->text);
			ready(a);
		} else {
			files_of(a)->code = *d;
			unpack(a, kind);
		}
	} else if (c->applying != a) {
		return;
	}
	step(a);
}

/* --- what there is to do for one --- */

/* What is in the store has not to be looked at again where it came from. */
static bool is_stored(struct applying *a)
{
	const struct profile_function *f = function_of(a);

	if (!a->at_start || f->runtime != PROFILE_AWORKER || !f->code.digest ||
		!code_store_has(&a->control->code_store, digest_hex(f->code.digest)))
		return false;
	files_of(a)->seen.kind = f->code.url ? CODE_URL : CODE_ZIP;
	use_tree(a, f->code.digest);
	return true;
}

/* Nothing, when the set before has found out. */
static bool is_known(struct applying *a)
{
	const struct function_files *before = functions_find(a->control, function_of(a)->name);
	const char *wanted = function_of(a)->code.digest;
	struct function_files *now = files_of(a);

	if (!before || before->seen.kind != now->seen.kind ||
		!streq(before->seen.state.text, now->seen.state.text) ||
		(wanted && !streq(before->checked.text, wanted)))
		return false;
	if (before->stored &&
		!code_store_has(&a->control->code_store, digest_hex(before->code.text)))
		return false;
	now->checked = before->checked;
	if (before->stored)
		use_tree(a, before->code.text);
	return before->stored || (now->seen.kind != CODE_ZIP && now->seen.kind != CODE_LAYOUT);
}

static void find_code(struct applying *a)
{
	const char *wanted = function_of(a)->code.digest;
	const enum code_kind kind = files_of(a)->seen.kind;

	if (kind == CODE_URL) {
		if (!code_store_has(&a->control->code_store, digest_hex(wanted))) {
			fetch(a);
			return;
		}
		use_tree(a, wanted);
		ready(a);
	} else if (kind == CODE_ZIP || kind == CODE_LAYOUT || wanted) {
		start_job(a, "digest", code_kind_word(kind), wanted, on_digest);
	} else {
		ready(a);
	}
}

static void begin_function(struct applying *a)
{
	struct function_files *files = files_of(a);
	struct err e = ERR_INIT;

	if (functions_begin(a->control, function_of(a), files, &e) < 0) {
		over(a, &e);
		return;
	}
	if (is_stored(a)) {
		ready(a);
		return;
	}
	if (code_look(function_of(a), &files->seen, &a->source, &e) < 0) {
		over(a, &e);
		return;
	}
	files->code = files->seen.state;
	if (files->seen.kind != CODE_URL && is_known(a))
		ready(a);
	else
		find_code(a);
}

/* --- all of them --- */

static void on_again(uv_timer_t *t)
{
	step(t->data);
}

static void step(struct applying *a)
{
	struct control *c = a->control;
	const uint64_t begin = uv_hrtime();

	while (!a->job && a->n < a->set.n_functions) {
		if (uv_hrtime() - begin > SLICE_NS) {
			c->apply_again.data = a;
			uv_timer_start(&c->apply_again, on_again, 0, 0);
			return;
		}
		begin_function(a);
	}
	if (!a->job)
		finish(a);
}

static struct applying *applying_new(struct control *c, control_applied_fn done, void *arg)
{
	struct applying *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->control = c;
	a->done = done;
	a->arg = arg;
	a->source = a->scratch = a->tree = -1;
	return a;
}

static void apply(struct control *c, const char *how, const char *text, size_t len,
	control_applied_fn done, void *arg)
{
	const struct err busy = {EALREADY, "another set is being applied"};
	struct applying *a = c->applying ? NULL : applying_new(c, done, arg);
	struct err err = ERR_INIT;

	if (!a) {
		_cleanup_buf_ struct buf line = BUF_INIT;

		err = busy;
		if (!c->applying)
			err_oom(&err);
		buf_printf(&line, "%s\n", err.msg);
		done(arg, &err, &line);
		return;
	}
	a->how = how;
	a->at_start = !how;
	c->applying = a;
	if (profile_set_parse(text, len, &a->set, &a->errors, &a->first) == 0 &&
		check_readable(&a->set, &err) < 0)
		note(a, &err);
	if (a->first.code == 0) {
		a->files = calloc(a->set.n_functions + 1, sizeof(*a->files));
		if (!a->files)
			note(a, (err_oom(&err), &err));
	}
	c->attempts++;
	if (a->first.code != 0)
		finish(a);
	else
		step(a);
}

void control_apply(struct control *c, const char *how, const char *text, size_t len,
	control_applied_fn done, void *arg)
{
	apply(c, how, text, len, done, arg);
}

void control_apply_at_start(
	struct control *c, const char *text, size_t len, control_applied_fn done, void *arg)
{
	apply(c, NULL, text, len, done, arg);
}

void control_apply_forget(struct control *c, const void *arg)
{
	if (c->applying && c->applying->arg == arg)
		c->applying->done = NULL;
}

void control_apply_cancel(struct control *c)
{
	struct applying *a = c->applying;

	if (!a || a->cancelled)
		return;
	a->cancelled = true;
	note(a, &(struct err){ECANCELED, "noslated ends; nothing was applied"});
	if (a->done)
		a->done(a->arg, &a->first, &a->errors);
	a->done = NULL;
	if (a->job) {
		code_job_kill(a->job);
		return;
	}
	uv_timer_stop(&c->apply_again);
	finish(a);
}

void control_apply_finish(struct control *c)
{
	struct applying *a = c->applying;

	code_jobs_finish(&c->jobs);
	c->applying = NULL;
	if (a)
		release(a);
}
