/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls without libc, whose errno may be in memory that is just being replaced, and
 * the jump into an image. x86-64 alone, as images are.
 */
#ifndef SEED_RAW_H
#define SEED_RAW_H

#include <sys/syscall.h>

/* <linux/rseq.h> leaves it to each architecture; glibc's for this one. */
#define RSEQ_SIGNATURE 0x53053053

static inline long raw_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

/* The result, or a negative errno. */
#define RAW_CALL(nr, a, b, c, d, e, f) \
	raw_call6(SYS_##nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* Goes on where image_point() noted `regs`, a struct user_regs_struct, and has it return `word`. */
static inline _Noreturn void raw_jump(const void *regs, unsigned long word)
{
	__asm__ volatile("mov 0(%0), %%r15\n"
			 "mov 8(%0), %%r14\n"
			 "mov 16(%0), %%r13\n"
			 "mov 24(%0), %%r12\n"
			 "mov 32(%0), %%rbp\n"
			 "mov 40(%0), %%rbx\n"
			 "mov 152(%0), %%rsp\n"
			 "jmp *128(%0)\n"
			 :
			 : "D"(regs), "a"(word)
			 : "memory");
	__builtin_unreachable();
}

#endif
