/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stddef.h>

#include "seed/state.h"

#ifdef __x86_64__

/* Offsets in struct user_regs_struct. What a function may change is not kept. */
__asm__(".text\n"
	".globl image_point\n"
	".type image_point, @function\n"
	"image_point:\n"
	"	mov %r15, 0(%rdi)\n"
	"	mov %r14, 8(%rdi)\n"
	"	mov %r13, 16(%rdi)\n"
	"	mov %r12, 24(%rdi)\n"
	"	mov %rbp, 32(%rdi)\n"
	"	mov %rbx, 40(%rdi)\n"
	"	mov (%rsp), %rax\n"
	"	mov %rax, 128(%rdi)\n"
	"	lea 8(%rsp), %rax\n"
	"	mov %rax, 152(%rdi)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	".size image_point, . - image_point\n");

static_assert(offsetof(struct user_regs_struct, rbx) == 40, "image_point()");
static_assert(offsetof(struct user_regs_struct, rip) == 128, "image_point()");
static_assert(offsetof(struct user_regs_struct, rsp) == 152, "image_point()");

#endif
