/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles and logs of the functions of a set, and what is left of those of sets before it. */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/tree.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/worker_bundle.h"
#include "seed/noslated/control/worker_log.h"

#define FUNCTIONS_DIR "functions"

static void free_retired(struct retired *r)
{
	free(r->bundle);
	free(r);
}

void functions_finish(struct control *c)
{
	struct retired *r;

	while ((r = c->retired)) {
		c->retired = r->next;
		free_retired(r);
	}
}

/* A bundle, and the directory of its function where it was the last one. */
static void remove_bundle(const char *bundle)
{
	char dir[PATH_MAX];
	char *slash;

	tree_remove(bundle, false);
	snprintf(dir, sizeof(dir), "%s", bundle);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	(void)rmdir(dir);
}

void functions_undo(struct function_files *files, size_t n)
{
	for (size_t i = 0; files && i < n; i++)
		if (files[i].fresh)
			remove_bundle(files[i].bundle);
}

void functions_release(struct function_files *files, size_t n)
{
	for (size_t i = 0; files && i < n; i++) {
		worker_log_release(files[i].log);
		free(files[i].name);
		free(files[i].bundle);
	}
	free(files);
}

const struct function_files *functions_find(const struct control *c, const char *name)
{
	const struct profile_function *f = profile_set_find(&c->set, name);

	return f ? &c->files[f - c->set.functions] : NULL;
}

int functions_begin(struct control *c, const struct profile_function *f, struct function_files *ret,
	struct err *err)
{
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s/%s.log", c->options->log, f->name);
	ret->name = strdup(f->name);
	ret->log = worker_log_create(&c->loop, log);
	return ret->name && ret->log ? 0 : err_oom(err);
}

/* --- those that are there: RUN/functions/NAME/NUMBER --- */

static unsigned number_of(const char *bundle)
{
	return (unsigned)strtoul(strrchr(bundle, '/') + 1, NULL, 10);
}

static void for_each_bundle(const struct control *c, const char *function,
	void (*look)(void *arg, const char *bundle), void *arg)
{
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/" FUNCTIONS_DIR "/%s/*", c->options->run, function);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		look(arg, found.gl_pathv[i]);
	globfree(&found);
}

static void take_younger(void *arg, const char *bundle)
{
	char **youngest = arg;

	if (*youngest && number_of(*youngest) > number_of(bundle))
		return;
	free(*youngest);
	*youngest = strdup(bundle);
}

/* Of a control plane before: workers may stand in it, and if it says the same it stays. */
static char *youngest_bundle(const struct control *c, const char *function)
{
	char *youngest = NULL;

	for_each_bundle(c, function, take_younger, &youngest);
	return youngest;
}

/* Another version beside the one that workers stand in, unless nothing changes. */
int functions_prepare(struct control *c, const struct profile_function *f,
	struct function_files *files, struct err *err)
{
	const struct function_files *known = functions_find(c, f->name);
	_cleanup_free_ char *before =
		known ? strdup(known->bundle ? known->bundle : "") : youngest_bundle(c, f->name);
	struct worker_code code = {.kind = files->seen.kind, .state = files->code.text};
	char dir[PATH_MAX], tree[PATH_MAX];
	bool same;

	code.path = f->code.path;
	if (files->stored) {
		code_store_path(&c->code_store, digest_hex(files->code.text), tree);
		code.path = tree;
	}
	snprintf(dir, sizeof(dir), "%s/" FUNCTIONS_DIR "/%s/%u", c->options->run, f->name,
		c->attempts);
	if (worker_bundle_write(dir, before && *before ? before : NULL, f, &code, &same, err) < 0) {
		remove_bundle(dir);
		return -err->code;
	}
	files->fresh = !same;
	files->bundle = strdup(same ? before : dir);
	if (files->bundle)
		return 0;
	if (files->fresh)
		remove_bundle(dir);
	files->fresh = false;
	return err_oom(err);
}

/* --- what is not needed any more --- */

static void retire(struct control *c, const struct function_files *f)
{
	struct retired *r = f->bundle ? calloc(1, sizeof(*r)) : NULL;

	/* Without memory it stays until the next start. */
	if (!r || !(r->bundle = strdup(f->bundle))) {
		free(r);
		return;
	}
	if (f->stored)
		r->code = f->code;
	r->next = c->retired;
	c->retired = r;
}

void functions_adopt(struct control *c, struct profile_set *set, struct function_files *files)
{
	for (size_t i = 0; i < c->set.n_functions; i++) {
		const struct function_files *old = &c->files[i];
		const struct profile_function *f = profile_set_find(set, old->name);
		const char *now = f ? files[f - set->functions].bundle : NULL;

		if (!now || !old->bundle || !streq(now, old->bundle))
			retire(c, old);
	}
	functions_release(c->files, c->set.n_functions);
	profile_set_finish(&c->set);
	c->set = *set;
	c->files = files;
	for (size_t i = 0; i < c->set.n_functions; i++)
		files[i].fresh = false;
}

static bool is_current(const struct control *c, const char *bundle)
{
	_cleanup_free_ char *dir = strndup(bundle, (size_t)(strrchr(bundle, '/') - bundle));
	const struct function_files *files = dir ? functions_find(c, strrchr(dir, '/') + 1) : NULL;

	return !dir || (files && files->bundle && streq(files->bundle, bundle));
}

/* The trees that they need are not known: code that a worker has not read yet may be gone. */
static void retire_unknown(void *arg, const char *bundle)
{
	struct control *c = arg;
	struct function_files files = {.bundle = (char *)(uintptr_t)bundle};

	if (!is_current(c, bundle))
		retire(c, &files);
}

void functions_retire_unknown(struct control *c)
{
	for_each_bundle(c, "*", retire_unknown, c);
}

static void count_one(void *arg, const char *bundle)
{
	unsigned *attempts = arg;

	if (number_of(bundle) > *attempts)
		*attempts = number_of(bundle);
}

void functions_look_back(struct control *c)
{
	for_each_bundle(c, "*", count_one, &c->attempts);
}

static bool has_worker(const struct control *c, const char *bundle)
{
	for (const struct worker *w = c->workers.first; w; w = worker_next(w))
		if (streq(worker_bundle(w), bundle))
			return true;
	return false;
}

static bool is_used(void *arg, const char *hex)
{
	const struct control *c = arg;

	for (size_t i = 0; i < c->set.n_functions; i++)
		if (c->files[i].stored && streq(digest_hex(c->files[i].code.text), hex))
			return true;
	for (const struct retired *r = c->retired; r; r = r->next)
		if (*r->code.text && streq(digest_hex(r->code.text), hex))
			return true;
	return false;
}

static void on_removed(void *arg UNUSED, const struct digest *d UNUSED, const struct err *err)
{
	if (err->code)
		log_warn("remove code: %s, ignoring", err->msg);
}

void functions_discard(struct control *c, const char *name)
{
	const struct code_job_options o = {.act = "remove",
		.args = {name},
		.tree = c->code_store.fd,
		.source = -1,
		.scratch = -1,
		.done = on_removed,
		.arg = c};
	struct code_job *job;
	struct err err = ERR_INIT;

	if (code_job_start(&c->jobs, &o, &job, &err) < 0)
		on_removed(c, NULL, &err);
}

static void discard(void *arg, const char *name)
{
	functions_discard(arg, name);
}

void functions_sweep(struct control *c)
{
	for (struct retired **p = &c->retired, *r; (r = *p);) {
		if (has_worker(c, r->bundle)) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		/* Its function may have come back. */
		if (!is_current(c, r->bundle))
			remove_bundle(r->bundle);
		free_retired(r);
	}
	code_store_sweep(&c->code_store, is_used, discard, c);
}
