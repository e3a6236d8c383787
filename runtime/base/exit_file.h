/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `exit` in a container's state directory: how a process ended that is
 * not a child of whoever wants to know. One line of text, written atomically by
 * the process that reaped it (the keeper, for clones).
 */
#ifndef RUNTIME_BASE_EXIT_FILE_H
#define RUNTIME_BASE_EXIT_FILE_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define EXIT_FILE_NAME "exit"

struct exit_file {
	pid_t pid;
	int status;	  /* as from waitpid(2) */
	int64_t ended_ns; /* CLOCK_REALTIME */
	int64_t user_us;  /* CPU times */
	int64_t system_us;
	int64_t max_rss_kib;
};

void exit_file_fill(struct exit_file *ret, pid_t pid, int status, const struct rusage *usage);
int exit_file_write(int dirfd, const struct exit_file *e, struct err *err);
/* -ENOENT while there is none. */
int exit_file_read(int dirfd, struct exit_file *ret, struct err *err);
/* Waits for the file, which comes some time after the pidfd of the process becomes readable. */
int exit_file_wait(int dirfd, int timeout_ms, struct exit_file *ret, struct err *err);

/* What a shell would say: the exit code, or 128 + signal. */
int exit_file_code(int status);

#endif
