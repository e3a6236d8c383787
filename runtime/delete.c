/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/life.h"
#include "runtime/verbs.h"

static bool force;

static const struct option options[] = {
	{"force", 'f', OPTION_FLAG, &force, NULL, NULL,
		"kill what still runs; no error when there is no such container"},
};

const struct option_table delete_options = {options, ARRAY_SIZE(options), NULL};

int verb_delete(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	int r = container_open(g->root, args[0], &c, err);

	if (r == 0)
		r = life_delete(&c, force, err);
	/* Also when another `delete` was quicker: what was asked for is true. */
	return r == -ENOENT && force ? 0 : r;
}
