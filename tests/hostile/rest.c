/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/hostile/rest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/user.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter.h"

#ifdef __x86_64__

#define PAGE	  4096ul
#define PIECES	  80000
#define TOO_LARGE (3ul << 30)

/* Where no file is: of files nothing is saved. */
static char *make_own_memory(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("hostile: mmap");
		_exit(1);
	}
	return p;
}

static void make_pieces(void)
{
	char *memory = make_own_memory(PIECES * PAGE);

	/* The kernel has a limit of its own, which is below what is tried. */
	for (size_t i = 0; i < PIECES; i += 2)
		if (mprotect(memory + i * PAGE, PAGE, PROT_READ) < 0)
			return;
}

static void make_large(void)
{
	volatile char *memory = make_own_memory(TOO_LARGE);

	/* Of a huge page of zeros the kernel does not say that it is there. */
	(void)madvise((void *)memory, TOO_LARGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < TOO_LARGE; i += PAGE)
		(void)memory[i];
}

static _Noreturn void take_away(void)
{
	char *memory = make_own_memory(64 * PAGE);

	for (unsigned i = 0;; i++) {
		memset(memory, (int)i, 64 * PAGE);
		munmap(memory + (i % 64) * PAGE, PAGE);
		memory = mmap(memory, 64 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
}

static _Noreturn void chat(const struct box_entry *entry)
{
	const struct conv_msg going = {.type = CONV_GOING};

	for (;;) {
		if (conv_send(entry->start_conn, &going, -1) < 0)
			_exit(0);
		usleep(100000);
	}
}

int rest(struct box_entry *entry, const char *how)
{
	static struct user_regs_struct regs;
	const void *at = &regs;

	if (streq(how, "chatty"))
		chat(entry);
	if (streq(how, "nowhere"))
		at = (const void *)0x1000;
	if (streq(how, "pieces"))
		make_pieces();
	if (streq(how, "large"))
		make_large();
	if (!streq(how, "silent"))
		box_rested(entry, at);
	if (streq(how, "gone"))
		take_away();
	for (;;)
		pause();
}

#else

int rest(struct box_entry *entry, const char *how)
{
	(void)entry;
	(void)how;
	return 2;
}

#endif
