/* SPDX-License-Identifier: Apache-2.0 */
/*
 * madvise(2) and mmap(2) as V8 sees them. libnode calls both through its PLT, and these
 * definitions in the executable win over libc's.
 *
 * Debian's V8 marks every heap and code mapping MADV_DONTFORK, so that a forked copy dies at
 * its first JavaScript instruction: that advice is dropped.
 *
 * V8 wants each 256 KiB chunk of its heap at a random address, so that a heap is thousands of
 * areas of memory. A fork and the loading of an image cost by area. So chunks are placed one
 * behind the other, where the kernel makes a few areas of them. Addresses are not used a
 * second time; there are enough.
 *
 * Whoever links the engine must export the symbols, which the linker does by itself for
 * symbols that a shared library on the command line refers to. engine_self_test_fork()
 * notices when they were not.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int madvise(void *addr, size_t len, int advice)
{
	if (advice == MADV_DONTFORK)
		return 0;
	return (int)syscall(SYS_madvise, addr, len, advice);
}

/* The sanitizers have an mmap() and a map of all memory of their own. */
#ifndef __SANITIZE_ADDRESS__

/* V8 aligns its chunks to it, and asks for that much more than it keeps. */
#define CHUNK ((size_t)256 << 10)
#define PAGE  ((size_t)4096)

/* Reservations that are larger are not of the heap: code, wasm. */
#define CHUNKS_MAX ((size_t)64 << 20)

/* Where the first chunk may lie: between two places where the kernel puts nothing by itself. */
#define LOWEST	((uintptr_t)0x100000000000)
#define HIGHEST ((uintptr_t)0x500000000000)

static uintptr_t next; /* where the next chunk goes; 0: not known yet */

static uintptr_t first_place(void)
{
	uint64_t random = 0;

	/* None is no reason to do without memory. */
	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return LOWEST + random % (HIGHEST - LOWEST) / CHUNK * CHUNK;
}

static int is_of_heap(size_t len, int flags, int fd)
{
	const int wanted = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	return fd == -1 && (flags & (wanted | MAP_FIXED)) == wanted && len >= CHUNK &&
	       len < CHUNKS_MAX;
}

EXPORTED void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	const int packed = is_of_heap(len, flags, fd);
	long r;

	if (packed && next == 0)
		next = first_place();
	if (packed)
		addr = (void *)next;
	r = syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
	/* What is too much for the alignment is given back at once: the next comes there. */
	if (packed && r == (long)next)
		next += len > CHUNK ? (len - (CHUNK - PAGE) + CHUNK - 1) / CHUNK * CHUNK : CHUNK;
	return (void *)r;
}

#endif
