/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process of a base image to one of a state image. Two things make the difference:
 * what the image brings, which is mapped, and what this process itself has changed since it
 * was the base, which is dropped, so that the base's file shows again.
 *
 * From state_go() on there is neither a stack nor data of ours: the code stays, since text
 * is the same in all of them, and works in an area of its own.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/raw.h"
#include "seed/state.h"

#ifdef __x86_64__

#define STACK_SIZE ((size_t)64 << 10)
#define ENTRIES	   512

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_FILE	(1ull << 61)

#define RSEQ_UNREGISTER 1

/* As aworker ends without an engine. */
#define EXIT_BROKEN 5

struct state {
	int fd, pagemap_fd;
	struct image_process base;
	struct state_head head;
	struct elf_prstatus status;
	struct elfcore core;
	struct elfcore_note ranges, gone, look;
	uint64_t entries[ENTRIES];
	unsigned char bytes[STATE_HEAD_MAX];
	char stack[STACK_SIZE] __attribute__((aligned(64)));
};

int state_pagemap(int proc_fd, struct err *err)
{
	int fd = proc_fd < 0 ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)
			     : openat(proc_fd, "self/pagemap", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "open '/proc/self/pagemap'") : fd;
}

/* --- the headers --- */

static bool range_at(const struct elfcore_note *note, size_t i, struct state_range *ret)
{
	if ((i + 1) * sizeof(*ret) > note->len)
		return false;
	memcpy(ret, (const char *)note->data + i * sizeof(*ret), sizeof(*ret));
	return true;
}

static bool take_notes(struct state *s)
{
	return image_take_note(&s->core, "CORE", NT_PRSTATUS, &s->status, sizeof(s->status)) &&
	       image_take_note(&s->core, STATE_NOTE, STATE_NOTE_HEAD, &s->head, sizeof(s->head)) &&
	       elfcore_find_note(&s->core, STATE_NOTE, STATE_NOTE_BASE, &s->ranges) &&
	       elfcore_find_note(&s->core, STATE_NOTE, STATE_NOTE_LOOK, &s->look) &&
	       elfcore_find_note(&s->core, STATE_NOTE, STATE_NOTE_GONE, &s->gone);
}

static int check_segments(const struct state *s, uint64_t size, struct err *err)
{
	struct elfcore_segment seg;
	size_t at = 0;

	while (elfcore_next_segment(&s->core, &at, &seg)) {
		if (seg.offset + seg.filled > size)
			return err_say(err, EINVAL, "it is cut off");
		if (seg.start % ELFCORE_PAGE || seg.size % ELFCORE_PAGE ||
			seg.filled % ELFCORE_PAGE || seg.offset % ELFCORE_PAGE)
			return err_say(err, EINVAL, "its memory is not in whole pages");
	}
	return 0;
}

/* Only as much as there is: what is read costs page faults. */
static int read_head(struct state *s, struct err *err)
{
	struct stat st;
	const char *wrong;
	ssize_t n;

	if (fstat(s->fd, &st) < 0)
		return err_set(err, errno, "stat");
	n = pread(s->fd, s->bytes, ELFCORE_PAGE, 0);
	if (n == ELFCORE_PAGE) {
		const Elf64_Phdr *first = (const void *)(s->bytes + sizeof(Elf64_Ehdr));
		/* Notes are the first, the memory begins with the second. */
		uint64_t begins = first[1].p_offset;

		if (begins > (uint64_t)n && begins <= sizeof(s->bytes))
			n = pread(s->fd, s->bytes, begins, 0);
	}
	if (n < 0)
		return err_set(err, errno, "read");
	wrong = elfcore_open(&s->core, s->bytes, (size_t)n);
	if (wrong)
		return err_say(err, EINVAL, "%s", wrong);
	if (!take_notes(s))
		return err_say(err, EINVAL, "a core, but no state image");
	if (s->head.version != STATE_VERSION)
		return err_say(err, ESTALE, "of another version of turf");
	if (memcmp(s->head.base, s->base.id, sizeof(s->base.id)) != 0)
		return err_say(err, ESTALE, "made from another base image");
	return check_segments(s, (uint64_t)st.st_size, err);
}

/* --- mapping --- */

static bool is_in_base(const struct state *s, uint64_t start)
{
	struct state_range r;

	for (size_t i = 0; range_at(&s->ranges, i, &r); i++)
		if (start >= r.start && start - r.start < r.size)
			return true;
	return false;
}

static int prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static long map(uint64_t start, uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
	long r = size == 0 ? 0 : RAW_CALL(mmap, start, size, prot, MAP_PRIVATE | flags, fd, offset);

	return r == (long)start ? 0 : r;
}

/* Takes the file's part away again, where it is in place of nothing. `r` is the reason. */
static long undo(const struct elfcore_segment *seg, int how, long r)
{
	if (how == MAP_FIXED_NOREPLACE)
		RAW_CALL(munmap, seg->start, seg->filled, 0, 0, 0, 0);
	return r;
}

static long read_code(const struct state *s, const struct elfcore_segment *seg, int how)
{
	long r = map(seg->start, seg->filled, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | how, -1, 0);

	if (r < 0)
		return r;
	for (uint64_t done = 0; done < seg->filled; done += (uint64_t)r) {
		r = RAW_CALL(pread64, s->fd, seg->start + done, seg->filled - done,
			seg->offset + done, 0, 0);
		if (r <= 0)
			return undo(seg, how, r < 0 ? r : -EIO);
	}
	r = RAW_CALL(mprotect, seg->start, seg->filled, prot_of(seg->flags), 0, 0, 0);
	return r < 0 ? undo(seg, how, r) : 0;
}

/* Code is read where the file lies on a file system that nothing can be executed on. */
static long map_file(const struct state *s, const struct elfcore_segment *seg, int how)
{
	long r = map(seg->start, seg->filled, prot_of(seg->flags), how, s->fd, seg->offset);

	return r == -EPERM || r == -EACCES ? read_code(s, seg, how) : r;
}

/* 0 or a negative errno. `how`: MAP_FIXED, or MAP_FIXED_NOREPLACE. */
static long map_segment(const struct state *s, const struct elfcore_segment *seg, int how)
{
	long r = map_file(s, seg, how);

	if (r < 0)
		return r;
	r = map(seg->start + seg->filled, seg->size - seg->filled, prot_of(seg->flags),
		MAP_ANONYMOUS | MAP_NORESERVE | how, -1, 0);
	return r < 0 ? undo(seg, how, r) : 0;
}

/* Up to the segment that begins at `end`. */
static void unmap_new(const struct state *s, size_t end)
{
	struct elfcore_segment seg;
	size_t at = 0;

	while (at < end && elfcore_next_segment(&s->core, &at, &seg))
		if (!is_in_base(s, seg.start))
			munmap((void *)seg.start, seg.size);
}

/* As long as this process is what it was: it may fail. */
static int map_new(struct state *s, struct err *err)
{
	struct elfcore_segment seg;
	size_t at = 0, before = 0;

	for (; elfcore_next_segment(&s->core, &at, &seg); before = at) {
		long r = is_in_base(s, seg.start) ? 0 : map_segment(s, &seg, MAP_FIXED_NOREPLACE);

		if (r == 0)
			continue;
		unmap_new(s, before);
		return err_set(err, (int)-r, "map memory at %#lx", (unsigned long)seg.start);
	}
	return 0;
}

int state_open(int fd, int pagemap_fd, const struct image_process *base, struct state **ret,
	struct err *err)
{
	struct state *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (s == MAP_FAILED)
		return err_set(err, errno, "mmap");
	s->fd = fd;
	s->pagemap_fd = pagemap_fd;
	s->base = *base;
	if (read_head(s, err) < 0 || map_new(s, err) < 0) {
		munmap(s, sizeof(*s));
		return -err->code;
	}
	*ret = s;
	return 0;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	unmap_new(s, SIZE_MAX);
	munmap(s, sizeof(*s));
}

void *state_room(size_t size)
{
	/* All that the image has is mapped, or was from the beginning: this is elsewhere. */
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* --- beyond the point of no return --- */

static _Noreturn void broken(void)
{
	static const char text[] = "aworker: a state image cannot be mapped\n";

	(void)RAW_CALL(write, STDERR_FILENO, text, sizeof(text) - 1, 0, 0, 0);
	RAW_CALL(exit_group, EXIT_BROKEN, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static void map_changed(const struct state *s, bool code)
{
	struct elfcore_segment seg;
	size_t at = 0;

	while (elfcore_next_segment(&s->core, &at, &seg))
		if (!(seg.flags & PF_X) == !code && is_in_base(s, seg.start) &&
			map_segment(s, &seg, MAP_FIXED) < 0)
			broken();
}

static void unmap_gone(const struct state *s)
{
	struct state_range r;

	for (size_t i = 0; range_at(&s->gone, i, &r); i++)
		RAW_CALL(munmap, r.start, r.size, 0, 0, 0, 0);
}

static void drop(uint64_t start, uint64_t end)
{
	/* Of a private mapping of a file, its contents come back. */
	if (end > start && RAW_CALL(madvise, start, end - start, MADV_DONTNEED, 0, 0, 0) < 0)
		broken();
}

static bool is_own(uint64_t entry)
{
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED) && !(entry & PAGEMAP_FILE);
}

static void drop_own(struct state *s, const struct state_range *range)
{
	const uint64_t end = range->start + range->size;
	uint64_t own = 0; /* where the current run begins; 0: none */

	for (uint64_t at = range->start; at < end;) {
		uint64_t pages = (end - at) / ELFCORE_PAGE;
		long n;

		pages = pages < ENTRIES ? pages : ENTRIES;
		n = RAW_CALL(pread64, s->pagemap_fd, s->entries, pages * sizeof(s->entries[0]),
			at / ELFCORE_PAGE * sizeof(s->entries[0]), 0, 0);
		if (n != (long)(pages * sizeof(s->entries[0])))
			broken();
		for (uint64_t i = 0; i < pages; i++, at += ELFCORE_PAGE) {
			if (is_own(s->entries[i])) {
				own = own ? own : at;
			} else if (own) {
				drop(own, at);
				own = 0;
			}
		}
	}
	if (own)
		drop(own, end);
}

static void drop_all_own(struct state *s)
{
	struct state_range r;

	for (size_t i = 0; range_at(&s->look, i, &r); i++)
		drop_own(s, &r);
}

static void tell_kernel(const struct image_process *p)
{
	*(volatile int *)p->tid_address = (int)RAW_CALL(gettid, 0, 0, 0, 0, 0, 0);
	if (p->rseq_len)
		RAW_CALL(rseq, p->rseq, p->rseq_len, 0, RSEQ_SIGNATURE, 0, 0);
}

/* libc's memory changes meanwhile; what compilers keep there to guard stacks is the same in all. */
__attribute__((noinline, used)) static _Noreturn void go(struct state *s, uintptr_t word)
{
	/* The kernel writes there, whenever this process is interrupted. */
	if (s->base.rseq_len)
		RAW_CALL(rseq, s->base.rseq, s->base.rseq_len, RSEQ_UNREGISTER, RSEQ_SIGNATURE, 0,
			0);
	unmap_gone(s);
	map_changed(s, false);
	/* What was mapped just now has no pages of its own yet; code has. */
	drop_all_own(s);
	map_changed(s, true);
	tell_kernel(&s->base);
	RAW_CALL(close, s->fd, 0, 0, 0, 0, 0);
	RAW_CALL(close, s->pagemap_fd, 0, 0, 0, 0, 0);
	raw_jump(&s->status.pr_reg, word);
}

void state_go(struct state *s, uintptr_t word)
{
	__asm__ volatile("mov %0, %%rsp\n"
			 "xor %%ebp, %%ebp\n"
			 "call *%3\n"
			 :
			 : "r"(s->stack + sizeof(s->stack)), "D"(s), "S"(word), "r"(go)
			 : "memory");
	__builtin_unreachable();
}

#else

int state_pagemap(int proc_fd, struct err *err)
{
	(void)proc_fd;
	return err_say(err, ENOTSUP, "images of this machine's processors are unknown");
}

#endif
