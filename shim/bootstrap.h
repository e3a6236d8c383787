/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What containerd gives a shim on standard input when it starts one, and what it reads of
 * its standard output. Until 2.2: settings of the runtime, or nothing; the answer is an
 * address. Since 2.3: everything that there is to know, as BootstrapParams; the answer is
 * a BootstrapResult.
 */
#ifndef SHIM_BOOTSTRAP_H
#define SHIM_BOOTSTRAP_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "shim/proto/options.pb-c.h"

struct arena;
struct buf;

#define BOOTSTRAP_MAX (1u << 20)

struct bootstrap {
	const Pb__BootstrapParams *params; /* NULL: containerd is older than 2.3 */
	Pb__RuncOptions *settings;	   /* NULL: none */
};

/* All lives in the arena. -EINVAL for what is neither of the two. */
int bootstrap_read(const void *data, size_t len, const char *id, const char *namespace,
	struct arena *a, struct bootstrap *ret, struct err *err);

/* The answer, for a shim at `path`. Ask buf_failed(). */
void bootstrap_answer(const struct bootstrap *b, const char *path, struct buf *out);

#endif
