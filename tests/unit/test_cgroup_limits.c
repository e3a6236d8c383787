/* SPDX-License-Identifier: Apache-2.0 */
/* What the limits write into the files of the kernel, and that they hold. */
#include "tests/unit/cgroup_rig.h"

START_TEST(limits_are_written)
{
	struct cgroup_limits l;
	struct cgroup *cg;
	bool v2;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	l.memory.reservation = 32 << 20;
	l.cpu.shares = 1024;
	l.cpu.quota = 50000;
	l.cpu.period = 200000;
	l.pids = 7;
	l.cpuset.cpus = "0";
	cg = make(&(struct cgroup_options){.id = id}, &l);
	v2 = cgroup_dir_find(cg, "memory")->ops == &cgroup_ops_v2;
	ck_assert_str_eq(
		value(cg, "memory", v2 ? "memory.max" : "memory.limit_in_bytes"), "67108864");
	ck_assert_str_eq(
		value(cg, "memory", v2 ? "memory.low" : "memory.soft_limit_in_bytes"), "33554432");
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "7");
	ck_assert_str_eq(value(cg, "cpuset", "cpuset.cpus"), "0");
	v2 = cgroup_dir_find(cg, "cpu")->ops == &cgroup_ops_v2;
	if (v2) {
		ck_assert_str_eq(value(cg, "cpu", "cpu.weight"), "100");
		ck_assert_str_eq(value(cg, "cpu", "cpu.max"), "50000 200000");
	} else {
		ck_assert_str_eq(value(cg, "cpu", "cpu.shares"), "1024");
		ck_assert_str_eq(value(cg, "cpu", "cpu.cfs_quota_us"), "50000");
		ck_assert_str_eq(value(cg, "cpu", "cpu.cfs_period_us"), "200000");
	}
	destroy(cg);
}
END_TEST

START_TEST(limits_can_be_changed)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	const char *max;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	l.memory.swap = 64 << 20;
	l.cpu.quota = 5000;
	l.cpu.period = 10000;
	l.cpu.idle = 1;
	l.pids = 0;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	max = cgroup_dir_find(cg, "memory")->ops == &cgroup_ops_v2 ? "memory.max"
								   : "memory.limit_in_bytes";
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "1");
	/* Up and down again: memory may never be above memory and swap. */
	cgroup_limits_init(&l);
	l.memory.limit = l.memory.swap = 128 << 20;
	l.pids = LIMIT_NONE;
	l.cpu.period = 2000;
	l.cpu.quota = 1000;
	l.cpu.idle = 0;
	ck_assert_msg(cgroup_apply(cg, &l, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(value(cg, "memory", max), "134217728");
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "max");
	l.memory.limit = l.memory.swap = 32 << 20;
	ck_assert_msg(cgroup_apply(cg, &l, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(value(cg, "memory", max), "33554432");
	destroy(cg);
}
END_TEST

START_TEST(memory_in_use_can_be_kept_safe)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	pid_t pid;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	pid = spawn(cg, NULL);
	l.memory.limit = 1;
	l.memory.check_before_update = true;
	/* The child's stack pages are charged, so one byte is less than what is in use. */
	ck_assert_int_eq(cgroup_apply(cg, &l, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.limit: 1 is below the "));
	ck_assert_int_eq(cgroup_signal_all(cg, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(cg);
}
END_TEST

static void touch_much(void)
{
	size_t len = 64 << 20;
	char *p = malloc(len);

	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)p)[i] = 1;
}

START_TEST(memory_limit_bites)
{
	struct cgroup_limits l;
	struct cgroup *cg;
	const int *fds;
	size_t n;
	pid_t pid;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = l.memory.swap = 16 << 20;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	n = cgroup_attach_fds(cg, &fds);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < n; i++)
			if (write(fds[i], "0", 1) != 1)
				_exit(100);
		touch_much();
		_exit(0);
	}
	ck_assert_int_eq(WTERMSIG(wait_status(pid)), SIGKILL);
	destroy(cg);
}
END_TEST

START_TEST(weights_of_shares)
{
	ck_assert_uint_eq(cgroup_weight_of_shares(0), 1);
	ck_assert_uint_eq(cgroup_weight_of_shares(2), 1);
	ck_assert_uint_eq(cgroup_weight_of_shares(1024), 100);
	ck_assert_uint_eq(cgroup_weight_of_shares(262144), 10000);
	ck_assert_uint_eq(cgroup_weight_of_shares(1u << 30), 10000);
	for (uint64_t s = 3; s < 262144; s += 61)
		ck_assert_uint_ge(cgroup_weight_of_shares(s), cgroup_weight_of_shares(s - 1));
}
END_TEST

START_TEST(swap_alone)
{
	int64_t v = 0;

	ck_assert_int_eq(cgroup_swap_alone(100, 60, &v), 0);
	ck_assert_int_eq(v, 40);
	ck_assert_int_eq(cgroup_swap_alone(LIMIT_NONE, LIMIT_UNSET, &v), 0);
	ck_assert_int_eq(v, LIMIT_NONE);
	ck_assert_int_eq(cgroup_swap_alone(50, 60, &v), -EINVAL);
	ck_assert_int_eq(cgroup_swap_alone(50, LIMIT_UNSET, &v), -EINVAL);
	ck_assert_int_eq(cgroup_swap_alone(50, LIMIT_NONE, &v), -EINVAL);
}
END_TEST

CGROUP_MAIN("cgroup limits", limits_are_written, limits_can_be_changed,
	memory_in_use_can_be_kept_safe, memory_limit_bites, weights_of_shares, swap_alone)
