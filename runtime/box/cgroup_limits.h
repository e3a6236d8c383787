/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.resources, reduced to what cgroups are told: plain numbers with one word
 * for "not given", zeros that mean "not given" already sorted out.
 */
#ifndef RUNTIME_BOX_CGROUP_LIMITS_H
#define RUNTIME_BOX_CGROUP_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_UNSET INT64_MIN
#define LIMIT_NONE  (-1) /* unlimited, where the configuration can say so */

struct device_rule;
struct oci_block_io;
struct oci_hugepage_limit;
struct oci_network;
struct oci_rdma;

struct cgroup_setting {
	const char *file;
	const char *value;
};

/* Borrows everything it points to. */
struct cgroup_limits {
	struct {
		int64_t limit, reservation, swap; /* bytes */
		int64_t kernel_tcp;
		int64_t swappiness;
		int64_t oom_kill_disable; /* 0, 1 */
		bool check_before_update;
	} memory;
	struct {
		int64_t shares, quota, period, burst; /* times in us */
		int64_t rt_runtime, rt_period;
		int64_t idle;
	} cpu;
	struct {
		const char *cpus, *mems; /* NULL: not given */
	} cpuset;
	int64_t pids;
	const struct device_rule *devices; /* in the order of the configuration */
	size_t n_devices;
	const struct cgroup_setting *unified;
	size_t n_unified;
	/* As configured; NULL and 0: not given. */
	const struct oci_block_io *block_io;
	const struct oci_network *network;
	const struct oci_hugepage_limit *hugepages;
	size_t n_hugepages;
	const struct oci_rdma *rdma;
	size_t n_rdma;
};

/* Nothing is limited. */
void cgroup_limits_init(struct cgroup_limits *limits);

bool cgroup_limits_has_memory(const struct cgroup_limits *l);
bool cgroup_limits_has_cpu(const struct cgroup_limits *l);
bool cgroup_limits_has_cpuset(const struct cgroup_limits *l);
bool cgroup_limits_has_block_io(const struct cgroup_limits *l);
bool cgroup_limits_has_class_id(const struct cgroup_limits *l);
bool cgroup_limits_has_priorities(const struct cgroup_limits *l);
/* Zeros for pages that the host does not have are how "nothing" is written. */
bool cgroup_limits_has_hugepages(const struct cgroup_limits *l);

/* v2's cpu.weight (1..10000) for v1's cpu.shares (2..262144): 1024 becomes 100, both defaults. */
uint64_t cgroup_weight_of_shares(uint64_t shares);

/* v2's io.weight (1..10000) for a weight of block IO (10..1000). */
uint64_t cgroup_io_weight(unsigned weight);

/*
 * v2 counts swap alone, the configuration memory and swap together. -EINVAL when
 * the two do not go together.
 */
int cgroup_swap_alone(int64_t swap, int64_t limit, int64_t *ret);

#endif
