/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rarer members of linux.resources, from JSON to the files of real cgroups on
 * this host; what the host lacks has to be told by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_layout.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"
#include "tests/unit/unit.h"

#define HUGE_2M "/sys/kernel/mm/hugepages/hugepages-2048kB"

static struct buf warnings;
static const char *place; /* linux.cgroupsPath */

static int create(struct cgroup **ret, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int create(struct cgroup **ret, struct err *err, const char *fmt, ...)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *resources = NULL;
	char id[64];
	struct cgroup_options options = {.id = id};
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_gt(vasprintf(&resources, fmt, ap), 0);
	va_end(ap);
	buf_printf(&text,
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
		"\"linux\":{\"resources\":{%s}}}",
		resources);
	ck_assert_msg(oci_config_parse(text.data, text.len, &config, err) == 0, "%s", err->msg);
	options.resources = config->linux_->resources;
	snprintf(id, sizeof(id), "turf-test-resources-%d", (int)getpid());
	options.path = place;
	return cgroup_create(&options, ret, &warnings, err);
}

static bool host_has(const char *controller)
{
	_cleanup_cgroup_layout_ struct cgroup_layout layout = {.n = 0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(cgroup_layout_load(&layout, &err), 0);
	return cgroup_layout_find(&layout, controller) != NULL;
}

/* The whole text of a file of the directory that has a controller. */
static const char *text_of(struct cgroup *cg, const char *controller, const char *file)
{
	static char text[65536];
	const struct cgroup_dir *dir = cgroup_dir_find(cg, controller);
	_cleanup_free_ char *data = NULL;
	struct err err = ERR_INIT;
	size_t len;

	ck_assert_msg(dir != NULL, "no %s", controller);
	ck_assert_msg(
		file_read(dir->fd, file, sizeof(text) - 1, &data, &len, &err) == 0, "%s", err.msg);
	memcpy(text, data, len + 1);
	return text;
}

static void destroy(struct cgroup *cg)
{
	struct err err = ERR_INIT;

	ck_assert_msg(cgroup_destroy(cg, &err) == 0, "%s", err.msg);
	cgroup_close(cg);
	buf_finish(&warnings);
}

/* The configuration is refused with this sentence, and nothing is left. */
#define refused(code_, message, ...)                                          \
	do {                                                                  \
		struct cgroup *cg_ = NULL;                                    \
		struct err err_ = ERR_INIT;                                   \
                                                                              \
		ck_assert_int_eq(create(&cg_, &err_, __VA_ARGS__), -(code_)); \
		ck_assert_ptr_null(cg_);                                      \
		ck_assert_msg(strstr(err_.msg, message), "%s", err_.msg);     \
	} while (0)

/* A disk: what / is on, or the first there is. False when there is none. */
static bool find_disk(char key[32])
{
	FILE *f = fopen("/proc/partitions", "re");
	unsigned major, minor;
	char line[128], name[64];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, " %u %u %*u %63s", &major, &minor, name) == 3 &&
			!str_after(name, "ram") && !str_after(name, "loop");
	if (f)
		fclose(f);
	if (found)
		snprintf(key, 32, "%u:%u", major, minor);
	return found;
}

START_TEST(rates_of_disks)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	char key[32];
	unsigned major, minor;
	bool v1 = host_has("blkio");

	if ((!v1 && !host_has("io")) || !find_disk(key))
		return;
	ck_assert_int_eq(sscanf(key, "%u:%u", &major, &minor), 2);
	ck_assert_msg(
		create(&cg, &err,
			"\"blockIO\":{"
			"\"throttleReadBpsDevice\":[{\"major\":%u,\"minor\":%u,\"rate\":1048576}],"
			"\"throttleWriteIOPSDevice\":[{\"major\":%u,\"minor\":%u,\"rate\":99}]}",
			major, minor, major, minor) == 0,
		"%s", err.msg);
	if (v1) {
		const char *text = text_of(cg, "blkio", "blkio.throttle.read_bps_device");

		ck_assert(str_after(text, key) && strstr(text, " 1048576\n"));
		text = text_of(cg, "blkio", "blkio.throttle.write_iops_device");
		ck_assert(str_after(text, key) && strstr(text, " 99\n"));
	} else {
		const char *text = text_of(cg, "io", "io.max");

		ck_assert(str_after(text, key) != NULL);
		ck_assert(strstr(text, "rbps=1048576") && strstr(text, "wiops=99"));
	}
	destroy(cg);
}
END_TEST

START_TEST(weights)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	int r;

	if (!host_has("blkio") && !host_has("io"))
		return;
	refused(EINVAL, "linux.resources.blockIO.weight: 5 is not between 10 and 1000",
		"\"blockIO\":{\"weight\":5}");
	r = create(&cg, &err, "\"blockIO\":{\"weight\":250}");
	if (r == -ENOTSUP) {
		ck_assert_str_eq(
			err.msg, "linux.resources.blockIO.weight: this kernel has no such weights");
		return;
	}
	ck_assert_msg(r == 0, "%s", err.msg);
	if (host_has("blkio"))
		ck_assert_str_eq(text_of(cg, "blkio", "blkio.bfq.weight"), "250\n");
	else if (cgroup_has_file(cgroup_dir_find(cg, "io"), "io.bfq.weight"))
		ck_assert(str_after(text_of(cg, "io", "io.bfq.weight"), "default 250\n"));
	else
		ck_assert(str_after(text_of(cg, "io", "io.weight"), "default 2425\n"));
	destroy(cg);
	/* CFQ's, gone since Linux 5.0. */
	refused(ENOTSUP, "linux.resources.blockIO.leafWeight: this kernel has no such weights",
		"\"blockIO\":{\"leafWeight\":100}");
}
END_TEST

START_TEST(weights_of_v2)
{
	ck_assert_uint_eq(cgroup_io_weight(10), 1);
	ck_assert_uint_eq(cgroup_io_weight(1000), 10000);
	ck_assert_uint_eq(cgroup_io_weight(100), 910);
}
END_TEST

START_TEST(huge_pages)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	bool v2;

	if (!host_has("hugetlb") || access(HUGE_2M, F_OK) < 0)
		return;
	ck_assert_msg(create(&cg, &err,
			      "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304},"
			      "{\"pageSize\":\"64KB\",\"limit\":0}]") == 0,
		"%s", err.msg);
	v2 = cgroup_dir_find(cg, "hugetlb")->ops == &cgroup_ops_v2;
	ck_assert_str_eq(
		text_of(cg, "hugetlb", v2 ? "hugetlb.2MB.max" : "hugetlb.2MB.limit_in_bytes"),
		"4194304\n");
	ck_assert_str_eq(text_of(cg, "hugetlb",
				 v2 ? "hugetlb.2MB.rsvd.max" : "hugetlb.2MB.rsvd.limit_in_bytes"),
		"4194304\n");
	destroy(cg);
	ck_assert_int_eq(
		create(&cg, &err, "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}]"), 0);
	ck_assert_str_eq(
		text_of(cg, "hugetlb", v2 ? "hugetlb.2MB.max" : "hugetlb.2MB.limit_in_bytes"),
		"0\n");
	destroy(cg);
	refused(ENOTSUP, "linux.resources.hugepageLimits: this host has no pages of '64KB'",
		"\"hugepageLimits\":[{\"pageSize\":\"64KB\",\"limit\":65536}]");
}
END_TEST

/* Private mounts of cgroups that lack everything: v1 pids and nothing else. */
static bool enter_poor_host(void)
{
	if (!host_has("pids") || access("/sys/fs/cgroup/pids", F_OK) < 0)
		return false;
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir("/sys/fs/cgroup/pids", 0755), 0);
	ck_assert_int_eq(mount("cgroup", "/sys/fs/cgroup/pids", "cgroup", 0, "pids"), 0);
	return true;
}

START_TEST(what_the_host_lacks_is_named)
{
	static const struct {
		const char *resources, *message;
	} list[] = {
		{"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4096}]",
			"linux.resources.hugepageLimits: the cgroup controller 'hugetlb' is not "
			"available"},
		{"\"network\":{\"classID\":1}",
			"linux.resources.network.classID: the cgroup controller 'net_cls' is not "
			"available"},
		{"\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}",
			"linux.resources.network.priorities: the cgroup controller 'net_prio' is "
			"not available"},
		{"\"rdma\":{\"mlx5_0\":{\"hcaHandles\":1}}",
			"linux.resources.rdma: the cgroup controller 'rdma' is not available"},
		{"\"blockIO\":{\"weight\":100}",
			"linux.resources.blockIO: the cgroup controller 'io' is not available"},
		{"\"cpu\":{\"cpus\":\"0\"}",
			"linux.resources.cpu: the cgroup controller 'cpuset' is not available"},
	};
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;

	if (!enter_poor_host())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		refused(ENOTSUP, list[i].message, "%s", list[i].resources);
	/* What kubelet and others write when they mean nothing. */
	ck_assert_msg(create(&cg, &err,
			      "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}],"
			      "\"network\":{\"classID\":0},\"blockIO\":{\"weight\":0}") == 0,
		"%s", err.msg);
	destroy(cg);
}
END_TEST

/*
 * A hierarchy outlives its last mount when a group in it was not taken apart by then, and
 * confuses programs that look for its mount; the next unmounting finds it empty.
 */
static bool net_cls_is_gone(void)
{
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	size_t len;

	ck_assert_int_eq(file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, &len, &err), 0);
	return !strstr(text, "net_cls");
}

static void unmount_for_good(const char *dir)
{
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(umount(dir), 0);
		usleep(50000);
		if (net_cls_is_gone())
			return;
		ck_assert_int_eq(mount("cgroup", dir, "cgroup", 0, "net_cls,net_prio"), 0);
	}
	ck_abort_msg("the hierarchy of net_cls stays");
}

START_TEST(network_classes)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	const char *dir = "/sys/fs/cgroup/net";

	if (!enter_poor_host())
		return;
	ck_assert_int_eq(mkdir(dir, 0755), 0);
	/* A hierarchy of v1 with both: kernels without them, or with them elsewhere, have none. */
	if (mount("cgroup", dir, "cgroup", 0, "net_cls,net_prio") < 0)
		return;
	ck_assert_msg(create(&cg, &err,
			      "\"network\":{\"classID\":1048577,\"priorities\":["
			      "{\"name\":\"lo\",\"priority\":7}]}") == 0,
		"%s", err.msg);
	ck_assert_str_eq(text_of(cg, "net_cls", "net_cls.classid"), "1048577\n");
	ck_assert_ptr_nonnull(strstr(text_of(cg, "net_prio", "net_prio.ifpriomap"), "lo 7\n"));
	destroy(cg);
	refused(ENODEV, "linux.resources.network.priorities: ",
		"\"network\":{\"priorities\":[{\"name\":\"turf-none\",\"priority\":7}]}");
	unmount_for_good(dir);
}
END_TEST

START_TEST(unified_names)
{
	static const char *const bad[] = {
		"cgroup.procs", "cgroup.kill", "cgroup.subtree_control", "cgroup.freeze"};
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused(EINVAL, "is no limit", "\"unified\":{\"%s\":\"1\"}", bad[i]);
	refused(EINVAL, "is no file of a cgroup", "\"unified\":{\"memory\":\"1\"}");
	if (!host_has("hugetlb") || access("/sys/fs/cgroup/unified", F_OK) < 0)
		return;
	ck_assert_msg(create(&cg, &err,
			      "\"unified\":{\"cgroup.max.depth\":\"3\","
			      "\"hugetlb.2MB.max\":\"2097152\"}") == 0,
		"%s", err.msg);
	ck_assert_str_eq(text_of(cg, "hugetlb", "cgroup.max.depth"), "3\n");
	ck_assert_str_eq(text_of(cg, "hugetlb", "hugetlb.2MB.max"), "2097152\n");
	destroy(cg);
	/* The controller is there, on the other side. */
	refused(ENOTSUP, "linux.resources.unified: cgroup v2 of this host has no 'memory.high'",
		"\"unified\":{\"memory.high\":\"max\"}");
}
END_TEST

START_TEST(realtime_below_new_groups)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	char path[64];

	/* Only with RT_GROUP_SCHED, and for v1. */
	if (access("/sys/fs/cgroup/cpu/cpu.rt_runtime_us", F_OK) < 0)
		return;
	snprintf(path, sizeof(path), "/turf-test-%d/a/b", (int)getpid());
	place = path;
	ck_assert_msg(create(&cg, &err,
			      "\"cpu\":{\"realtimeRuntime\":1000,"
			      "\"realtimePeriod\":500000}") == 0,
		"%s", err.msg);
	ck_assert_str_eq(text_of(cg, "cpu", "cpu.rt_runtime_us"), "1000\n");
	ck_assert_str_eq(text_of(cg, "cpu", "cpu.rt_period_us"), "500000\n");
	destroy(cg);
}
END_TEST

UNIT_MAIN("cgroup_resources", realtime_below_new_groups, rates_of_disks, weights, weights_of_v2,
	huge_pages, what_the_host_lacks_is_named, network_classes, unified_names)
