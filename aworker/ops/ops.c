/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the modules' tables into the one that the engine wants.
 */
#include "aworker/ops/ops.h"

#include "runtime/base/util.h"

#define OPS_COLUMN(name) ops_##name,
static const struct engine_op *const modules[] = {OPS_MODULES(OPS_COLUMN)};
#undef OPS_COLUMN

static size_t count_ops(const struct engine_op *ops)
{
	size_t n = 0;

	while (ops[n].name)
		n++;
	return n;
}

const struct engine_op *ops_table(void)
{
	static struct engine_op *table;
	size_t n = 0;

	if (table)
		return table;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		n += count_ops(modules[i]);
	table = calloc(n + 1, sizeof(*table));
	if (!table)
		return NULL;
	n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		size_t k = count_ops(modules[i]);

		memcpy(table + n, modules[i], k * sizeof(*table));
		n += k;
	}
	return table;
}
