/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `exit` in a container's state directory: how a process ended that is
 * not a child of whoever wants to know. One line of text, written atomically by
 * the process that reaped it (the keeper, for clones).
 */
#ifndef SEED_EXIT_H
#define SEED_EXIT_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define SEED_EXIT_FILE "exit"

struct seed_exit {
	pid_t pid;
	int status;	  /* as from waitpid(2) */
	int64_t ended_ns; /* CLOCK_REALTIME */
	int64_t user_us;  /* CPU times */
	int64_t system_us;
	int64_t max_rss_kib;
};

void seed_exit_fill(struct seed_exit *ret, pid_t pid, int status, const struct rusage *usage);
int seed_exit_write(int dirfd, const struct seed_exit *e, struct err *err);
/* -ENOENT while there is none. */
int seed_exit_read(int dirfd, struct seed_exit *ret, struct err *err);
/* Waits for the file, which comes some time after the pidfd of the process becomes readable. */
int seed_exit_wait(int dirfd, int timeout_ms, struct seed_exit *ret, struct err *err);

/* What a shell would say: the exit code, or 128 + signal. */
int seed_exit_code(int status);

#endif
