/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes whose end the shim waits for: programs that it executes, and processes of
 * containers, which become its children when the runtime that made them ends (the shim is
 * their subreaper). A process is awaited by its pidfd and reaped only by whoever asked for
 * it, so that no pid is used again before its end was told. Orphans that nobody asked for
 * are reaped when no program is running that might still hand one of them over.
 */
#ifndef SHIM_CHILD_H
#define SHIM_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* Makes this process the subreaper of its descendants and watches for orphans. */
int child_start_reaping(struct err *err);

struct child;

/*
 * `status` is as from waitpid(2); -1 when the process was not ours and only its end is
 * known. The child is gone when this is called.
 */
typedef void child_exit_fn(void *arg, int status);

/* Waits for a process that is, or may be, our child. NULL: -ESRCH when there is none. */
struct child *child_watch(pid_t pid, child_exit_fn *fn, void *arg, struct err *err);
pid_t child_pid(const struct child *c);
int child_signal(const struct child *c, int sig); /* 0 or a negative errno */
/* Forgets it: nobody is told. *c may be NULL, and is then. */
void child_drop(struct child **c);

struct child_program {
	const char *const *argv; /* argv[0] is searched in PATH unless it has a slash */
	const char *const *env;	 /* NULL: our own */
	const int *fds;		 /* its 0, 1, 2 and further; -1 is /dev/null */
	size_t n_fds;		 /* at most CHILD_FDS_MAX */
	bool hands_over; /* it leaves us children to wait for: no orphan is reaped before its end */
};

#define CHILD_FDS_MAX 8

/* Executes a program, with no descriptors but those and with signals as at a login. */
struct child *child_execute(
	const struct child_program *program, child_exit_fn *fn, void *arg, struct err *err);

#endif
