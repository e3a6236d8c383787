/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fork copies no page tables of file mappings, so each clone takes faults anew for
 * all the code it runs: about a third of its faults until the first answer, and the
 * dearest ones. Huge pages of anonymous memory are copied by the fork, one entry for
 * 2 MiB. So a seed copies the code once, for 26 MiB that all its clones share.
 *
 * Small pages would make every fork dearer instead, hence all or nothing.
 */
#include "aworker/text.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define HUGE_PAGE ((uintptr_t)2 << 20)

/* One line of smaps is about 30 bytes, a mapping has 25 lines. */
#define SMAPS_MAX ((size_t)8 << 20)

struct range {
	uintptr_t start, end;
};

static uintptr_t round_up(uintptr_t v)
{
	return (v + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

/* Whole huge pages inside of segments that can be executed and not written. */
static int widen(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *best = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = round_up(info->dlpi_addr + p->p_vaddr);
		uintptr_t end = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(HUGE_PAGE - 1);

		if (p->p_type == PT_LOAD && p->p_flags == (PF_R | PF_X) && end > start &&
			end - start > best->end - best->start)
			*best = (struct range){start, end};
	}
	return 0;
}

/* Bytes of huge pages in the mapping that begins at `start`. */
static int huge_bytes(const void *start, size_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char key[32];
	const char *at;
	size_t len;
	int r = file_read(AT_FDCWD, "/proc/self/smaps", SMAPS_MAX, &text, &len, err);

	if (r < 0)
		return r;
	snprintf(key, sizeof(key), "\n%lx-", (unsigned long)(uintptr_t)start);
	at = strstr(text, key);
	at = at ? strstr(at, "\nAnonHugePages:") : NULL;
	*ret = at ? strtoul(at + strlen("\nAnonHugePages:"), NULL, 10) << 10 : 0;
	return 0;
}

/* `len` bytes at a border of huge pages; MAP_FAILED when there is no memory. */
static void *reserve(size_t len)
{
	char *all = mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *start = (char *)round_up((uintptr_t)all);

	if (all == MAP_FAILED)
		return MAP_FAILED;
	if (start > all)
		munmap(all, (size_t)(start - all));
	munmap(start + len, (size_t)(all + HUGE_PAGE - start));
	return start;
}

static int copy(void *to, const struct range *r, struct err *err)
{
	size_t len = r->end - r->start;
	size_t huge;

	if (madvise(to, len, MADV_HUGEPAGE) < 0)
		return err_set(err, errno, "ask for huge pages");
	memcpy(to, (const void *)r->start, len);
	if (mprotect(to, len, PROT_READ | PROT_EXEC) < 0)
		return err_set(err, errno, "make a copy of the code executable");
	if (huge_bytes(to, &huge, err) < 0)
		return -err->code;
	if (huge < len)
		return err_say(err, ENOMEM, "only %zu of %zu MiB came in huge pages", huge >> 20,
			len >> 20);
	if (mremap(to, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)r->start) == MAP_FAILED)
		return err_set(err, errno, "move the copy of the code");
	/* As before: what is in the library's file need not be in a core. */
	(void)madvise((void *)r->start, len, MADV_DONTDUMP);
	return 0;
}

int text_use_huge_pages(struct err *err)
{
	struct range r = {0, 0};
	size_t len;
	void *to;

	dl_iterate_phdr(widen, &r);
	len = r.end - r.start;
	if (len == 0)
		return err_say(err, ENOENT, "no library has code of the size of a huge page");
	to = reserve(len);
	if (to == MAP_FAILED)
		return err_set(err, errno, "memory for a copy of the code");
	if (copy(to, &r, err) == 0)
		return 0;
	munmap(to, len);
	return -err->code;
}
