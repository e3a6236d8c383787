/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles and logs of the functions of a set. */
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/worker_bundle.h"
#include "seed/noslated/control/worker_log.h"

#define FUNCTIONS_DIR "functions"

/* --- bundles: RUN/functions/NAME/NUMBER --- */

static int remove_one(
	const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	(void)remove(path);
	return 0;
}

static bool is_used(const struct control *c, const char *function, const char *bundle)
{
	const struct function_files *files = functions_find(c, function);

	if (files && files->bundle && streq(files->bundle, bundle))
		return true;
	for (const struct worker *w = c->workers.first; w; w = worker_next(w))
		if (streq(worker_bundle(w), bundle))
			return true;
	return false;
}

static void for_each_bundle(
	const struct control *c, void (*look)(void *arg, const char *bundle), void *arg)
{
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/" FUNCTIONS_DIR "/*/*", c->options->run);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		look(arg, found.gl_pathv[i]);
	globfree(&found);
}

static void remove_unused(void *arg, const char *bundle)
{
	_cleanup_free_ char *dir = strndup(bundle, (size_t)(strrchr(bundle, '/') - bundle));

	if (!dir || is_used(arg, strrchr(dir, '/') + 1, bundle))
		return;
	(void)nftw(bundle, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	(void)rmdir(dir);
}

void functions_sweep(const struct control *c)
{
	for_each_bundle(c, remove_unused, (void *)(uintptr_t)c);
}

static unsigned number_of(const char *bundle)
{
	return (unsigned)strtoul(strrchr(bundle, '/') + 1, NULL, 10);
}

static void count_one(void *arg, const char *bundle)
{
	unsigned *attempts = arg;

	if (number_of(bundle) > *attempts)
		*attempts = number_of(bundle);
}

void functions_begin(struct control *c)
{
	for_each_bundle(c, count_one, &c->attempts);
}

/* The youngest one that a control plane before has left. */
static char *find_bundle(const struct control *c, const char *function)
{
	char pattern[PATH_MAX], *youngest = NULL;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/" FUNCTIONS_DIR "/%s/*", c->options->run, function);
	if (glob(pattern, 0, NULL, &found) != 0)
		return NULL;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!youngest || number_of(found.gl_pathv[i]) > number_of(youngest))
			youngest = found.gl_pathv[i];
	youngest = youngest ? strdup(youngest) : NULL;
	globfree(&found);
	return youngest;
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

/* Another version beside the one that workers stand in, unless nothing changes. */
static int prepare_bundle(struct control *c, const struct profile_function *f,
	struct function_files *ret, struct err *err)
{
	const struct function_files *files = functions_find(c, f->name);
	_cleanup_free_ char *before =
		files && files->bundle ? strdup(files->bundle) : find_bundle(c, f->name);
	char dir[PATH_MAX];
	bool same;

	snprintf(dir, sizeof(dir), "%s/" FUNCTIONS_DIR "/%s/%u", c->options->run, f->name,
		c->attempts);
	if (worker_bundle_write(dir, before, f, &same, err) < 0)
		return -err->code;
	ret->bundle = strdup(same ? before : dir);
	return ret->bundle ? 0 : err_oom(err);
}

static int prepare_one(struct control *c, const struct profile_function *f,
	struct function_files *ret, struct err *err)
{
	char log[PATH_MAX];

	snprintf(log, sizeof(log), "%s/%s.log", c->options->log, f->name);
	ret->name = strdup(f->name);
	ret->log = worker_log_create(&c->loop, log);
	if (!ret->name || !ret->log)
		return err_oom(err);
	return prepare_bundle(c, f, ret, err);
}

int functions_prepare(struct control *c, const struct profile_set *set, struct function_files **ret,
	struct buf *errors, struct err *err)
{
	struct function_files *files = calloc(set->n_functions + 1, sizeof(*files));

	if (!files)
		return err_oom(err);
	c->attempts++;
	for (size_t i = 0; i < set->n_functions; i++) {
		struct err e = ERR_INIT;

		if (prepare_one(c, &set->functions[i], &files[i], &e) == 0)
			continue;
		err_wrap(&e, "function '%s'", set->functions[i].name);
		if (!errors && e.code != ENOMEM) {
			log_error("%s", e.msg);
			continue;
		}
		if (errors)
			buf_printf(errors, "%s\n", e.msg);
		if (err->code == 0)
			*err = e;
	}
	if (err->code) {
		functions_release(files, set->n_functions);
		return -err->code;
	}
	*ret = files;
	return 0;
}
