/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_limits.h"

#include <errno.h>
#include <math.h>

#include "oci-spec/config.h"

void cgroup_limits_init(struct cgroup_limits *limits)
{
	int64_t u = LIMIT_UNSET;

	*limits = (struct cgroup_limits){
		.memory = {u, u, u, u, u, u, false},
		.cpu = {u, u, u, u, u, u, u},
		.pids = u,
	};
}

bool cgroup_limits_has_memory(const struct cgroup_limits *l)
{
	return l->memory.limit != LIMIT_UNSET || l->memory.reservation != LIMIT_UNSET ||
	       l->memory.swap != LIMIT_UNSET || l->memory.kernel_tcp != LIMIT_UNSET ||
	       l->memory.swappiness != LIMIT_UNSET || l->memory.oom_kill_disable == 1;
}

bool cgroup_limits_has_cpu(const struct cgroup_limits *l)
{
	return l->cpu.shares != LIMIT_UNSET || l->cpu.quota != LIMIT_UNSET ||
	       l->cpu.period != LIMIT_UNSET || l->cpu.burst != LIMIT_UNSET ||
	       l->cpu.rt_runtime != LIMIT_UNSET || l->cpu.rt_period != LIMIT_UNSET ||
	       l->cpu.idle != LIMIT_UNSET;
}

bool cgroup_limits_has_cpuset(const struct cgroup_limits *l)
{
	return l->cpuset.cpus || l->cpuset.mems;
}

bool cgroup_limits_has_block_io(const struct cgroup_limits *l)
{
	const struct oci_block_io *io = l->block_io;

	return io &&
	       (io->weight.value || io->leaf_weight.value || io->n_weight_devices ||
		       io->n_read_bps || io->n_write_bps || io->n_read_iops || io->n_write_iops);
}

bool cgroup_limits_has_class_id(const struct cgroup_limits *l)
{
	return l->network && l->network->class_id.value;
}

bool cgroup_limits_has_priorities(const struct cgroup_limits *l)
{
	return l->network && l->network->n_priorities;
}

bool cgroup_limits_has_hugepages(const struct cgroup_limits *l)
{
	for (size_t i = 0; i < l->n_hugepages; i++)
		if (l->hugepages[i].limit)
			return true;
	return false;
}

uint64_t cgroup_io_weight(unsigned weight)
{
	return weight <= 10 ? 1 : 1 + ((uint64_t)weight - 10) * 9999 / 990;
}

uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	/* A parabola in log2 through (2, 1), (1024, 100) and (262144, 10000), as other runtimes use. */
	l = log2((double)shares);
	return (uint64_t)ceil(pow(10, (l * l + 125 * l) / 612 - 7.0 / 34));
}

int cgroup_swap_alone(int64_t swap, int64_t limit, int64_t *ret)
{
	if (swap == LIMIT_NONE) {
		*ret = LIMIT_NONE;
		return 0;
	}
	if (limit == LIMIT_UNSET || limit == LIMIT_NONE || swap < limit)
		return -EINVAL;
	*ret = swap - limit;
	return 0;
}
