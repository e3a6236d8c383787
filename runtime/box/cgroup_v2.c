/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

struct bpf_insn;

static int not_in_v2(const char *field, struct err *err)
{
	return err_say(err, ENOTSUP, "linux.resources.%s: cgroup v2 has no such limit", field);
}

static int v2_put_swap(const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	int64_t alone = LIMIT_UNSET, swap = l->memory.swap;

	/* No limit for memory is none for swap either, as it was on v1. */
	if (swap == LIMIT_UNSET && l->memory.limit == LIMIT_NONE)
		swap = LIMIT_NONE;
	if (swap == LIMIT_UNSET)
		return 0;
	if (cgroup_swap_alone(swap, l->memory.limit, &alone) < 0)
		return err_say(err, EINVAL,
			"linux.resources.memory.swap: counts memory and swap together, so cgroup "
			"v2 needs a memory limit that is not larger");
	/* Where swap is not counted there is none to use, or no limit for it. */
	if ((alone == 0 || alone == LIMIT_NONE) && !cgroup_has_file(dir, "memory.swap.max"))
		return 0;
	return cgroup_put_number(
		dir, "memory.swap.max", alone, "max", "linux.resources.memory.swap", err);
}

static int v2_set_memory(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	int64_t usage = 0;

	if (l->memory.kernel_tcp != LIMIT_UNSET)
		return not_in_v2("memory.kernelTCP", err);
	if (l->memory.swappiness != LIMIT_UNSET)
		return not_in_v2("memory.swappiness", err);
	if (l->memory.oom_kill_disable == 1)
		return not_in_v2("memory.disableOOMKiller", err);
	if (l->memory.check_before_update && l->memory.limit >= 0) {
		if (cgroup_get_number(dir, "memory.current", &usage, err) < 0)
			return -err->code;
		if (usage > l->memory.limit)
			return err_say(err, EBUSY,
				"linux.resources.memory.limit: %" PRId64 " is below the %" PRId64
				" in use",
				l->memory.limit, usage);
	}
	if (v2_put_swap(dir, l, err) < 0 || cgroup_put_number(dir, "memory.max", l->memory.limit,
						    "max", "linux.resources.memory.limit", err) < 0)
		return -err->code;
	return cgroup_put_number(dir, "memory.low", l->memory.reservation, "max",
		"linux.resources.memory.reservation", err);
}

/* "QUOTA PERIOD"; what is not given stays as it is. */
static int v2_put_bandwidth(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	_cleanup_free_ char *now = NULL;
	char line[64], quota[24], period[24];
	size_t len;

	if (l->cpu.quota == LIMIT_UNSET && l->cpu.period == LIMIT_UNSET)
		return 0;
	if (file_read_value(dir->fd, "cpu.max", 256, &now, &len, err) < 0)
		return err_wrap(err, "linux.resources.cpu");
	if (sscanf(now, "%23s %23s", quota, period) != 2)
		return err_say(err, EPROTO, "cpu.max is not understood: '%.40s'", now);
	if (l->cpu.quota == LIMIT_NONE)
		strcpy(quota, "max");
	else if (l->cpu.quota != LIMIT_UNSET)
		snprintf(quota, sizeof(quota), "%" PRId64, l->cpu.quota);
	if (l->cpu.period != LIMIT_UNSET)
		snprintf(period, sizeof(period), "%" PRId64, l->cpu.period);
	snprintf(line, sizeof(line), "%s %s", quota, period);
	return cgroup_put(dir, "cpu.max", line, "linux.resources.cpu.quota", err);
}

static int v2_set_cpu(const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	const char *idle = "linux.resources.cpu.idle";
	int64_t weight = LIMIT_UNSET;

	if (l->cpu.rt_runtime != LIMIT_UNSET || l->cpu.rt_period != LIMIT_UNSET)
		return not_in_v2(l->cpu.rt_runtime != LIMIT_UNSET ? "cpu.realtimeRuntime"
								  : "cpu.realtimePeriod",
			err);
	/* An idle cgroup takes no weight: it is woken first, and made idle last. */
	if (l->cpu.idle != LIMIT_UNSET && cgroup_put(dir, "cpu.idle", "0", idle, err) < 0)
		return -err->code;
	if (l->cpu.shares != LIMIT_UNSET)
		weight = (int64_t)cgroup_weight_of_shares((uint64_t)l->cpu.shares);
	if (cgroup_put_number(dir, "cpu.weight", weight, "max", "linux.resources.cpu.shares", err) <
			0 ||
		v2_put_bandwidth(dir, l, err) < 0 ||
		cgroup_put_number(dir, "cpu.max.burst", l->cpu.burst, "max",
			"linux.resources.cpu.burst", err) < 0)
		return -err->code;
	return l->cpu.idle == 1 ? cgroup_put(dir, "cpu.idle", "1", idle, err) : 0;
}

static int v2_set_devices(
	const struct cgroup_dir *dir, const struct device_rule *rules, size_t n, struct err *err)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	size_t n_insns;

	if (device_program_build(rules, n, &insns, &n_insns, err) < 0 ||
		device_program_attach(dir->fd, insns, n_insns, err) < 0)
		return err_wrap(err, "linux.resources.devices: cgroup '%s'", dir->path);
	return 0;
}

/* What cgroup.events says, which is what is so; cgroup.freeze is what was asked for. */
static int v2_is_frozen(const struct cgroup_dir *dir, bool *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read(dir->fd, "cgroup.events", 4096, &text, &len, err) < 0)
		return -err->code;
	*ret = strstr(text, "frozen 1") != NULL;
	return 0;
}

static int v2_set_frozen(const struct cgroup_dir *dir, bool frozen, struct err *err)
{
	int64_t deadline = clock_ms() + CGROUP_FREEZE_TIMEOUT_MS;
	bool now;

	if (file_put(dir->fd, "cgroup.freeze", frozen ? "1" : "0", err) < 0)
		return -err->code;
	for (;;) {
		if (v2_is_frozen(dir, &now, err) < 0)
			return -err->code;
		if (now == frozen)
			return 0;
		if (clock_ms() > deadline)
			break;
		cgroup_pause();
	}
	if (frozen)
		(void)file_put(dir->fd, "cgroup.freeze", "0", err);
	return err_set(
		err, ETIMEDOUT, "cgroup '%s': not %s yet", dir->path, frozen ? "frozen" : "thawed");
}

const struct cgroup_ops cgroup_ops_v2 = {
	.attach_file = "cgroup.procs",
	.set_memory = v2_set_memory,
	.set_cpu = v2_set_cpu,
	.set_block_io = cgroup_v2_set_block_io,
	.set_devices = v2_set_devices,
	.set_frozen = v2_set_frozen,
	.is_frozen = v2_is_frozen,
};
