/* SPDX-License-Identifier: Apache-2.0 */
/* Bundles and logs of the functions of a set. */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/worker_bundle.h"
#include "seed/noslated/control/worker_log.h"

#define FUNCTIONS_DIR "functions"

static int remove_one(
	const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	(void)remove(path);
	return 0;
}

void functions_forget(const struct control *c)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/" FUNCTIONS_DIR, c->options->run);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
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
	const struct function_files *before = functions_find(c, f->name);
	char dir[PATH_MAX];
	bool same;

	snprintf(dir, sizeof(dir), "%s/" FUNCTIONS_DIR "/%s/%u", c->options->run, f->name,
		c->attempts);
	if (worker_bundle_write(dir, before ? before->bundle : NULL, f, &same, err) < 0)
		return -err->code;
	ret->bundle = strdup(same ? before->bundle : dir);
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
