/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON line for each request, in a buffer that is written when it is full, and some moments later.
 * A descriptor that takes nothing more loses whole lines, which are counted.
 */
#ifndef SEED_NOSLATED_DATA_ACCESS_LOG_H
#define SEED_NOSLATED_DATA_ACCESS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "seed/noslated/data/head.h"

#define ACCESS_LOG_BUFFER 65536
#define ACCESS_LOG_LINE	  4096 /* longer paths are cut */

struct access_log {
	int fd; /* -1: none */
	size_t len;
	uint64_t dropped;
	int64_t second; /* of the text below */
	char when[24];	/* "2026-11-30T13:41:47" */
	char buffer[ACCESS_LOG_BUFFER];
};

struct access_line {
	const char *id, *function, *worker, *client, *error; /* none of them NULL */
	struct head_text method, path;
	int status;
	uint64_t in, out; /* bytes */
	uint64_t queue_us, first_us, total_us;
};

void access_log_write(struct access_log *l, const struct access_line *line);
void access_log_flush(struct access_log *l);

#endif
