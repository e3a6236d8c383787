/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources, from JSON to the files of real cgroups on this host. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_priv.h"
#include "tests/unit/unit.h"

static struct buf warnings;

static struct oci_config *parse(const char *resources)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct oci_config *config = NULL;
	struct err err = ERR_INIT;

	buf_printf(&text,
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
		"\"linux\":{\"resources\":%s}}",
		resources);
	ck_assert_msg(oci_config_parse(text.data, text.len, &config, &err) == 0, "%s", err.msg);
	return config;
}

static int create(const char *resources, struct cgroup **ret, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *config = parse(resources);
	char id[64];
	struct cgroup_options options = {.id = id, .resources = config->linux_->resources};

	snprintf(id, sizeof(id), "turf-test-config-%d", (int)getpid());
	return cgroup_create(&options, ret, &warnings, err);
}

static struct cgroup *make(const char *resources)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(create(resources, &cg, &err) == 0, "%s", err.msg);
	return cg;
}

static int64_t number(struct cgroup *cg, const char *controller, const char *file)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, controller);
	struct err err = ERR_INIT;
	int64_t v = -2;

	ck_assert_ptr_nonnull(dir);
	ck_assert_msg(cgroup_get_number(dir, file, &v, &err) == 0, "%s", err.msg);
	return v;
}

static bool is_v2(struct cgroup *cg, const char *controller)
{
	return cgroup_dir_find(cg, controller)->ops == &cgroup_ops_v2;
}

static void destroy(struct cgroup *cg)
{
	struct err err = ERR_INIT;

	ck_assert_msg(cgroup_destroy(cg, &err) == 0, "%s", err.msg);
	cgroup_close(cg);
	buf_finish(&warnings);
}

static int64_t memory_limit(struct cgroup *cg)
{
	return number(cg, "memory", is_v2(cg, "memory") ? "memory.max" : "memory.limit_in_bytes");
}

START_TEST(limits_reach_the_kernel)
{
	struct cgroup *cg = make("{\"memory\":{\"limit\":67108864,\"reservation\":33554432},"
				 "\"cpu\":{\"shares\":512,\"quota\":20000,\"period\":100000},"
				 "\"pids\":{\"limit\":77}}");

	ck_assert_int_eq(memory_limit(cg), 67108864);
	ck_assert_int_eq(number(cg, "pids", "pids.max"), 77);
	if (!is_v2(cg, "cpu")) {
		ck_assert_int_eq(number(cg, "cpu", "cpu.shares"), 512);
		ck_assert_int_eq(number(cg, "cpu", "cpu.cfs_quota_us"), 20000);
		ck_assert_int_eq(number(cg, "memory", "memory.soft_limit_in_bytes"), 33554432);
	}
	destroy(cg);
}
END_TEST

START_TEST(zeros_are_not_limits)
{
	struct cgroup *cg =
		make("{\"memory\":{\"limit\":0,\"swap\":0,\"kernelTCP\":0},"
		     "\"cpu\":{\"shares\":0,\"quota\":0,\"period\":0,\"realtimeRuntime\":0},"
		     "\"blockIO\":{},\"network\":{},\"devices\":[]}");

	ck_assert_int_gt(memory_limit(cg), INT64_C(1) << 40);
	destroy(cg);
}
END_TEST

START_TEST(no_process_at_all_is_one)
{
	struct cgroup *cg = make("{\"pids\":{\"limit\":0}}");

	ck_assert_int_eq(number(cg, "pids", "pids.max"), 1);
	destroy(cg);
	cg = make("{\"pids\":{\"limit\":-1}}");
	ck_assert_int_eq(number(cg, "pids", "pids.max"), INT64_MAX);
	destroy(cg);
}
END_TEST

START_TEST(an_update_changes_only_what_it_names)
{
	struct cgroup *cg = make("{\"memory\":{\"limit\":67108864},\"pids\":{\"limit\":77}}");
	_cleanup_oci_config_ struct oci_config *config = parse("{\"pids\":{\"limit\":5}}");
	const struct cgroup_update update = {.change = config->linux_->resources};
	struct err err = ERR_INIT;

	ck_assert_msg(cgroup_update(cg, &update, &warnings, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(number(cg, "pids", "pids.max"), 5);
	ck_assert_int_eq(memory_limit(cg), 67108864);
	destroy(cg);
}
END_TEST

START_TEST(devices_reach_the_kernel)
{
	struct cgroup *cg = make("{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
				 "{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,"
				 "\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\",\"major\":8,"
				 "\"minor\":-1,\"access\":\"r\"}]}");
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "devices");
	_cleanup_free_ char *list = NULL;
	struct err err = ERR_INIT;
	size_t len;

	if (dir && dir->ops == &cgroup_ops_v1) {
		ck_assert_int_eq(file_read(dir->fd, "devices.list", 4096, &list, &len, &err), 0);
		ck_assert_ptr_nonnull(strstr(list, "c 10:229 rw\n"));
		ck_assert_ptr_nonnull(strstr(list, "b 8:* r\n"));
		ck_assert_ptr_null(strstr(list, "a *:*"));
	}
	destroy(cg);
}
END_TEST

START_TEST(what_linux_dropped_is_a_warning)
{
	struct cgroup *cg = make("{\"memory\":{\"kernel\":1048576,\"useHierarchy\":false}}");

	ck_assert_ptr_nonnull(warnings.data);
	ck_assert_ptr_nonnull(strstr(warnings.data, "linux.resources.memory.kernel: Linux has no "
						    "such limit any more, ignoring\n"));
	ck_assert_ptr_nonnull(strstr(warnings.data, "linux.resources.memory.useHierarchy: "));
	destroy(cg);
}
END_TEST

START_TEST(what_the_kernel_refuses_leaves_nothing)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_lt(create("{\"cpu\":{\"quota\":1,\"period\":100000}}", &cg, &err), 0);
	ck_assert_ptr_null(cg);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.cpu.quota"));
	destroy(make("{}"));
	buf_finish(&warnings);
}
END_TEST

START_TEST(what_can_be_frozen_is_found)
{
	static const struct cgroup_path v1[] = {{"", "/v2"}, {"cpu,freezer:found", "/v1"}};
	static const struct cgroup_path v2[] = {
		{":unit", "turf-x.scope"}, {":parent", "/above"}, {":found", "/v2"}};
	static const struct cgroup_path none[] = {{":user-unit", "turf-x.scope"}, {"pids", "/p"}};

	ck_assert_ptr_eq(cgroup_freezer_path(v1, 2), &v1[1]);
	ck_assert_ptr_eq(cgroup_freezer_path(v2, 3), &v2[2]);
	ck_assert_ptr_null(cgroup_freezer_path(none, 2));
	ck_assert_ptr_null(cgroup_freezer_path(NULL, 0));
}
END_TEST

UNIT_MAIN("cgroup_config", what_can_be_frozen_is_found, limits_reach_the_kernel,
	zeros_are_not_limits, no_process_at_all_is_one, an_update_changes_only_what_it_names,
	devices_reach_the_kernel, what_linux_dropped_is_a_warning,
	what_the_kernel_refuses_leaves_nothing)
