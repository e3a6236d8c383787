/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a policy what a record (record.h) says that one was told, and compares what it decides. */
#ifndef SEED_NOSLATED_SIM_REPLAY_H
#define SEED_NOSLATED_SIM_REPLAY_H

#include <stdint.h>

struct err;

#define REPLAY_LINE_MAX	  65536
#define REPLAY_NUMBER_MAX 1000000000 /* functions, requests, workers */

struct replay_count {
	uint64_t events, decisions;
};

/* -EINVAL and the first difference, or what is wrong with the record: "FILE:LINE: ...". */
int replay_run(const char *path, struct replay_count *ret, struct err *err);

#endif
