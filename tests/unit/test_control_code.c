/* SPDX-License-Identifier: Apache-2.0 */
/* The store of unpacked code: what is made there is whole or gone, and stays as long as it is used. */
#include "seed/noslated/control/code_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define ONE "1111111111111111111111111111111111111111111111111111111111111111"
#define TWO "2222222222222222222222222222222222222222222222222222222222222222"

static char dir[] = "/tmp/turf-store-XXXXXX";
static struct code_store store = CODE_STORE_INIT;
static struct err err;

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_msg(code_store_open(&store, dir, &err) == 0, "%s", err.msg);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void end(void)
{
	code_store_close(&store);
	ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static unsigned entries(const char *name)
{
	char path[PATH_MAX];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/code/%s", dir, name);
	d = opendir(path);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void make(const char *hex)
{
	char name[CODE_STORE_NAME_MAX];
	int fd = code_store_begin(&store, name, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	ck_assert_int_eq(mkdirat(fd, "inside", 0755), 0);
	close(fd);
	ck_assert_msg(code_store_keep(&store, name, hex, &err) == 0, "%s", err.msg);
}

START_TEST(keeps_trees)
{
	char name[CODE_STORE_NAME_MAX], path[PATH_MAX];
	struct stat st;
	int fd;

	begin();
	ck_assert(!code_store_has(&store, ONE));
	make(ONE);
	ck_assert(code_store_has(&store, ONE));
	code_store_path(&store, ONE, path);
	ck_assert(stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	/* A second one is not needed, and the first one stays. */
	fd = code_store_begin(&store, name, &err);
	close(fd);
	ck_assert_int_eq(code_store_keep(&store, name, ONE, &err), -EEXIST);
	ck_assert_uint_eq(entries("sha256"), 1);
	ck_assert_uint_eq(entries("tmp"), 1);
	end();
}
END_TEST

START_TEST(forgets_half_made_ones)
{
	char name[CODE_STORE_NAME_MAX];
	int fd;

	begin();
	make(ONE);
	fd = code_store_begin(&store, name, &err);
	ck_assert_int_eq(mkdirat(fd, "half", 0755), 0);
	close(fd);
	fd = code_store_scratch(&store, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_uint_eq(entries("tmp"), 1);
	close(store.fd); /* as if it was killed */
	store = (struct code_store)CODE_STORE_INIT;
	ck_assert_int_eq(code_store_open(&store, dir, &err), 0);
	ck_assert_uint_eq(entries("tmp"), 0);
	ck_assert(code_store_has(&store, ONE));
	end();
}
END_TEST

static bool is_one(void *arg, const char *hex)
{
	++*(unsigned *)arg;
	return strcmp(hex, ONE) == 0;
}

static void removed(void *arg, const char *name)
{
	(void)arg;
	ck_assert_int_eq(unlinkat(store.fd, name, AT_REMOVEDIR), -1);
	ck_assert_int_eq(errno, ENOTEMPTY);
}

START_TEST(sweeps_what_is_not_used)
{
	unsigned asked = 0;

	begin();
	make(ONE);
	make(TWO);
	ck_assert_int_eq(mkdirat(store.fd, "sha256/others", 0755), 0);
	code_store_sweep(&store, is_one, removed, &asked);
	ck_assert_uint_eq(asked, 2);
	ck_assert(code_store_has(&store, ONE));
	ck_assert(!code_store_has(&store, TWO));
	ck_assert_uint_eq(entries("sha256"), 2);
	ck_assert_uint_eq(entries("tmp"), 1);
	end();
}
END_TEST

/* It is to be where it is said to be, and nowhere else. */
START_TEST(says_where_it_cannot_be)
{
	struct code_store none = CODE_STORE_INIT;

	ck_assert_int_lt(code_store_open(&none, "/proc/nowhere", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "/proc/nowhere"));
	ck_assert_int_eq(none.fd, -1);
}
END_TEST

UNIT_MAIN("control_code", keeps_trees, forgets_half_made_ones, sweeps_what_is_not_used,
	says_where_it_cannot_be)
