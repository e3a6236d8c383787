/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/paths.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

START_TEST(ids_are_plain_names)
{
	char longest[PATHS_ID_MAX + 2];

	ck_assert(paths_id_is_valid("a"));
	ck_assert(paths_id_is_valid("Az09_+.-"));
	ck_assert(paths_id_is_valid("..."));
	ck_assert(!paths_id_is_valid(""));
	ck_assert(!paths_id_is_valid("."));
	ck_assert(!paths_id_is_valid(".."));
	ck_assert(!paths_id_is_valid("a/b"));
	ck_assert(!paths_id_is_valid("a b"));
	ck_assert(!paths_id_is_valid("\xc3\xa4"));
	memset(longest, 'x', sizeof(longest));
	longest[PATHS_ID_MAX] = '\0';
	ck_assert(paths_id_is_valid(longest));
	longest[PATHS_ID_MAX] = 'x';
	longest[PATHS_ID_MAX + 1] = '\0';
	ck_assert(!paths_id_is_valid(longest));
}
END_TEST

START_TEST(a_program_is_found_beside_the_running_one)
{
	struct err err = ERR_INIT;
	char *path = NULL;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	ck_assert_int_eq(paths_program(strrchr(self, '/') + 1, &path, &err), 0);
	ck_assert_str_eq(path, self);
	free(path);
	ck_assert_int_eq(paths_program("no-such-program-of-ours", &path, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "no-such-program-of-ours"));
}
END_TEST

START_TEST(seeds_directory_can_be_moved)
{
	unsetenv("TURF_SEEDS_DIR");
	ck_assert_str_eq(paths_seeds_dir(), PATHS_SEEDS_DIR);
	setenv("TURF_SEEDS_DIR", "", 1);
	ck_assert_str_eq(paths_seeds_dir(), PATHS_SEEDS_DIR);
	setenv("TURF_SEEDS_DIR", "/elsewhere", 1);
	ck_assert_str_eq(paths_seeds_dir(), "/elsewhere");
}
END_TEST

START_TEST(directories_are_made_with_their_parents)
{
	char base[] = "/tmp/test_paths.XXXXXX";
	struct err err = ERR_INIT;
	char path[128];
	struct stat st;

	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(path, sizeof(path), "%s/a/b/", base);
	ck_assert_int_eq(paths_mkdir_all(path, 0700, &err), 0);
	ck_assert_int_eq(paths_mkdir_all(path, 0700, &err), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	snprintf(path, sizeof(path), "%s/file", base);
	fclose(fopen(path, "w"));
	ck_assert_int_eq(paths_mkdir_all(path, 0700, &err), -ENOTDIR);
	unlink(path);
	snprintf(path, sizeof(path), "%s/a/b", base);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a", base);
	rmdir(path);
	rmdir(base);
}
END_TEST

UNIT_MAIN("paths", ids_are_plain_names, a_program_is_found_beside_the_running_one,
	seeds_directory_can_be_moved, directories_are_made_with_their_parents)
