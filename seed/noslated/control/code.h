/* SPDX-License-Identifier: Apache-2.0 */
/* What the code of a function is at the moment, as far as a look at it says. */
#ifndef SEED_NOSLATED_CONTROL_CODE_H
#define SEED_NOSLATED_CONTROL_CODE_H

#include "runtime/base/err.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/digest.h"

struct profile_function;

struct code_seen {
	enum code_kind kind;
	/* Another one when it may have changed. Of a URL, what it has to have; of a bundle, that of its
	 * configuration. */
	struct digest state;
};

/*
 * *ret_fd: what was looked at, a file or a directory, of a bundle its configuration; the caller's. Of a URL there
 * is nothing, and it stays as it is. Errors begin with the member of the profile.
 */
int code_look(
	const struct profile_function *f, struct code_seen *ret, int *ret_fd, struct err *err);

#endif
