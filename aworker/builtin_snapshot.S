/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The startup snapshot of aworker/builtin.h: the file SNAPSHOT_BLOB that mksnapshot wrote. Without
 * that macro it is empty, for mksnapshot itself and for tests.
 */
	.section .rodata
	.globl builtin_snapshot, builtin_snapshot_len
	.type builtin_snapshot, @object
	.balign 4096
builtin_snapshot:
#ifdef SNAPSHOT_BLOB
	.incbin SNAPSHOT_BLOB
#endif
	.set snapshot_size, . - builtin_snapshot
	.size builtin_snapshot, . - builtin_snapshot
	.byte 0

	.type builtin_snapshot_len, @object
	.balign 8
builtin_snapshot_len:
	.quad snapshot_size
	.size builtin_snapshot_len, 8

	.section .note.GNU-stack, "", @progbits
