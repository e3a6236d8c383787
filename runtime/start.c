/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/life.h"
#include "runtime/verbs.h"

int verb_start(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	int r = container_open(g->root, args[0], &c, err);

	return r < 0 ? r : life_start(&c, err);
}
