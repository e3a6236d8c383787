/* SPDX-License-Identifier: Apache-2.0 */
/* Files of startup snapshots: whole and of this build, or refused with the reason. */
#include "aworker/snapshot/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/unit/unit.h"

static const char blob[] = "what the engine made";

static char dir[] = "/tmp/turf-test-XXXXXX", path[64];
static struct snapshot_maker maker;
static struct snapshot_source source;

/* Each test is a process of its own. */
static void write_one(void)
{
	struct err err = ERR_INIT;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/blob", dir);
	maker = (struct snapshot_maker){.v8 = "10.2.1", .turf = "1.0", .build = 7, .cpu = {1, 2}};
	snapshot_digest("", 0, maker.flags);
	source = (struct snapshot_source){.name = "/app/worker.js"};
	snapshot_digest("code", 4, source.digest);
	ck_assert_msg(snapshot_file_write(path, &maker, &source, blob, sizeof(blob), &err) == 0,
		"%s", err.msg);
}

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

static void readable(size_t len)
{
	struct snapshot_file f;
	struct err err = ERR_INIT;

	ck_assert_msg(snapshot_file_read(path, &maker, &f, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(f.len, len);
	snapshot_file_finish(&f);
}

static void refused(const char *why)
{
	struct snapshot_file f = {0};
	struct err err = ERR_INIT;

	ck_assert_int_lt(snapshot_file_read(path, &maker, &f, &err), 0);
	ck_assert_msg(strstr(err.msg, why) != NULL, "'%s' does not say '%s'", err.msg, why);
	ck_assert_ptr_null(f.data);
}

START_TEST(comes_back_as_it_was)
{
	struct snapshot_file f;
	struct err err = ERR_INIT;

	write_one();
	ck_assert_msg(snapshot_file_read(path, &maker, &f, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(f.len, sizeof(blob));
	ck_assert_mem_eq(f.blob, blob, sizeof(blob));
	ck_assert_str_eq(f.source->name, "/app/worker.js");
	ck_assert_mem_eq(f.source->digest, source.digest, SNAPSHOT_DIGEST_LEN);
	snapshot_file_finish(&f);
	ck_assert_ptr_null(f.data);
	clean_up();
}
END_TEST

START_TEST(is_of_one_build)
{
	struct snapshot_maker was;

	write_one();
	was = maker;
	strcpy(maker.v8, "11.3.2");
	refused("it was made by V8 10.2.1, this is V8 11.3.2");
	maker = was;
	strcpy(maker.turf, "2.0");
	refused("another build of aworker (1.0)");
	maker = was;
	maker.build++;
	refused("another build of aworker");
	maker = was;
	maker.cpu[IMAGE_CPU_WORDS - 1]++;
	refused("another kind of processor");
	maker = was;
	snapshot_digest("--stress", 8, maker.flags);
	refused("other --v8-options");
	clean_up();
}
END_TEST

static void put(const char *data, size_t len)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(file_write_atomic(AT_FDCWD, path, data, len, 0600, &err), 0);
}

START_TEST(each_damaged_byte_is_found)
{
	_cleanup_free_ char *data = NULL;
	struct err err = ERR_INIT;
	size_t len;

	write_one();
	ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 20, &data, &len, &err), 0);
	for (size_t i = 0; i < len; i += i < 256 || i + 64 > len ? 1 : 37) {
		struct snapshot_file f;

		data[i] ^= 0x20;
		put(data, len);
		ck_assert_msg(snapshot_file_read(path, &maker, &f, &err) < 0, "byte %zu", i);
		data[i] ^= 0x20;
	}
	put(data, len);
	readable(sizeof(blob));
	clean_up();
}
END_TEST

START_TEST(each_length_is_checked)
{
	_cleanup_free_ char *data = NULL;
	struct err err = ERR_INIT;
	size_t len;

	write_one();
	ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 20, &data, &len, &err), 0);
	/* It ends in a NUL that is not the file's. */
	put(data, len + 1);
	refused("it is damaged");
	for (size_t n = 0; n < len; n += n < 64 || n + 64 > len ? 1 : 41) {
		put(data, n);
		refused(n < 8 ? "it is no startup snapshot" : "it was cut short");
	}
	put("#!/bin/sh\nexit 0\n", 17);
	refused("it is no startup snapshot");
	unlink(path);
	refused("No such file");
	clean_up();
}
END_TEST

START_TEST(stays_when_it_cannot_be_replaced)
{
	char other[96];
	struct err err = ERR_INIT;

	write_one();
	snprintf(other, sizeof(other), "%s/none/blob", dir);
	ck_assert_int_eq(
		snapshot_file_write(other, &maker, &source, blob, sizeof(blob), &err), -ENOENT);
	ck_assert_int_eq(snapshot_file_write(path, &maker, &source, "new", 3, &err), 0);
	readable(3);
	clean_up();
}
END_TEST

UNIT_MAIN("aworker_snapshot_file", comes_back_as_it_was, is_of_one_build,
	each_damaged_byte_is_found, each_length_is_checked, stays_when_it_cannot_be_replaced)
