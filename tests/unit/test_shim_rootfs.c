/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts of the root file system, in a mount namespace of each case. */
#include "shim/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "shim/proto/common.pb-c.h"
#include "tests/unit/unit.h"

#define BASE	   "/tmp/turf-rootfs"
#define BUNDLE	   BASE "/bundle"
#define ROOTFS	   BUNDLE "/rootfs"
#define LAYERS	   120
#define LAYERS_DIR BASE "/snapshots-of-some-engine/with/a/rather/long/path"

static struct err err;

static void make_dir(const char *path)
{
	ck_assert_msg(paths_mkdir_all(path, 0755, &err) == 0, "%s", err.msg);
}

static void put(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
}

/* All of it is on a file system that goes with the namespace. */
static void start(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/tmp", "tmpfs", 0, "size=8m"), 0);
	make_dir(ROOTFS);
	make_dir(BASE "/source");
	put(BASE "/source/file", "text");
}

static size_t count_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[8192];
	size_t n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, " " ROOTFS) != NULL;
	fclose(f);
	return n;
}

static char *no_options[] = {NULL};

#define OPTIONS(...)              \
	(char *[])                \
	{                         \
		__VA_ARGS__, NULL \
	}

static Pb__Mount make_mount(
	const char *type, const char *source, const char *target, char **options)
{
	Pb__Mount m = PB__MOUNT__INIT;

	m.type = (char *)type;
	m.source = (char *)source;
	m.target = (char *)target;
	m.options = options;
	while (options[m.n_options])
		m.n_options++;
	return m;
}

static int mount_all(Pb__Mount *mounts, size_t n)
{
	Pb__Mount *list[4];

	for (size_t i = 0; i < n; i++)
		list[i] = &mounts[i];
	err = (struct err)ERR_INIT;
	return rootfs_mount(BUNDLE, list, n, &err);
}

static void expect_unmounted(void)
{
	ck_assert_int_eq(rootfs_unmount(BUNDLE, &err), 0);
	ck_assert_uint_eq(count_mounts(), 0);
}

START_TEST(a_bind_may_be_read_only)
{
	Pb__Mount m = make_mount("bind", BASE "/source", "", OPTIONS("rbind", "ro", "nosuid"));
	struct statvfs fs;

	start();
	ck_assert_msg(mount_all(&m, 1) == 0, "%s", err.msg);
	ck_assert_int_eq(access(ROOTFS "/file", R_OK), 0);
	ck_assert_int_eq(open(ROOTFS "/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	ck_assert_int_eq(errno, EROFS);
	ck_assert_int_eq(statvfs(ROOTFS, &fs), 0);
	ck_assert(fs.f_flag & ST_NOSUID);
	put(BASE "/source/new", "");
	expect_unmounted();
	ck_assert_int_eq(access(BASE "/source/file", R_OK), 0);
}
END_TEST

START_TEST(a_bind_is_recursive_when_asked_for)
{
	Pb__Mount m = make_mount("bind", BASE "/source", "", OPTIONS("bind"));

	start();
	make_dir(BASE "/source/sub");
	ck_assert_int_eq(mount("tmpfs", BASE "/source/sub", "tmpfs", 0, NULL), 0);
	put(BASE "/source/sub/below", "");
	ck_assert_int_eq(mount_all(&m, 1), 0);
	ck_assert_int_eq(access(ROOTFS "/sub/below", F_OK), -1);
	expect_unmounted();
	m.options = OPTIONS("rbind");
	ck_assert_int_eq(mount_all(&m, 1), 0);
	ck_assert_int_eq(access(ROOTFS "/sub/below", F_OK), 0);
	/* What is mounted below goes as well. */
	expect_unmounted();
	ck_assert_int_eq(access(BASE "/source/sub/below", F_OK), 0);
}
END_TEST

START_TEST(words_become_flags_or_data)
{
	Pb__Mount m = make_mount("tmpfs", "tmpfs", "",
		OPTIONS("size=64k", "noexec", "async", "mode=711", "sync", "rprivate"));
	struct statvfs fs;
	struct stat st;

	start();
	ck_assert_msg(mount_all(&m, 1) == 0, "%s", err.msg);
	ck_assert_int_eq(statvfs(ROOTFS, &fs), 0);
	ck_assert_uint_eq(fs.f_blocks * fs.f_frsize, 65536);
	ck_assert(fs.f_flag & ST_NOEXEC);
	ck_assert(fs.f_flag & ST_SYNCHRONOUS);
	ck_assert_int_eq(stat(ROOTFS, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0711);
	expect_unmounted();
}
END_TEST

START_TEST(targets_are_within_and_are_made)
{
	Pb__Mount m[] = {
		make_mount("tmpfs", "tmpfs", "", no_options),
		make_mount("bind", BASE "/source", "a/b", OPTIONS("bind")),
		make_mount("bind", BASE "/source", "/c", OPTIONS("bind")),
	};

	start();
	ck_assert_msg(mount_all(m, 3) == 0, "%s", err.msg);
	ck_assert_int_eq(access(ROOTFS "/a/b/file", F_OK), 0);
	ck_assert_int_eq(access(ROOTFS "/c/file", F_OK), 0);
	ck_assert_uint_eq(count_mounts(), 3);
	expect_unmounted();
}
END_TEST

START_TEST(a_target_that_leads_up_is_refused)
{
	static const char *const bad[] = {
		"..", "../x", "/..", "a/../../x", "a/..", "//..//", "a/b/.."};

	start();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		Pb__Mount m = make_mount("tmpfs", "tmpfs", bad[i], no_options);

		ck_assert_int_eq(mount_all(&m, 1), -EINVAL);
		ck_assert_uint_eq(count_mounts(), 0);
	}
	{
		/* That is only a name. */
		Pb__Mount m = make_mount("tmpfs", "tmpfs", "..a/b..", no_options);

		ck_assert_int_eq(mount_all(&m, 1), 0);
		ck_assert_uint_eq(count_mounts(), 1);
	}
}
END_TEST

START_TEST(a_link_in_the_image_leads_nowhere_else)
{
	Pb__Mount m[] = {
		make_mount("bind", BASE "/source", "", OPTIONS("bind")),
		make_mount("tmpfs", "tmpfs", "out/dir", no_options),
	};

	start();
	make_dir(BASE "/host/dir");
	put(BASE "/host/dir/mine", "");
	ck_assert_int_eq(symlink(BASE "/host", BASE "/source/out"), 0);
	/* It names what is in the image, or would be. */
	ck_assert_int_eq(mount_all(m, 2), -ENOENT);
	ck_assert_uint_eq(count_mounts(), 0);
	ck_assert_int_eq(access(BASE "/host/dir/mine", F_OK), 0);
	make_dir(BASE "/source" BASE "/host");
	ck_assert_msg(mount_all(m, 2) == 0, "%s", err.msg);
	ck_assert_int_eq(access(BASE "/host/dir/mine", F_OK), 0);
	ck_assert_int_eq(access(ROOTFS BASE "/host/dir", F_OK), 0);
	ck_assert_uint_eq(count_mounts(), 2);
	expect_unmounted();
}
END_TEST

START_TEST(what_was_mounted_is_undone_when_another_fails)
{
	Pb__Mount m[] = {
		make_mount("tmpfs", "tmpfs", "", no_options),
		make_mount("bind", BASE "/source", "a", OPTIONS("bind")),
		make_mount("no-such-type", "x", "b", no_options),
	};

	start();
	ck_assert_int_eq(mount_all(m, 3), -ENODEV);
	ck_assert_str_eq(err.msg, "mount the root file system: mount 'x' of type 'no-such-type': "
				  "No such device");
	ck_assert_uint_eq(count_mounts(), 0);
	m[2] = make_mount("bind", "/nowhere", "b", OPTIONS("bind"));
	ck_assert_int_eq(mount_all(m, 3), -ENOENT);
	ck_assert_uint_eq(count_mounts(), 0);
}
END_TEST

START_TEST(mounts_on_top_of_each_other_are_all_taken_away)
{
	Pb__Mount m = make_mount("tmpfs", "tmpfs", "", no_options);

	start();
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(mount_all(&m, 1), 0);
	ck_assert_uint_eq(count_mounts(), 5);
	expect_unmounted();
	/* Nothing is fine, and so is no directory. */
	expect_unmounted();
	ck_assert_int_eq(rmdir(ROOTFS), 0);
	expect_unmounted();
}
END_TEST

START_TEST(the_working_directory_stays)
{
	Pb__Mount m = make_mount("tmpfs", "tmpfs", "", no_options);
	char before[256], after[256];

	start();
	ck_assert_int_eq(chdir(BASE), 0);
	ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
	ck_assert_int_eq(mount_all(&m, 1), 0);
	ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
	ck_assert_str_eq(before, after);
}
END_TEST

/* False where overlay is not to be had. */
static bool can_overlay(void)
{
	make_dir(BASE "/probe/l1");
	make_dir(BASE "/probe/l2");
	make_dir(BASE "/probe/m");
	if (mount("overlay", BASE "/probe/m", "overlay", 0,
		    "lowerdir=" BASE "/probe/l1:" BASE "/probe/l2") < 0)
		return false;
	ck_assert_int_eq(umount(BASE "/probe/m"), 0);
	return true;
}

/* "lowerdir=" with as many directories as asked for; a file in each. */
static char *make_layers(const char *dir, size_t n)
{
	_cleanup_buf_ struct buf option = BUF_INIT;

	buf_puts(&option, "lowerdir=");
	for (size_t i = 0; i < n; i++) {
		char path[256], name[300];

		snprintf(path, sizeof(path), "%s/%zu/fs", dir, i);
		make_dir(path);
		snprintf(name, sizeof(name), "%s/of-%zu", path, i);
		put(name, "");
		buf_printf(&option, "%s%s", i ? ":" : "", path);
	}
	return buf_take(&option);
}

START_TEST(more_layers_than_fit_into_a_page)
{
	char before[256], after[256], name[64];
	_cleanup_free_ char *lower = NULL;
	Pb__Mount m;

	start();
	if (!can_overlay())
		return;
	lower = make_layers(LAYERS_DIR, LAYERS);
	ck_assert_uint_gt(strlen(lower), 4096);
	make_dir(BASE "/up/fs");
	make_dir(BASE "/up/work");
	m = make_mount("overlay", "overlay", "",
		OPTIONS("index=off", "workdir=" BASE "/up/work", "upperdir=" BASE "/up/fs", lower));
	ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
	ck_assert_msg(mount_all(&m, 1) == 0, "%s", err.msg);
	ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
	ck_assert_str_eq(before, after);
	for (size_t i = 0; i < LAYERS; i++) {
		snprintf(name, sizeof(name), ROOTFS "/of-%zu", i);
		ck_assert_int_eq(access(name, F_OK), 0);
	}
	put(ROOTFS "/written", "");
	ck_assert_int_eq(access(BASE "/up/fs/written", F_OK), 0);
	expect_unmounted();
}
END_TEST

START_TEST(layers_with_nothing_in_common_may_be_too_many)
{
	char before[256], after[256];
	_cleanup_free_ char *lower = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	Pb__Mount m;

	start();
	if (!can_overlay())
		return;
	lower = make_layers(LAYERS_DIR, LAYERS);
	buf_printf(&all, "%s:/usr", lower);
	m = make_mount("overlay", "overlay", "", OPTIONS(all.data));
	ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
	ck_assert_int_eq(mount_all(&m, 1), -E2BIG);
	ck_assert_ptr_nonnull(getcwd(after, sizeof(after)));
	ck_assert_str_eq(before, after);
	ck_assert_uint_eq(count_mounts(), 0);
}
END_TEST

UNIT_MAIN("shim rootfs", a_bind_may_be_read_only, a_bind_is_recursive_when_asked_for,
	words_become_flags_or_data, targets_are_within_and_are_made,
	a_target_that_leads_up_is_refused, a_link_in_the_image_leads_nowhere_else,
	what_was_mounted_is_undone_when_another_fails,
	mounts_on_top_of_each_other_are_all_taken_away, the_working_directory_stays,
	more_layers_than_fit_into_a_page, layers_with_nothing_in_common_may_be_too_many)
