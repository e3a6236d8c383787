/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CTL_ASK_H
#define SEED_NOSLATED_CTL_ASK_H

#include <stddef.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

struct answer {
	int status;
	struct buf body;
};

/* One request to the admin API of the daemon whose directory is `run`; waits for the answer. */
int ask_noslated(const char *run, const char *method, const char *target, const char *body,
	size_t len, struct answer *ret, struct err *err);
void answer_finish(struct answer *a);

#endif
