/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources -> cgroup_limits: the one place where both are known. */
#include <errno.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

/* The limits, and the lists they borrow. */
struct translation {
	struct cgroup_limits limits;
	struct device_rule *devices;
	struct cgroup_setting *unified;
};

static void translation_finish(struct translation *t)
{
	free(t->devices);
	free(t->unified);
}

/* Go programs write 0 for most of what they did not get. */
static int64_t unless_zero(struct oci_i64 v)
{
	return v.value ? v.value : LIMIT_UNSET;
}

static int64_t if_set(struct oci_i64 v)
{
	return v.set ? v.value : LIMIT_UNSET;
}

/* The kernel's own limits are far below, and it refuses what is too much. */
static int64_t unsigned_unless_zero(struct oci_u64 v)
{
	if (v.value > INT64_MAX)
		return INT64_MAX;
	return v.value ? (int64_t)v.value : LIMIT_UNSET;
}

static void translate_memory(
	struct cgroup_limits *l, const struct oci_memory *m, struct buf *warnings)
{
	l->memory.limit = unless_zero(m->limit);
	l->memory.reservation = unless_zero(m->reservation);
	l->memory.swap = unless_zero(m->swap);
	l->memory.kernel_tcp = unless_zero(m->kernel_tcp);
	if (m->swappiness.set)
		l->memory.swappiness = (int64_t)m->swappiness.value;
	if (m->disable_oom_killer.set)
		l->memory.oom_kill_disable = m->disable_oom_killer.value;
	l->memory.check_before_update = m->check_before_update.value;
	if (m->kernel.value > 0)
		buf_puts(warnings, "linux.resources.memory.kernel: Linux has no such limit any "
				   "more, ignoring\n");
	if (m->use_hierarchy.set && !m->use_hierarchy.value)
		buf_puts(warnings, "linux.resources.memory.useHierarchy: Linux has nothing else "
				   "any more, ignoring\n");
}

static void translate_cpu(struct cgroup_limits *l, const struct oci_cpu *c)
{
	l->cpu.shares = unsigned_unless_zero(c->shares);
	l->cpu.quota = unless_zero(c->quota);
	l->cpu.period = unsigned_unless_zero(c->period);
	/* 0 takes a burst back that an earlier update gave. */
	if (c->burst.set)
		l->cpu.burst = c->burst.value ? unsigned_unless_zero(c->burst) : 0;
	l->cpu.rt_runtime = unless_zero(c->realtime_runtime);
	l->cpu.rt_period = unsigned_unless_zero(c->realtime_period);
	l->cpu.idle = if_set(c->idle);
	l->cpuset.cpus = c->cpus;
	l->cpuset.mems = c->mems;
}

static int translate_devices(struct translation *t, const struct oci_resources *r, struct err *err)
{
	if (r->n_devices == 0)
		return 0;
	t->devices = calloc(r->n_devices, sizeof(*t->devices));
	if (!t->devices)
		return err_oom(err);
	for (size_t i = 0; i < r->n_devices; i++) {
		const struct oci_device_rule *d = &r->devices[i];

		t->devices[i] = (struct device_rule){
			.allow = d->allow,
			.type = d->type,
			.major = d->major.set ? d->major.value : DEVICE_ANY,
			.minor = d->minor.set ? d->minor.value : DEVICE_ANY,
			.access = d->access ? device_access_parse(d->access) : DEVICE_ALL,
		};
	}
	t->limits.devices = t->devices;
	t->limits.n_devices = r->n_devices;
	return 0;
}

static int translate_unified(struct translation *t, const struct oci_resources *r, struct err *err)
{
	if (r->n_unified == 0)
		return 0;
	t->unified = calloc(r->n_unified, sizeof(*t->unified));
	if (!t->unified)
		return err_oom(err);
	for (size_t i = 0; i < r->n_unified; i++)
		t->unified[i] = (struct cgroup_setting){r->unified[i].name, r->unified[i].value};
	t->limits.unified = t->unified;
	t->limits.n_unified = r->n_unified;
	return 0;
}

static int translate(
	struct translation *t, const struct oci_resources *r, struct buf *warnings, struct err *err)
{
	cgroup_limits_init(&t->limits);
	if (!r)
		return 0;
	if (r->memory)
		translate_memory(&t->limits, r->memory, warnings);
	if (r->cpu)
		translate_cpu(&t->limits, r->cpu);
	if (r->pids)
		t->limits.pids = if_set(r->pids->limit);
	t->limits.block_io = r->block_io;
	t->limits.network = r->network;
	t->limits.hugepages = r->hugepage_limits;
	t->limits.n_hugepages = r->n_hugepage_limits;
	t->limits.rdma = r->rdma;
	t->limits.n_rdma = r->n_rdma;
	if (translate_devices(t, r, err) < 0 || translate_unified(t, r, err) < 0)
		return -err->code;
	return 0;
}

int cgroup_create(const struct cgroup_options *options, struct cgroup **ret, struct buf *warnings,
	struct err *err)
{
	_cleanup_(translation_finish) struct translation t = {0};
	int r = translate(&t, options->resources, warnings, err);

	return r < 0 ? r : cgroup_create_limited(options, &t.limits, ret, warnings, err);
}

int cgroup_update(struct cgroup *cg, const struct cgroup_update *update, struct buf *warnings,
	struct err *err)
{
	_cleanup_(translation_finish) struct translation t = {0}, before = {0};
	_cleanup_buf_ struct buf known = BUF_INIT;
	int r = translate(&t, update->change, warnings, err);

	if (r == 0)
		r = translate(&before, update->before, &known, err);
	return r < 0 ? r
		     : cgroup_update_limited(cg, update, &t.limits, &before.limits, warnings, err);
}
