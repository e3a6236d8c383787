/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of startup snapshots: whatever they hold, they are read or refused with a reason. What is
 * read says of itself what it is: changed in one bit, it is refused.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aworker/snapshot/snapshot_file.h"
#include "runtime/base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct snapshot_maker maker = {.v8 = "8", .turf = "1"};

static bool reads(const void *data, size_t size)
{
	struct snapshot_file f = {0};
	struct err err = ERR_INIT;
	int fd = memfd_sealed("fuzz-snapshot", data, size, &err);
	char path[FD_PATH_MAX];
	bool ok;

	if (fd < 0)
		abort();
	ok = snapshot_file_read(fd_path(fd, path), &maker, &f, &err) == 0;
	if (!ok && !err.msg[0])
		abort();
	if (ok && (const char *)f.blob + f.len != f.data + size)
		abort();
	snapshot_file_finish(&f);
	close(fd);
	return ok;
}

/* One that is right but for one bit, chosen by the input. */
static void check_written(const uint8_t *data, size_t size)
{
	static const struct snapshot_source source = {.name = "/w.js"};
	char path[] = "/tmp/turf-fuzz-XXXXXX";
	struct err err = ERR_INIT;
	int fd = mkstemp(path);
	char *file;
	size_t len;

	if (fd < 0 || snapshot_file_write(path, &maker, &source, data, size, &err) < 0 ||
		file_read(AT_FDCWD, path, SNAPSHOT_FILE_MAX, &file, &len, &err) < 0)
		abort();
	close(fd);
	unlink(path);
	if (!reads(file, len))
		abort();
	file[(size * 131) % len] ^= 1 << size % 8;
	if (reads(file, len))
		abort();
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)reads(data, size);
	check_written(data, size);
	return 0;
}
