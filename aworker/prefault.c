/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page fault costs several times of what the kernel does in it, the more so in a
 * virtual machine, and a clone takes some hundred until its first answer, nearly all
 * of them at the same addresses. So one clone is made to rehearse, its pages are
 * looked up, and each later clone asks for all of them in a few calls. It does so
 * when it is in its cgroup: that pays for them.
 */
#include "aworker/prefault.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* <linux/mman.h>, since 5.14; older kernels refuse it, and faults come one by one as ever. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE ((size_t)4096)

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT	  (1ull << 63)
#define PAGEMAP_FILE	  (1ull << 61)
#define PAGEMAP_EXCLUSIVE (1ull << 56)

#define PAGEMAP_BATCH 512

#define MAPS_MAX ((size_t)4 << 20)

static void add(struct prefault *p, uintptr_t page, bool write)
{
	struct prefault_range *last = p->n ? &p->ranges[p->n - 1] : NULL;

	if (last && last->write == write && last->start + last->pages * PAGE == page)
		last->pages++;
	else if (p->n < PREFAULT_RANGES_MAX)
		p->ranges[p->n++] = (struct prefault_range){page, 1, write};
}

/* What is exclusive is not shared with the parent any more. */
static void record_mapping(
	struct prefault *p, int pagemap, uintptr_t start, uintptr_t end, bool writable)
{
	const uint64_t mask = PAGEMAP_PRESENT | PAGEMAP_FILE | (writable ? PAGEMAP_EXCLUSIVE : 0);
	const uint64_t wanted = PAGEMAP_PRESENT | (writable ? PAGEMAP_EXCLUSIVE : PAGEMAP_FILE);
	uint64_t batch[PAGEMAP_BATCH];

	while (start < end) {
		size_t want = (end - start) / PAGE;
		ssize_t n;

		if (want > PAGEMAP_BATCH)
			want = PAGEMAP_BATCH;
		n = pread(pagemap, batch, want * sizeof(batch[0]),
			(off_t)(start / PAGE * sizeof(batch[0])));
		if (n <= 0)
			return;
		for (size_t i = 0; i < (size_t)n / sizeof(batch[0]); i++)
			if ((batch[i] & mask) == wanted)
				add(p, start + i * PAGE, writable);
		start += (size_t)n / sizeof(batch[0]) * PAGE;
	}
}

void prefault_record(struct prefault *ret)
{
	_cleanup_close_ int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *maps = NULL;
	struct err err = ERR_INIT;
	char *line, *save = NULL;
	size_t len;

	ret->n = 0;
	if (pagemap < 0 || file_read(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &maps, &len, &err) < 0)
		return;
	for (line = strtok_r(maps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long start, end;
		char perms[8];

		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) != 3 || perms[0] != 'r' ||
			perms[3] != 'p')
			continue;
		record_mapping(ret, pagemap, start, end, perms[1] == 'w');
	}
}

void prefault_apply(const struct prefault *p)
{
	for (size_t i = 0; i < p->n; i++)
		(void)madvise((void *)p->ranges[i].start, p->ranges[i].pages * PAGE,
			p->ranges[i].write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
}
