/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf run` in the foreground: signals go to the container, its terminal is ours,
 * its end is ours too.
 */
#ifndef RUNTIME_FOREGROUND_H
#define RUNTIME_FOREGROUND_H

#include <signal.h>

#include "runtime/base/err.h"

struct console;
struct life;

struct foreground {
	int signal_fd;	 /* owned */
	sigset_t before; /* the signal mask to return to */
};

#define FOREGROUND_INIT         \
	{                       \
		.signal_fd = -1 \
	}

/*
 * Blocks every signal that can be forwarded, so that one which comes while the
 * container is made ends neither us nor half a container. Children reset their mask.
 */
int foreground_begin(struct foreground *fg, struct err *err);
void foreground_end(struct foreground *fg);
#define _cleanup_foreground_ _cleanup_(foreground_end)

/*
 * Forwards signals and copies the terminal until the process ends. *ret_code is what
 * a shell would say: its exit code, or 128 + signal.
 */
int foreground_wait(struct foreground *fg, const struct life *life, struct console *console,
	int *ret_code, struct err *err);

#endif
