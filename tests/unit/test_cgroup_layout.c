/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_layout.h"

#include <errno.h>
#include <stdio.h>

#include "tests/unit/unit.h"

#define SEPARATE_V1                                                            \
	"22 1 0:21 / /sys rw - sysfs sysfs rw\n"                               \
	"30 22 0:27 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"  \
	"31 30 0:28 / /sys/fs/cgroup/cpu rw shared:4 - cgroup cgroup rw,cpu\n" \
	"32 30 0:29 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"  \
	"34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"    \
	"39 30 0:36 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
#define HYBRID SEPARATE_V1 "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
#define MEMBERSHIP \
	"9:name=systemd:/user.slice\n4:memory:/a/b\n2:cpuacct:/\n1:cpu:/\n0::/session.scope\n"

static bool always(const char *mount UNUSED, int id UNUSED, void *arg UNUSED)
{
	return true;
}

static bool only_id(const char *mount UNUSED, int id, void *arg)
{
	return id == *(int *)arg;
}

static struct cgroup_layout parse(const char *mountinfo, const char *membership)
{
	struct cgroup_layout l;
	struct err err = ERR_INIT;

	ck_assert_int_eq(cgroup_layout_parse(mountinfo, membership, always, NULL, &l, &err), 0);
	return l;
}

/* The place of a container, or the error's text; valid until the next call. */
static const char *place(const struct cgroup_layout *l, const char *controller, const char *path)
{
	static char text[ERR_MSG_MAX];
	_cleanup_free_ char *p = NULL;
	struct err err = ERR_INIT;
	const struct cgroup_hierarchy *h = cgroup_layout_find(l, controller);

	ck_assert_ptr_nonnull(h);
	snprintf(text, sizeof(text), "%s",
		cgroup_layout_place(l, h, path, "id", &p, &err) < 0 ? err.msg : p);
	return text;
}

START_TEST(separate_controllers_are_found)
{
	struct cgroup_layout l = parse(SEPARATE_V1, MEMBERSHIP);

	ck_assert_uint_eq(l.n, 4);
	ck_assert(!l.pure_v2);
	ck_assert_str_eq(cgroup_layout_find(&l, "cpu")->mount, "/sys/fs/cgroup/cpu");
	ck_assert_str_eq(cgroup_layout_find(&l, "cpuacct")->mount, "/sys/fs/cgroup/cpuacct");
	ck_assert_str_eq(cgroup_layout_find(&l, "memory")->own, "/a/b");
	ck_assert_str_eq(cgroup_layout_find(&l, "name=systemd")->own, "/user.slice");
	ck_assert_ptr_null(cgroup_layout_find(&l, "pids"));
	ck_assert_ptr_null(cgroup_layout_find(&l, "xattr"));
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(joint_controllers_are_found)
{
	struct cgroup_layout l =
		parse("31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
			"1:cpu,cpuacct:/x\n");

	ck_assert_ptr_eq(cgroup_layout_find(&l, "cpu"), cgroup_layout_find(&l, "cpuacct"));
	ck_assert_str_eq(cgroup_layout_find(&l, "cpu")->own, "/x");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(hybrid_is_not_pure)
{
	struct cgroup_layout l = parse(HYBRID, MEMBERSHIP);

	ck_assert_uint_eq(l.n, 5);
	ck_assert(!l.pure_v2);
	ck_assert(l.list[4].v2);
	ck_assert_str_eq(l.list[4].own, "/session.scope");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(hidden_mounts_do_not_count)
{
	struct cgroup_layout l;
	struct err err = ERR_INIT;
	int top = 99;

	ck_assert_int_eq(
		cgroup_layout_parse(HYBRID "99 30 0:37 / /sys/fs/cgroup rw - cgroup2 c rw\n",
			MEMBERSHIP, only_id, &top, &l, &err),
		0);
	ck_assert_uint_eq(l.n, 1);
	ck_assert(l.pure_v2);
	ck_assert_str_eq(l.list[0].mount, "/sys/fs/cgroup");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(mount_of_a_part_shows_that_part)
{
	struct cgroup_layout l =
		parse("1 2 0:1 /docker/x /cg/mem rw - cgroup cgroup rw,memory\n"
		      "2 2 0:1 /docker/x /cg/cpu rw - cgroup cgroup rw,cpu\n"
		      "3 2 0:1 /docker/x /cg/pids rw - cgroup cgroup rw,pids\n"
		      "4 2 0:1 / /cg/with\\040blank rw - cgroup cgroup rw,devices\n",
			"1:memory:/docker/x/sub\n2:cpu:/docker/xyz\n3:pids:/docker/x\n4:devices:/"
			"../other\n");

	ck_assert_str_eq(cgroup_layout_find(&l, "memory")->own, "/sub");
	ck_assert_str_eq(cgroup_layout_find(&l, "cpu")->own, "/");
	ck_assert_str_eq(cgroup_layout_find(&l, "pids")->own, "/");
	ck_assert_str_eq(cgroup_layout_find(&l, "devices")->own, "/");
	ck_assert_str_eq(cgroup_layout_find(&l, "devices")->mount, "/cg/with blank");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(second_mount_of_a_hierarchy_is_ignored)
{
	struct cgroup_layout l = parse(HYBRID HYBRID, MEMBERSHIP);

	ck_assert_uint_eq(l.n, 5);
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(no_cgroups_at_all)
{
	struct cgroup_layout l = parse("broken line\n1 2 - cgroup cgroup rw\n\n", "");

	ck_assert_uint_eq(l.n, 0);
	ck_assert(!l.pure_v2);
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(places_of_v1)
{
	struct cgroup_layout l = parse(HYBRID, MEMBERSHIP);

	ck_assert_str_eq(place(&l, "memory", NULL), "/a/b/id");
	ck_assert_str_eq(place(&l, "memory", ""), "/a/b/id");
	ck_assert_str_eq(place(&l, "memory", "x/y"), "/a/b/x/y");
	ck_assert_str_eq(place(&l, "memory", "/x/y"), "/x/y");
	ck_assert_str_eq(place(&l, "cpu", "x"), "/x");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(places_of_v2)
{
	struct cgroup_layout l =
		parse("40 30 0:37 / /cg rw - cgroup2 cgroup2 rw\n", "0::/user/session\n");
	_cleanup_free_ char *p = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(cgroup_layout_place(&l, &l.list[0], NULL, "id", &p, &err), 0);
	ck_assert_str_eq(p, "/user/id");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(dots_do_not_climb)
{
	struct cgroup_layout l = parse(HYBRID, MEMBERSHIP);

	ck_assert_str_eq(place(&l, "memory", "/../../x"), "/x");
	ck_assert_str_eq(place(&l, "memory", "../x"), "/a/b/x");
	ck_assert_str_eq(place(&l, "memory", "/x/./y//../z/"), "/x/z");
	ck_assert_ptr_nonnull(strstr(place(&l, "memory", "/"), "names no cgroup"));
	ck_assert_ptr_nonnull(strstr(place(&l, "memory", "x/.."), "names no cgroup"));
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(systemd_form_is_refused)
{
	struct cgroup_layout l = parse(HYBRID, MEMBERSHIP);

	ck_assert_str_eq(place(&l, "memory", "machine.slice:libpod:abc"),
		"linux.cgroupsPath: 'machine.slice:libpod:abc' is of the form "
		"slice:prefix:name, which needs option '--systemd-cgroup'");
	ck_assert_str_eq(place(&l, "memory", "/a:b:c"), "/a:b:c");
	cgroup_layout_finish(&l);
}
END_TEST

START_TEST(words_of_lists)
{
	ck_assert(cgroup_list_has("cpu,cpuacct", "cpu"));
	ck_assert(cgroup_list_has("cpu,cpuacct", "cpuacct"));
	ck_assert(!cgroup_list_has("cpuacct", "cpu"));
	ck_assert(!cgroup_list_has("cpuset,cpuacct", "cpu"));
	ck_assert(!cgroup_list_has("", "cpu"));
}
END_TEST

UNIT_MAIN("cgroup_layout", separate_controllers_are_found, joint_controllers_are_found,
	hybrid_is_not_pure, hidden_mounts_do_not_count, mount_of_a_part_shows_that_part,
	second_mount_of_a_hierarchy_is_ignored, no_cgroups_at_all, places_of_v1, places_of_v2,
	dots_do_not_climb, systemd_form_is_refused, words_of_lists)
