/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State images: whatever the file holds, opening it either succeeds or says why, and nothing
 * of the file is mapped any more when it is closed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Areas of memory that are mapped from the file. */
static int count_mapped(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096];
	int n = 0;

	require(maps != NULL);
	while (fgets(line, sizeof(line), maps))
		n += strstr(line, "/memfd:fuzz-state-image") != NULL;
	fclose(maps);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The id is the corpus's. */
	static const struct image_process base = {.version = IMAGE_VERSION};
	_cleanup_close_ int fd = memfd_create("fuzz-state-image", MFD_CLOEXEC);
	struct err err = ERR_INIT;
	struct state *state = NULL;

	require(fd >= 0 && fd_write_all(fd, (const char *)data, size) >= 0);
	if (state_open(fd, -1, &base, &state, &err) == 0)
		state_close(state);
	else
		require(err.code > 0 && *err.msg);
	require(count_mapped() == 0);
	return 0;
}
