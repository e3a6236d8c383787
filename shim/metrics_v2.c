/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "shim/cgroup.h"
#include "shim/metrics_priv.h"

static Pb__V2Cpu *cpu(struct arena *a, int dir)
{
	_cleanup_free_ char *stat = cgroup_text(dir, "cpu.stat");
	Pb__V2Cpu *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v2_cpu__init(m);
	metrics_fill(&m->base, stat);
	return m;
}

static Pb__V2Memory *memory(struct arena *a, int dir)
{
	_cleanup_free_ char *stat = cgroup_text(dir, "memory.stat");
	Pb__V2Memory *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v2_memory__init(m);
	metrics_fill(&m->base, stat);
	m->usage = cgroup_number(dir, "memory.current");
	m->usage_limit = cgroup_number(dir, "memory.max");
	m->max_usage = cgroup_number(dir, "memory.peak");
	m->swap_usage = cgroup_number(dir, "memory.swap.current");
	m->swap_limit = cgroup_number(dir, "memory.swap.max");
	m->swap_max_usage = cgroup_number(dir, "memory.swap.peak");
	return m;
}

static Pb__V2MemoryEvents *memory_events(struct arena *a, int dir)
{
	_cleanup_free_ char *text = cgroup_text(dir, "memory.events");
	Pb__V2MemoryEvents *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v2_memory_events__init(m);
	metrics_fill(&m->base, text);
	return m;
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" */
static Pb__V2Io *io(struct arena *a, int dir)
{
	_cleanup_free_ char *text = cgroup_text(dir, "io.stat");
	struct metrics_list list = {0};
	Pb__V2Io *m = arena_alloc(a, sizeof(*m));
	char *words[9];
	char *at = text;
	size_t n;

	if (!m)
		return NULL;
	pb__v2_io__init(m);
	while (metrics_next_line(&at, words, ARRAY_SIZE(words) - 1, &n)) {
		Pb__V2IoEntry *e = n > 2 ? arena_alloc(a, sizeof(*e)) : NULL;

		if (!e)
			continue;
		pb__v2_io_entry__init(e);
		e->major = strtoull(words[0], NULL, 10);
		e->minor = strtoull(words[1], NULL, 10);
		for (size_t i = 2; i < n; i++)
			metrics_fill(&e->base, words[i]);
		metrics_list_add(a, &list, e);
	}
	m->usage = (Pb__V2IoEntry **)list.items;
	m->n_usage = list.n;
	return m;
}

static void hugetlb(struct arena *a, int dir, Pb__V2Metrics *m)
{
	struct metrics_list sizes = metrics_page_sizes(a);
	struct metrics_list list = {0};
	char file[64];

	for (size_t i = 0; i < sizes.n; i++) {
		Pb__V2Hugetlb *e = arena_alloc(a, sizeof(*e));

		if (!e)
			break;
		pb__v2_hugetlb__init(e);
		e->pagesize = sizes.items[i];
		snprintf(file, sizeof(file), "hugetlb.%s.current", e->pagesize);
		e->current = cgroup_number(dir, file);
		snprintf(file, sizeof(file), "hugetlb.%s.max", e->pagesize);
		e->max = cgroup_number(dir, file);
		metrics_list_add(a, &list, e);
	}
	m->hugetlb = (Pb__V2Hugetlb **)list.items;
	m->n_hugetlb = list.n;
}

Pb__V2Metrics *metrics_v2(struct arena *a, int dir)
{
	Pb__V2Metrics *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return NULL;
	pb__v2_metrics__init(m);
	m->pids = metrics_pids(a, dir, UINT64_MAX);
	m->cpu = cpu(a, dir);
	m->memory = memory(a, dir);
	m->memory_events = memory_events(a, dir);
	m->io = io(a, dir);
	m->rdma = metrics_rdma(a, dir);
	hugetlb(a, dir, m);
	return m;
}
