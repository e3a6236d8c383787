/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values: one sentence, built from the inside out, on the caller's
 * stack. No allocation, so ENOMEM and a just-forked child can report too.
 *
 * A function that can fail returns 0 or a negative errno and fills *err, which
 * may not be NULL. Out-parameters are untouched on failure.
 */
#ifndef RUNTIME_BASE_ERR_H
#define RUNTIME_BASE_ERR_H

#include "runtime/base/util.h"

#define ERR_MSG_MAX 512

struct err {
	int code;	       /* positive errno, 0 when nothing failed */
	char msg[ERR_MSG_MAX]; /* truncated with "..." when longer */
};

#define ERR_INIT      \
	{             \
		0, "" \
	}

/*
 * "open 'x': No such file or directory": what was tried, then why the system
 * refused. `code` is a positive errno. Returns -code.
 */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A sentence of our own, with no errno text behind it. Returns -code. */
int err_say(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "what: " before the sentence that is there. Returns -err->code. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Out of memory, as every allocation failure is reported. Returns -ENOMEM. */
int err_oom(struct err *err);

#endif
