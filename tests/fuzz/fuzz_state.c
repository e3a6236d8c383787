/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json of a container: whatever the bytes, reading ends in a record or in one
 * printable sentence, and a record that was read is written as text that reads the same.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "runtime/record.h"

/* Longest record that is compared with itself. */
#define TEXT_MAX (8u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/turf-fuzz-XXXXXX";
static int dir_fd = -1;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void remove_dir(void)
{
	(void)unlinkat(dir_fd, RECORD_FILE, 0);
	(void)rmdir(dir);
}

static void make_dir(void)
{
	require(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(dir_fd >= 0);
	atexit(remove_dir);
}

static void check_sentence(const struct err *err)
{
	require(err->code > 0 && err->msg[0] != '\0');
	for (const char *c = err->msg; *c; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* Writes the record and reads it back; the text is the caller's. */
static char *written(const struct record *r)
{
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t len;

	if (record_write(dir_fd, r, &err) < 0)
		return NULL;
	require(file_read(dir_fd, RECORD_FILE, TEXT_MAX, &text, &len, &err) == 0);
	return text;
}

static void check_round_trip(const struct record *r)
{
	_cleanup_record_ struct record again = {0};
	_cleanup_free_ char *once = written(r);
	_cleanup_free_ char *twice = NULL;
	struct err err = ERR_INIT;

	if (!once)
		return;
	require(record_read(dir_fd, &again, &err) == 0);
	twice = written(&again);
	require(twice && streq(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_record_ struct record r = {0};
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;

	if (dir_fd < 0)
		make_dir();
	fd = openat(dir_fd, RECORD_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && fd_write_all(fd, data, size) == 0);
	if (record_read(dir_fd, &r, &err) < 0) {
		check_sentence(&err);
		return 0;
	}
	/* What a signal is sent to, and what is removed. */
	require(r.init.pid >= 0 && r.id && r.bundle);
	check_round_trip(&r);
	return 0;
}
