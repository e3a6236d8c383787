/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container uses, as JSON in the shape of `runc events`, which containerd and
 * others read: numbers of v2 are converted to v1's units and meanings there.
 */
#ifndef RUNTIME_BOX_CGROUP_STATS_H
#define RUNTIME_BOX_CGROUP_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct cgroup;
struct json_writer;

/*
 * Writes the members cpu, cpuset, memory, pids, blkio and hugetlb into an open object.
 * What the container has no cgroup for is empty, or 0.
 */
void cgroup_stats_write(struct cgroup *cg, struct json_writer *w);

/* Being told when the kernel kills for want of memory, or on v1 would have. */
struct cgroup_oom {
	int fd;	       /* owned; to poll(2) for POLLIN */
	int file;      /* owned; what is watched */
	bool counts;   /* v2 */
	int64_t kills; /* v2: that were seen */
};

#define CGROUP_OOM_INIT          \
	{                        \
		-1, -1, false, 0 \
	}

/* -ENOTSUP without a memory cgroup. */
int cgroup_oom_open(struct cgroup *cg, struct cgroup_oom *ret, struct err *err);

/* After POLLIN, and when all is over: was there one since the last look? Not if the cgroup is gone. */
bool cgroup_oom_read(struct cgroup_oom *oom);

void cgroup_oom_close(struct cgroup_oom *oom);
#define _cleanup_cgroup_oom_ _cleanup_(cgroup_oom_close)

#endif
