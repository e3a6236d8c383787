/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op table: everything that the platform's JavaScript can ask of C.
 *
 * A module X defines `const struct engine_op ops_X[]`, ended by an entry whose
 * name is NULL, and adds X(X) to the list below. Order matters only for the
 * snapshot, which is made by the same build. In JavaScript an op is `ops.NAME`;
 * op_data() is the `struct worker *` (aworker/worker.h).
 */
#ifndef AWORKER_OPS_OPS_H
#define AWORKER_OPS_OPS_H

#include "aworker/v8/engine.h"

#define OPS_MODULES(X) \
	X(worker)      \
	X(timer)       \
	X(http)        \
	X(kv)          \
	X(cache)       \
	X(ws)          \
	X(fetch)       \
	X(clone)       \
	X(async)       \
	X(crypto)      \
	X(repl)        \
	X(subtle)      \
	X(text)        \
	X(url)         \
	X(codec)

#define OPS_DECLARE(name) extern const struct engine_op ops_##name[];
OPS_MODULES(OPS_DECLARE)
#undef OPS_DECLARE

/* All of them as one table, made once; lives as long as the process. NULL: out of memory. */
const struct engine_op *ops_table(void);

#endif
