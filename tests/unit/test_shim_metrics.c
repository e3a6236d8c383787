/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "shim/cgroup.h"
#include "shim/message.h"
#include "shim/metrics_priv.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/turf-test-XXXXXX";
static const char *const files[][2] = {
	{"cpu.stat", "usage_usec 300\nuser_usec 200\nsystem_usec 100\nnr_periods 5\n"
		     "nr_throttled 4\nthrottled_usec 33\ncore_sched.force_idle_usec 0\n"},
	{"memory.stat", "anon 4096\nfile 8192\nkernel_stack 16384\ninactive_file 77\n"
			"pgfault 12\npgmajfault 3\nthp_collapse_alloc 2\nsomething_new 9\n"},
	{"memory.current", "20480\n"},
	{"memory.max", "max\n"},
	{"memory.peak", "40960\n"},
	{"memory.swap.current", "0\n"},
	{"memory.swap.max", "1048576\n"},
	{"memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 0\n"},
	{"pids.current", "7\n"},
	{"pids.max", "max\n"},
	{"io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n"
		    "253:16 rbytes=5 wbytes=6 rios=7 wios=8 dbytes=0 dios=0\n"},
	{"rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\n"},
	{"rdma.max", "mlx4_0 hca_handle=max hca_object=3000\n"},
};

static int make_cgroup(void)
{
	struct err err = ERR_INIT;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		ck_assert_int_eq(file_write_atomic(fd, files[i][0], files[i][1],
					 strlen(files[i][1]), 0600, &err),
			0);
	return fd;
}

static void remove_cgroup(int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		unlinkat(fd, files[i][0], 0);
	close(fd);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* As whoever receives it sees it. */
static const Pb__V2Metrics *over_the_wire(const Pb__V2Metrics *m, struct arena *a)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const Pb__V2Metrics *got;

	message_write(&m->base, &out);
	got = message_read(&pb__v2_metrics__descriptor, out.data, out.len, a);
	ck_assert_ptr_nonnull(got);
	return got;
}

START_TEST(everything_of_a_v2_cgroup_is_told)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	int fd = make_cgroup();
	const Pb__V2Metrics *m = over_the_wire(metrics_v2(&arena, fd), &arena);

	ck_assert_uint_eq(m->cpu->usage_usec, 300);
	ck_assert_uint_eq(m->cpu->system_usec, 100);
	ck_assert_uint_eq(m->cpu->throttled_usec, 33);
	ck_assert_uint_eq(m->memory->anon, 4096);
	ck_assert_uint_eq(m->memory->inactive_file, 77);
	ck_assert_uint_eq(m->memory->pgmajfault, 3);
	ck_assert_uint_eq(m->memory->thp_collapse_alloc, 2);
	ck_assert_uint_eq(m->memory->usage, 20480);
	ck_assert_uint_eq(m->memory->usage_limit, UINT64_MAX);
	ck_assert_uint_eq(m->memory->max_usage, 40960);
	ck_assert_uint_eq(m->memory->swap_limit, 1048576);
	ck_assert_uint_eq(m->memory_events->oom_kill, 5);
	ck_assert_uint_eq(m->memory_events->high, 2);
	ck_assert_uint_eq(m->pids->current, 7);
	ck_assert_uint_eq(m->pids->limit, UINT64_MAX);
	ck_assert_uint_eq(m->io->n_usage, 2);
	ck_assert_uint_eq(m->io->usage[1]->major, 253);
	ck_assert_uint_eq(m->io->usage[1]->minor, 16);
	ck_assert_uint_eq(m->io->usage[1]->rbytes, 5);
	ck_assert_uint_eq(m->io->usage[1]->wios, 8);
	ck_assert_uint_eq(m->rdma->n_current, 1);
	ck_assert_str_eq(m->rdma->current[0]->device, "mlx4_0");
	ck_assert_uint_eq(m->rdma->current[0]->hca_objects, 2000);
	ck_assert_uint_eq(m->rdma->limit[0]->hca_handles, UINT32_MAX);
	remove_cgroup(fd);
}
END_TEST

START_TEST(a_cgroup_that_is_gone_has_nothing)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const Pb__V2Metrics *m = over_the_wire(metrics_v2(&arena, -1), &arena);

	ck_assert_uint_eq(m->memory->usage, 0);
	ck_assert_uint_eq(m->io->n_usage, 0);
}
END_TEST

START_TEST(those_of_this_process_are_read)
{
	_cleanup_free_ char *cgroups = cgroup_of(getpid());
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	Pb__Any any;

	ck_assert_int_eq(metrics_read(NULL, &any, &scratch, &err), -ENOENT);
	err = (struct err)ERR_INIT;
	ck_assert_msg(metrics_read(cgroups, &any, &scratch, &err) == 0, "%s", err.msg);
	ck_assert(message_any_is(&any, cgroup_is_unified() ? "io.containerd.cgroups.v2.Metrics"
							   : "io.containerd.cgroups.v1.Metrics"));
	ck_assert_uint_gt(any.value.len, 0);
}
END_TEST

UNIT_MAIN("shim metrics", everything_of_a_v2_cgroup_is_told, a_cgroup_that_is_gone_has_nothing,
	those_of_this_process_are_read)
