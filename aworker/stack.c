/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/stack.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "runtime/base/util.h"

struct call {
	int (*fn)(void *arg, void *low);
	void *arg;
	void *low;
	int result;
};

/* makecontext() hands over ints only: a pointer goes in two halves. */
static void enter(unsigned high, unsigned low)
{
	struct call *c = (struct call *)(uintptr_t)((uint64_t)high << 32 | low);

	c->result = c->fn(c->arg, c->low);
}

int stack_run(int (*fn)(void *arg, void *low), void *arg, struct err *err)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	struct call c = {.fn = fn, .arg = arg};
	uint64_t address = (uint64_t)(uintptr_t)&c;
	ucontext_t here, there;
	char *area;

	area = mmap(NULL, guard + STACK_SIZE, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (area == MAP_FAILED)
		return err_set(err, errno, "reserve a stack");
	c.low = area + guard;
	if (mprotect(c.low, STACK_SIZE, PROT_READ | PROT_WRITE) < 0 || getcontext(&there) < 0) {
		err_set(err, errno, "make a stack");
		munmap(area, guard + STACK_SIZE);
		return -err->code;
	}
	there.uc_stack.ss_sp = c.low;
	there.uc_stack.ss_size = STACK_SIZE;
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))enter, 2, (unsigned)(address >> 32), (unsigned)address);
	swapcontext(&here, &there);
	munmap(area, guard + STACK_SIZE);
	return c.result;
}
