/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of cgroups: texts of the kernel, and files of a directory that stands for one. */
#include "shim/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "shim/metrics_priv.h"
#include "tests/unit/unit.h"

static bool same_dir(int fd, const char *path)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

START_TEST(a_process_tells_its_cgroups)
{
	_cleanup_free_ char *text = cgroup_of(getpid());

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_nonnull(strchr(text, ':'));
	ck_assert_ptr_null(cgroup_of(0x7fffffff));
}
END_TEST

START_TEST(controllers_are_whole_words)
{
	static const char cgroups[] = "5:memory:/\n4:cpu,cpuacct:/\n3:cpuset:/none/at/all\n"
				      "1:name=systemd:/\n";

	ck_assert_int_eq(cgroup_open(cgroups, "mem"), -ENOENT);
	ck_assert_int_eq(cgroup_open(cgroups, "memory:"), -ENOENT);
	ck_assert_int_eq(cgroup_open(cgroups, "cpu,cpuacct"), -ENOENT);
	ck_assert_int_eq(cgroup_open(cgroups, "systemd"), -ENOENT);
	ck_assert_int_eq(cgroup_open(cgroups, ""), -ENOENT);
	ck_assert_int_eq(cgroup_open(cgroups, "cpuset"), -ENOENT);
	ck_assert_int_eq(cgroup_open("", "memory"), -ENOENT);
	ck_assert_int_eq(cgroup_open(NULL, "memory"), -ENOENT);
	ck_assert_int_eq(cgroup_open("nonsense\n::\n5:memory\n", "memory"), -ENOENT);
}
END_TEST

START_TEST(a_directory_is_found_by_its_controller)
{
	static const struct {
		const char *cgroups, *controller, *path;
	} places[] = {
		{"4:memory:/\n", "memory", "/sys/fs/cgroup/memory"},
		{"4:cpu,cpuacct:/\n", "cpu", "/sys/fs/cgroup/cpu"},
		{"4:cpu,cpuacct:/\n", "cpuacct", "/sys/fs/cgroup/cpuacct"},
		{"4:memory:/\n0::/\n", "", "/sys/fs/cgroup/unified"},
		{"0::/", "", "/sys/fs/cgroup"},
	};
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = -1;

		/* What this host has: v1, v2 or both. */
		if (access(places[i].path, F_OK) < 0)
			continue;
		if (i == 4 && !cgroup_is_unified())
			continue;
		fd = cgroup_open(places[i].cgroups, places[i].controller);
		ck_assert_msg(same_dir(fd, places[i].path), "%s", places[i].path);
		found++;
	}
	ck_assert_uint_gt(found, 0);
}
END_TEST

static int make_dir(char *path)
{
	int fd;

	strcpy(path, "/tmp/turf-cgroup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void put(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

START_TEST(numbers_may_be_max_or_missing)
{
	char path[64];
	_cleanup_close_ int dir = make_dir(path);
	static const char *const names[] = {"a", "b", "c", "pids.current", "pids.max"};
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__PidsStat *pids;

	put(dir, "a", "123\n");
	put(dir, "b", "max\n");
	put(dir, "c", "18446744073709551614\n");
	ck_assert_uint_eq(cgroup_number(dir, "a"), 123);
	ck_assert(cgroup_number(dir, "b") == UINT64_MAX);
	ck_assert(cgroup_number(dir, "c") == UINT64_MAX - 1);
	ck_assert_uint_eq(cgroup_number(dir, "none"), 0);
	ck_assert_uint_eq(cgroup_number(-1, "a"), 0);
	put(dir, "pids.current", "3\n");
	put(dir, "pids.max", "max\n");
	pids = metrics_pids(&arena, dir, 0);
	ck_assert_uint_eq(pids->current, 3);
	ck_assert_uint_eq(pids->limit, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(dir, names[i], 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(lines_of_names_and_values_fill_a_message)
{
	Pb__V2Memory m = PB__V2_MEMORY__INIT;
	Pb__V2IoEntry io = PB__V2_IO_ENTRY__INIT;

	metrics_fill(&m.base, "anon 4096\nfile 1\nno_such_thing 7\nanon_thp 5\n\npgfault max\n"
			      "slab\nsock 9 10\nshmem 18446744073709551615");
	ck_assert_uint_eq(m.anon, 4096);
	ck_assert_uint_eq(m.file, 1);
	ck_assert_uint_eq(m.anon_thp, 5);
	ck_assert(m.pgfault == UINT64_MAX);
	ck_assert_uint_eq(m.slab, 0);
	ck_assert_uint_eq(m.sock, 9);
	ck_assert(m.shmem == UINT64_MAX);
	metrics_fill(&io.base, "rbytes=4096");
	metrics_fill(&io.base, "wios=2");
	metrics_fill(&io.base, "=");
	metrics_fill(&io.base, "");
	metrics_fill(&io.base, NULL);
	ck_assert_uint_eq(io.rbytes, 4096);
	ck_assert_uint_eq(io.wios, 2);
}
END_TEST

START_TEST(lines_are_cut_into_words)
{
	char text[] = "\n8:0 Read 4096\n\n8:16 a b c d e\nTotal 5";
	char *at = text, *words[5];
	size_t n;

	ck_assert(metrics_next_line(&at, words, 4, &n));
	ck_assert_uint_eq(n, 4);
	ck_assert_str_eq(words[1], "0");
	ck_assert_str_eq(words[3], "4096");
	ck_assert(metrics_next_line(&at, words, 4, &n));
	ck_assert_uint_eq(n, 4);
	ck_assert_str_eq(words[3], "b");
	ck_assert_ptr_null(words[4]);
	ck_assert(metrics_next_line(&at, words, 4, &n));
	ck_assert_uint_eq(n, 2);
	ck_assert(!metrics_next_line(&at, words, 4, &n));
	at = NULL;
	ck_assert(!metrics_next_line(&at, words, 4, &n));
}
END_TEST

START_TEST(rdma_tells_devices_and_their_limits)
{
	char path[64];
	_cleanup_close_ int dir = make_dir(path);
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__RdmaStat *m;

	put(dir, "rdma.current",
		"mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=5\n");
	put(dir, "rdma.max", "mlx4_0 hca_handle=max hca_object=7\nbroken\n");
	m = metrics_rdma(&arena, dir);
	ck_assert_uint_eq(m->n_current, 2);
	ck_assert_str_eq(m->current[0]->device, "mlx4_0");
	ck_assert_uint_eq(m->current[0]->hca_objects, 2000);
	ck_assert_uint_eq(m->current[1]->hca_handles, 3);
	ck_assert_uint_eq(m->n_limit, 1);
	ck_assert_uint_eq(m->limit[0]->hca_handles, UINT32_MAX);
	unlinkat(dir, "rdma.current", 0);
	unlinkat(dir, "rdma.max", 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

UNIT_MAIN("shim cgroup", a_process_tells_its_cgroups, controllers_are_whole_words,
	a_directory_is_found_by_its_controller, numbers_may_be_max_or_missing,
	lines_of_names_and_values_fill_a_message, lines_are_cut_into_words,
	rdma_tells_devices_and_their_limits)
