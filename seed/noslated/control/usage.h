/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one worker takes: memory of its cgroup; processor time of its cgroup where that is of v2, else of its
 * process, which is the only one that it has.
 */
#ifndef SEED_NOSLATED_CONTROL_USAGE_H
#define SEED_NOSLATED_CONTROL_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct usage_source {
	pid_t pid;
	char *memory, *cpu; /* files; owned; memory NULL: there is no such cgroup */
	bool cpu_is_v2;
};

struct usage {
	uint64_t memory; /* bytes; 0: not known */
	uint64_t cpu_user_ns, cpu_system_ns;
};

int usage_open(pid_t pid, struct usage_source *ret, struct err *err);
void usage_close(struct usage_source *s);
/* Three or four system calls. False: it is gone. */
bool usage_read(const struct usage_source *s, struct usage *ret);

#endif
