/* SPDX-License-Identifier: Apache-2.0 */
/* page.html, as dashboard.c has it. */
	.section .rodata
	.globl ctl_page, ctl_page_len
	.type ctl_page, @object
ctl_page:
	.incbin PAGE
	.set page_size, . - ctl_page
	.size ctl_page, . - ctl_page

	.type ctl_page_len, @object
	.balign 8
ctl_page_len:
	.quad page_size
	.size ctl_page_len, 8

	.section .note.GNU-stack, "", @progbits
