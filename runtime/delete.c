/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <regex.h>

#include "runtime/life.h"
#include "runtime/verbs.h"

static struct {
	bool force;
	bool regex;
} given;

static const struct option options[] = {
	{"force", 'f', OPTION_FLAG, &given.force, NULL, NULL,
		"kill what still runs; no error when there is no such container"},
	{"regex", 'r', OPTION_FLAG, &given.regex, NULL, NULL,
		"delete every container whose id matches the expression"},
};

const struct option_table delete_options = {options, ARRAY_SIZE(options), NULL};

static int delete_one(const struct globals *g, const char *id, bool force, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	int r = container_open(g->root, id, &c, err);

	if (r == 0)
		r = life_delete(&c, force, err);
	/* Also when another `delete` was quicker: what was asked for is true. */
	return r == -ENOENT && force ? 0 : r;
}

/* One that cannot be deleted keeps none of the others; the first error is told at the end. */
static int delete_matching(const struct globals *g, const regex_t *expr, struct err *err)
{
	_cleanup_strv_ char **ids = NULL;
	struct err first = ERR_INIT;
	int r = container_ids(g->root, &ids, err);

	if (r < 0)
		return r;
	for (char **id = ids; *id; id++) {
		struct err why = ERR_INIT;

		if (regexec(expr, *id, 0, NULL, 0) != 0)
			continue;
		r = delete_one(g, *id, given.force, &why);
		if (r < 0 && r != -ENOENT && first.code == 0)
			first = why;
	}
	if (first.code)
		*err = first;
	return -first.code;
}

static int delete_regex(const struct globals *g, const char *text, struct err *err)
{
	regex_t expr;
	int r = regcomp(&expr, text, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		char why[128];

		regerror(r, &expr, why, sizeof(why));
		return err_say(err, EINVAL, "option '--regex': '%s': %s", text, why);
	}
	r = delete_matching(g, &expr, err);
	regfree(&expr);
	return r;
}

int verb_delete(const struct globals *g, char **args, struct err *err)
{
	return given.regex ? delete_regex(g, args[0], err)
			   : delete_one(g, args[0], given.force, err);
}
