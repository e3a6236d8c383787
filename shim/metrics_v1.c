/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "shim/cgroup.h"
#include "shim/metrics_priv.h"

/* File names are made of a prefix, which may hold the size of a page, and what is asked for. */
static uint64_t number(int dir, const char *prefix, const char *suffix)
{
	char file[128];

	snprintf(file, sizeof(file), "%s%s", prefix, suffix);
	return cgroup_number(dir, file);
}

static Pb__V1MemoryEntry *memory_entry(struct arena *a, int dir, const char *prefix)
{
	Pb__V1MemoryEntry *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v1_memory_entry__init(m);
	m->limit = number(dir, prefix, "limit_in_bytes");
	m->usage = number(dir, prefix, "usage_in_bytes");
	m->max = number(dir, prefix, "max_usage_in_bytes");
	m->failcnt = number(dir, prefix, "failcnt");
	return m;
}

static Pb__V1Memory *memory(struct arena *a, int dir)
{
	_cleanup_free_ char *stat = cgroup_text(dir, "memory.stat");
	Pb__V1Memory *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v1_memory__init(m);
	metrics_fill(&m->base, stat);
	m->usage = memory_entry(a, dir, "memory.");
	/* What the kernel was not built with, or does not count, is left out. */
	if (faccessat(dir, "memory.memsw.usage_in_bytes", F_OK, 0) == 0)
		m->swap = memory_entry(a, dir, "memory.memsw.");
	m->kernel = memory_entry(a, dir, "memory.kmem.");
	m->kernel_tcp = memory_entry(a, dir, "memory.kmem.tcp.");
	return m;
}

static Pb__V1OomControl *oom_control(struct arena *a, int dir)
{
	_cleanup_free_ char *text = cgroup_text(dir, "memory.oom_control");
	Pb__V1OomControl *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v1_oom_control__init(m);
	metrics_fill(&m->base, text);
	return m;
}

static Pb__V1CpuUsage *cpu_usage(struct arena *a, int dir)
{
	_cleanup_free_ char *per_cpu = cgroup_text(dir, "cpuacct.usage_percpu");
	Pb__V1CpuUsage *m = arena_alloc(a, sizeof(*m));
	size_t n = 0;

	if (!m)
		return NULL;
	pb__v1_cpu_usage__init(m);
	m->total = cgroup_number(dir, "cpuacct.usage");
	m->user = cgroup_number(dir, "cpuacct.usage_user");
	m->kernel = cgroup_number(dir, "cpuacct.usage_sys");
	m->per_cpu = per_cpu ? arena_calloc(a, strlen(per_cpu), sizeof(*m->per_cpu)) : NULL;
	for (char *at = per_cpu, *end; m->per_cpu; at = end) {
		uint64_t v = strtoull(at, &end, 10);

		if (end == at)
			break;
		m->per_cpu[n++] = v;
	}
	m->n_per_cpu = n;
	return m;
}

static Pb__V1Cpu *cpu(struct arena *a, int accounts, int dir)
{
	_cleanup_free_ char *stat = cgroup_text(dir, "cpu.stat");
	Pb__V1Cpu *m = arena_alloc(a, sizeof(*m));
	Pb__V1Throttling *t = arena_alloc(a, sizeof(*t));

	if (!m || !t)
		return NULL;
	pb__v1_cpu__init(m);
	pb__v1_throttling__init(t);
	metrics_fill(&t->base, stat);
	m->throttling = t;
	m->usage = cpu_usage(a, accounts);
	return m;
}

/* "8:0 Read 4096" in each line, and a "Total" at the end. */
static size_t blkio_entries(struct arena *a, int dir, const char *file, Pb__V1BlkioEntry ***ret)
{
	char *text = cgroup_text(dir, file), *at = text;
	struct metrics_list list = {0};
	char *words[5];
	size_t n;

	while (metrics_next_line(&at, words, ARRAY_SIZE(words) - 1, &n)) {
		Pb__V1BlkioEntry *e = n >= 3 ? arena_alloc(a, sizeof(*e)) : NULL;

		if (!e)
			continue;
		pb__v1_blkio_entry__init(e);
		e->major = strtoull(words[0], NULL, 10);
		e->minor = strtoull(words[1], NULL, 10);
		e->value = strtoull(words[n - 1], NULL, 10);
		if (n == 4)
			e->op = arena_strndup(a, words[2], strlen(words[2]));
		metrics_list_add(a, &list, e->op ? e : NULL);
	}
	free(text);
	*ret = (Pb__V1BlkioEntry **)list.items;
	return list.n;
}

static Pb__V1Blkio *blkio(struct arena *a, int dir)
{
	Pb__V1Blkio *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v1_blkio__init(m);
#define READ(member, bfq, throttle)                                                       \
	m->n_##member = blkio_entries(a, dir, "blkio.bfq." bfq "_recursive", &m->member); \
	if (throttle && m->n_##member == 0)                                               \
	m->n_##member = blkio_entries(a, dir, "blkio.throttle." bfq "_recursive", &m->member)
	/* The scheduler that makes the others is not used for every disk. */
	READ(service_bytes, "io_service_bytes", true);
	READ(serviced, "io_serviced", true);
	READ(queued, "io_queued", false);
	READ(service_time, "io_service_time", false);
	READ(wait_time, "io_wait_time", false);
	READ(merged, "io_merged", false);
	READ(time, "time", false);
	READ(sectors, "sectors", false);
#undef READ
	return m;
}

static void hugetlb(struct arena *a, int dir, Pb__V1Metrics *m)
{
	struct metrics_list sizes = metrics_page_sizes(a);
	struct metrics_list list = {0};
	char prefix[64];

	for (size_t i = 0; dir >= 0 && i < sizes.n; i++) {
		Pb__V1Hugetlb *e = arena_alloc(a, sizeof(*e));

		if (!e)
			break;
		pb__v1_hugetlb__init(e);
		e->pagesize = sizes.items[i];
		snprintf(prefix, sizeof(prefix), "hugetlb.%s.", e->pagesize);
		e->usage = number(dir, prefix, "usage_in_bytes");
		e->max = number(dir, prefix, "max_usage_in_bytes");
		e->failcnt = number(dir, prefix, "failcnt");
		metrics_list_add(a, &list, e);
	}
	m->hugetlb = (Pb__V1Hugetlb **)list.items;
	m->n_hugetlb = list.n;
}

Pb__V1Metrics *metrics_v1(struct arena *a, const char *cgroups)
{
	_cleanup_close_ int memory_dir = cgroup_open(cgroups, "memory");
	_cleanup_close_ int cpu_dir = cgroup_open(cgroups, "cpu");
	_cleanup_close_ int cpuacct_dir = cgroup_open(cgroups, "cpuacct");
	_cleanup_close_ int pids_dir = cgroup_open(cgroups, "pids");
	_cleanup_close_ int blkio_dir = cgroup_open(cgroups, "blkio");
	_cleanup_close_ int rdma_dir = cgroup_open(cgroups, "rdma");
	_cleanup_close_ int hugetlb_dir = cgroup_open(cgroups, "hugetlb");
	Pb__V1Metrics *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v1_metrics__init(m);
	if (memory_dir >= 0) {
		m->memory = memory(a, memory_dir);
		m->oom_control = oom_control(a, memory_dir);
	}
	if (cpu_dir >= 0 || cpuacct_dir >= 0)
		m->cpu = cpu(a, cpuacct_dir, cpu_dir);
	if (pids_dir >= 0)
		m->pids = metrics_pids(a, pids_dir, 0);
	if (blkio_dir >= 0)
		m->blkio = blkio(a, blkio_dir);
	if (rdma_dir >= 0)
		m->rdma = metrics_rdma(a, rdma_dir);
	hugetlb(a, hugetlb_dir, m);
	return m;
}
