/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

static int v1_put_limit(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	return cgroup_put_number(dir, "memory.limit_in_bytes", l->memory.limit, "-1",
		"linux.resources.memory.limit", err);
}

/*
 * The kernel wants memory <= memory and swap at every moment. So when the two
 * move up, swap goes first.
 */
static int v1_put_limit_and_swap(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	int64_t swap = l->memory.swap, now = 0;
	bool swap_first = false;
	bool implied = false;

	if (l->memory.limit == LIMIT_NONE && swap == LIMIT_UNSET) {
		swap = LIMIT_NONE;
		implied = true;
	}
	if (swap != LIMIT_UNSET && l->memory.limit != LIMIT_UNSET) {
		if (cgroup_get_number(dir, "memory.limit_in_bytes", &now, err) < 0)
			return -err->code;
		swap_first = swap == LIMIT_NONE || now < swap;
	}
	if (!swap_first && v1_put_limit(dir, l, err) < 0)
		return -err->code;
	if (cgroup_put_number(dir, "memory.memsw.limit_in_bytes", swap, "-1",
		    "linux.resources.memory.swap", err) < 0 &&
		!(implied && err->code == ENOENT))
		return -err->code;
	return swap_first ? v1_put_limit(dir, l, err) : 0;
}

/* Reads as several lines, of which the first is what is written. */
static int v1_put_oom_control(const struct cgroup_dir *dir, int64_t disable, struct err *err)
{
	const char *field = "linux.resources.memory.disableOOMKiller";
	const char *file = "memory.oom_control";
	_cleanup_free_ char *now = NULL;
	size_t len;

	if (disable == LIMIT_UNSET)
		return 0;
	if (file_read(dir->fd, file, 4096, &now, &len, err) < 0 ||
		cgroup_note(dir, file, strstr(now, "oom_kill_disable 1") ? "1" : "0", err) < 0 ||
		file_put(dir->fd, file, disable ? "1" : "0", err) < 0)
		return err_wrap(err, "%s: cgroup '%s'", field, dir->path);
	return 0;
}

static int v1_set_memory(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	int64_t usage = 0;

	if (l->memory.check_before_update && l->memory.limit >= 0) {
		if (cgroup_get_number(dir, "memory.usage_in_bytes", &usage, err) < 0)
			return -err->code;
		if (usage > l->memory.limit)
			return err_say(err, EBUSY,
				"linux.resources.memory.limit: %lld is below the %lld in use",
				(long long)l->memory.limit, (long long)usage);
	}
	if (v1_put_limit_and_swap(dir, l, err) < 0 ||
		cgroup_put_number(dir, "memory.soft_limit_in_bytes", l->memory.reservation, "-1",
			"linux.resources.memory.reservation", err) < 0 ||
		cgroup_put_number(dir, "memory.kmem.tcp.limit_in_bytes", l->memory.kernel_tcp, "-1",
			"linux.resources.memory.kernelTCP", err) < 0 ||
		cgroup_put_number(dir, "memory.swappiness", l->memory.swappiness, "-1",
			"linux.resources.memory.swappiness", err) < 0)
		return -err->code;
	return v1_put_oom_control(dir, l->memory.oom_kill_disable, err);
}

/* Quota must fit the period that is there at the moment: the other way round if it does not. */
static int v1_put_bandwidth(
	const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	const char *period = "linux.resources.cpu.period";
	bool again = false;

	if (cgroup_put_number(dir, "cpu.cfs_period_us", l->cpu.period, "-1", period, err) < 0) {
		if (err->code != EINVAL || l->cpu.quota == LIMIT_UNSET)
			return -err->code;
		again = true;
	}
	if (cgroup_put_number(dir, "cpu.cfs_quota_us", l->cpu.quota, "-1",
		    "linux.resources.cpu.quota", err) < 0)
		return -err->code;
	if (again && cgroup_put_number(dir, "cpu.cfs_period_us", l->cpu.period, "-1", period, err))
		return -err->code;
	return cgroup_put_number(
		dir, "cpu.cfs_burst_us", l->cpu.burst, "-1", "linux.resources.cpu.burst", err);
}

static int v1_set_cpu(const struct cgroup_dir *dir, const struct cgroup_limits *l, struct err *err)
{
	const char *idle = "linux.resources.cpu.idle";

	/* An idle cgroup takes no shares: it is woken first, and made idle last. */
	if (l->cpu.idle != LIMIT_UNSET && cgroup_put(dir, "cpu.idle", "0", idle, err) < 0)
		return -err->code;
	if (cgroup_put_number(dir, "cpu.rt_period_us", l->cpu.rt_period, "-1",
		    "linux.resources.cpu.realtimePeriod", err) < 0 ||
		cgroup_put_number(dir, "cpu.rt_runtime_us", l->cpu.rt_runtime, "-1",
			"linux.resources.cpu.realtimeRuntime", err) < 0 ||
		cgroup_put_number(dir, "cpu.shares", l->cpu.shares, "-1",
			"linux.resources.cpu.shares", err) < 0)
		return -err->code;
	if (v1_put_bandwidth(dir, l, err) < 0)
		return -err->code;
	return l->cpu.idle == 1 ? cgroup_put(dir, "cpu.idle", "1", idle, err) : 0;
}

struct put_device {
	const struct cgroup_dir *dir;
	const struct device_table *defaults;
	const char *file; /* that is open: there are a dozen lines for one file */
	int fd;
	struct err *err;
};

static int write_device(struct put_device *p, const char *file, const char *line)
{
	if (!p->file || !streq(p->file, file)) {
		fd_close(&p->fd);
		p->file = file;
		p->fd = openat(p->dir->fd, file, O_WRONLY | O_CLOEXEC);
		if (p->fd < 0)
			return err_set(p->err, errno, "open '%s'", file);
	}
	if (write(p->fd, line, strlen(line)) < 0)
		return err_set(p->err, errno, "write '%s' to '%s'", line, file);
	return 0;
}

/*
 * Below a cgroup that itself may not use a device, nothing can be allowed. For
 * what the configuration asks that is an error; for the devices that we add by
 * ourselves it only means that there is nothing to give.
 */
static int put_device(const char *file, const char *line, const struct device_rule *rule, void *arg)
{
	struct put_device *p = arg;
	int r = write_device(p, file, line);

	if (r == -EPERM && rule->allow && device_table_covers(p->defaults, rule))
		return 0;
	return r < 0 ? err_wrap(p->err, "linux.resources.devices: cgroup '%s'", p->dir->path) : 0;
}

static int v1_set_devices(
	const struct cgroup_dir *dir, const struct device_rule *rules, size_t n, struct err *err)
{
	_cleanup_device_table_ struct device_table from = {.list = NULL}, to = {.list = NULL},
						   defaults = {.list = NULL};
	_cleanup_free_ char *text = NULL;
	struct put_device arg = {dir, &defaults, NULL, -1, err};
	size_t len;
	int r;

	if (file_read(dir->fd, "devices.list", 1u << 20, &text, &len, err) < 0 ||
		device_table_parse(text, &from, err) < 0 ||
		device_table_build(rules, n, &to, err) < 0 ||
		device_table_build(device_rules_default, device_rules_default_n, &defaults, err) <
			0)
		return -err->code;
	r = device_table_change(&from, &to, put_device, &arg);
	fd_close(&arg.fd);
	return r;
}

static int v1_state(const struct cgroup_dir *dir, char ret[16], struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read_value(dir->fd, "freezer.state", 64, &text, &len, err) < 0)
		return -err->code;
	snprintf(ret, 16, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

static int v1_is_frozen(const struct cgroup_dir *dir, bool *ret, struct err *err)
{
	char state[16];

	if (v1_state(dir, state, err) < 0)
		return -err->code;
	*ret = !streq(state, "THAWED");
	return 0;
}

/* A process that forks or sleeps badly while it is frozen may need a second knock, or a new try. */
static int v1_set_frozen(const struct cgroup_dir *dir, bool frozen, struct err *err)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	int64_t deadline = clock_ms() + CGROUP_FREEZE_TIMEOUT_MS;
	char state[16];

	for (unsigned i = 1;; i++) {
		if (frozen && i % 100 == 0 && file_put(dir->fd, "freezer.state", "THAWED", err) < 0)
			return -err->code;
		if (file_put(dir->fd, "freezer.state", want, err) < 0 ||
			v1_state(dir, state, err) < 0)
			return -err->code;
		if (streq(state, want))
			return 0;
		if (clock_ms() > deadline)
			break;
		cgroup_pause();
	}
	if (frozen)
		(void)file_put(dir->fd, "freezer.state", "THAWED", err);
	return err_set(err, ETIMEDOUT, "cgroup '%s': still %s", dir->path, state);
}

const struct cgroup_ops cgroup_ops_v1 = {
	/* Attaches the one thread; cheaper than cgroup.procs, which locks out every fork. */
	.attach_file = "tasks",
	.set_memory = v1_set_memory,
	.set_cpu = v1_set_cpu,
	.set_block_io = cgroup_v1_set_block_io,
	.set_devices = v1_set_devices,
	.set_frozen = v1_set_frozen,
	.is_frozen = v1_is_frozen,
};
