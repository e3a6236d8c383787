/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds clone requests to the check that a seed makes. The first byte of an input
 * says which descriptors come along: its low five bits how many, the next bit
 * whether the first is a plan as it should be (of four bytes); the rest is the
 * message. Whatever it is, every descriptor must be closed in the end or handed
 * over exactly once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/wire.h"

#define FDS_MASK 0x1f
#define FDS_PLAN 0x20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_descriptor(size_t i)
{
	static const char *const paths[] = {"/dev/null", "/tmp", "/proc/self/ns/pid", "/proc"};

	return open(paths[i % ARRAY_SIZE(paths)], O_RDONLY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct seed_message m;
	int fds[FDS_MASK + 1] = {0};
	int given[FDS_MASK + 1];
	size_t n;

	if (size == 0)
		return 0;
	n = data[0] & FDS_MASK;
	for (size_t i = 0; i < n; i++)
		fds[i] = open_descriptor(i);
	if (n > 0 && (data[0] & FDS_PLAN)) {
		close(fds[0]);
		fds[0] = memfd_sealed("plan", "four", 4, &err);
	}
	memcpy(given, fds, sizeof(given));
	if (seed_message_parse(data + 1, size - 1, fds, n, &m, &err) == 0) {
		if (m.n_fds >= n || m.plan_fd != given[0])
			abort();
		seed_message_finish(&m);
	} else if (err.code == 0 || err.msg[0] == '\0') {
		abort();
	}
	for (size_t i = 0; i < n; i++)
		if (fcntl(given[i], F_GETFD) >= 0)
			abort();
	return 0;
}
