/* SPDX-License-Identifier: Apache-2.0 */
/*
 * criu stops at named stages for scripts. Ours is a few lines for /bin/sh, executed from
 * memory, that ask us through pipes and wait for the answer.
 */
#ifndef RUNTIME_CRIU_SCRIPT_H
#define RUNTIME_CRIU_SCRIPT_H

#include <sys/types.h>

#include "runtime/base/err.h"

struct criu_call;

struct criu_script {
	int file;	/* owned, as the others are */
	int request[2]; /* a line with a pid */
	int answer[2];	/* a line that says whether to go on */
};

#define CRIU_SCRIPT_INIT       \
	{                      \
		-1, {-1, -1},  \
		{              \
			-1, -1 \
		}              \
	}

void criu_script_finish(struct criu_script *s);
#define _cleanup_criu_script_ _cleanup_(criu_script_finish)

/* Adds the script to the command line, for the call's `on_namespaces`. */
int criu_script_begin(struct criu_script *s, struct criu_call *call, struct err *err);

/*
 * Answers until the process behind the pidfd has ended. The first failure of
 * `on_namespaces` makes criu give up, and is returned.
 */
int criu_script_serve(
	struct criu_script *s, const struct criu_call *call, int pidfd, struct err *err);

#endif
