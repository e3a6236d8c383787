/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page fault costs several times of what the kernel does in it, the more so in a
 * virtual machine, and a clone takes some hundred until its first answer, nearly all
 * of them at the same addresses. So one clone is made to rehearse, and its pages are
 * looked up. What it has read the seed maps once, and forks copy its page tables: the
 * kernel does that for each mapping of which a page is the process's own. What it has
 * changed each later clone asks for in a few calls, when it is in its cgroup: that pays.
 *
 * Where the hypervisor keeps page tables of its own, it learns of each page by a fault
 * too, which only an access causes; hence the reading of memory that is there already.
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

/* Whole pages are read, and a sanitizer guards some bytes in them. */
#define NOT_SANITIZED __attribute__((no_sanitize("address")))

#define MAPS_MAX ((size_t)4 << 20)

/* What is larger is a reservation (the shadow of a sanitizer has 16 TiB), and too long to read. */
#define MAPPING_MAX ((size_t)4 << 30)

static void add(struct prefault *p, uintptr_t page, enum prefault_kind kind)
{
	struct prefault_range *last = p->n ? &p->ranges[p->n - 1] : NULL;

	if (last && last->kind == kind && last->start + last->pages * PAGE == page)
		last->pages++;
	else if (p->n < PREFAULT_RANGES_MAX)
		p->ranges[p->n++] = (struct prefault_range){page, 1, kind};
}

/* An exclusive page of memory that may be written to is not shared with the parent any more. */
static enum prefault_kind kind_of(uint64_t entry, bool writable)
{
	if (entry & PAGEMAP_FILE)
		return PREFAULT_FILE;
	return writable && entry & PAGEMAP_EXCLUSIVE ? PREFAULT_CHANGED : PREFAULT_SHARED;
}

static void record_mapping(
	struct prefault *p, int pagemap, uintptr_t start, uintptr_t end, bool writable)
{
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
			if (batch[i] & PAGEMAP_PRESENT)
				add(p, start + i * PAGE, kind_of(batch[i], writable));
		start += (size_t)n / sizeof(batch[0]) * PAGE;
	}
}

/* Calls `each` for every private mapping that can be read. */
static void each_mapping(
	void (*each)(void *arg, uintptr_t start, uintptr_t end, bool writable), void *arg)
{
	_cleanup_free_ char *maps = NULL;
	struct err err = ERR_INIT;
	char *line, *save = NULL;
	size_t len;

	if (file_read(AT_FDCWD, "/proc/self/maps", MAPS_MAX, &maps, &len, &err) < 0)
		return;
	for (line = strtok_r(maps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long start, end;
		char perms[8];

		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 && perms[0] == 'r' &&
			perms[3] == 'p' && end - start <= MAPPING_MAX)
			each(arg, start, end, perms[1] == 'w');
	}
}

struct recording {
	struct prefault *to;
	int pagemap;
};

static void record(void *arg, uintptr_t start, uintptr_t end, bool writable)
{
	const struct recording *r = arg;

	record_mapping(r->to, r->pagemap, start, end, writable);
}

void prefault_record(struct prefault *ret)
{
	_cleanup_close_ int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct recording recording = {ret, pagemap};

	ret->n = 0;
	if (pagemap >= 0)
		each_mapping(record, &recording);
}

/* Whether all of it is there now. */
static bool populate(const struct prefault_range *r, int advice)
{
	return madvise((void *)r->start, r->pages * PAGE, advice) == 0;
}

NOT_SANITIZED static void touch(const struct prefault_range *r)
{
	for (size_t i = 0; i < r->pages; i++)
		(void)*(volatile const char *)(r->start + i * PAGE);
}

struct sharing {
	const struct prefault *known;
	int memory; /* /proc/self/mem, which writes to code, too */
};

NOT_SANITIZED static void write_itself(int memory, uintptr_t at)
{
	const char byte = *(volatile const char *)at;

	(void)!pwrite(memory, &byte, sizeof(byte), (off_t)at);
}

/* One page of the mapping becomes our own, preferably one that each copy will change. */
static void own_one(void *arg, uintptr_t start, uintptr_t end, bool writable UNUSED)
{
	const struct sharing *s = arg;
	const struct prefault_range *found = NULL;

	for (size_t i = 0; i < s->known->n; i++) {
		const struct prefault_range *r = &s->known->ranges[i];

		if (r->start >= start && r->start < end && (!found || r->kind == PREFAULT_CHANGED))
			found = r;
	}
	/* Where that is forbidden, copies take faults. */
	if (found)
		write_itself(s->memory, found->start);
}

void prefault_share(const struct prefault *p)
{
	_cleanup_close_ int memory = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
	struct sharing sharing = {p, memory};

	for (size_t i = 0; i < p->n; i++)
		if (p->ranges[i].kind != PREFAULT_CHANGED &&
			populate(&p->ranges[i], MADV_POPULATE_READ))
			touch(&p->ranges[i]);
	if (memory >= 0)
		each_mapping(own_one, &sharing);
}

void prefault_apply(const struct prefault *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->ranges[i].kind == PREFAULT_CHANGED &&
			populate(&p->ranges[i], MADV_POPULATE_WRITE))
			touch(&p->ranges[i]);
}
