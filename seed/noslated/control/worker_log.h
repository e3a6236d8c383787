/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the workers of one function print, as JSON lines in one file: {"time": ..., "worker": ..., "text":
 * ...}. A file of WORKER_LOG_MAX becomes FILE.1, and what was there before is gone. A worker that prints
 * more than is written waits, as at a terminal.
 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_LOG_H
#define SEED_NOSLATED_CONTROL_WORKER_LOG_H

#include <uv.h>

#include "runtime/base/err.h"

#define WORKER_LOG_MAX	 (1 << 20) /* bytes of a file */
#define WORKER_LOG_OLDER ".1"	   /* behind the name of the one before */
#define WORKER_LINE_MAX	 4096	   /* a longer line is several */

struct worker_log;
struct worker_output;

/* NULL: out of memory. The file is made with the first line. */
struct worker_log *worker_log_create(uv_loop_t *loop, const char *path);
/* It is gone when the last worker has let go of it. NULL is fine. */
void worker_log_release(struct worker_log *log);

/*
 * Reads the named pipe `path`, which is made when it is not there, for a worker of this name. What is in it
 * when this process dies is the next one's.
 */
int worker_log_open(struct worker_log *log, const char *worker, const char *path,
	struct worker_output **ret, struct err *err);
/* The worker has ended: what it has printed is written, and the pipe closed. NULL is fine. */
void worker_output_finish(struct worker_output *o);

#endif
