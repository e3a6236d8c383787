/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_METRICS_PRIV_H
#define SHIM_METRICS_PRIV_H

#include <protobuf-c/protobuf-c.h>

#include "runtime/base/arena.h"
#include "shim/proto/metrics.pb-c.h"

/* Devices, page sizes and the like that one list tells of; the rest is left out. */
#define METRICS_LIST_MAX 1024

/*
 * "NAME VALUE" lines of a file, or "NAME=VALUE" words, into the members of those names; each
 * member that is an unsigned 64-bit number is called what the kernel calls it.
 */
void metrics_fill(ProtobufCMessage *m, const char *text);

/* A list of messages that grows in an arena. */
struct metrics_list {
	void **items;
	size_t n;
};
void metrics_list_add(struct arena *a, struct metrics_list *l, void *item);

/* A line's words, in place of its text; at most `max`, NULL-terminated one longer. Moves *text on; false at the end. */
bool metrics_next_line(char **text, char *words[], size_t max, size_t *ret_n);

/* Readers of v1 expect another number for "max" than those of v2. */
Pb__PidsStat *metrics_pids(struct arena *a, int dir, uint64_t no_limit);
Pb__RdmaStat *metrics_rdma(struct arena *a, int dir);
/* Sizes of huge pages of this kernel, as in file names: "2MB". */
struct metrics_list metrics_page_sizes(struct arena *a);

Pb__V1Metrics *metrics_v1(struct arena *a, const char *cgroups);
/* Of the cgroup's directory. */
Pb__V2Metrics *metrics_v2(struct arena *a, int dir);

#endif
