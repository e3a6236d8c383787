/* SPDX-License-Identifier: Apache-2.0 */
/* page.html, as report_html.c has it. */
	.section .rodata
	.globl sim_page, sim_page_len
	.type sim_page, @object
sim_page:
	.incbin PAGE
	.set page_size, . - sim_page
	.size sim_page, . - sim_page

	.type sim_page_len, @object
	.balign 8
sim_page_len:
	.quad page_size
	.size sim_page_len, 8

	.section .note.GNU-stack, "", @progbits
