/* SPDX-License-Identifier: Apache-2.0 */
/*
 * madvise(2) as V8 sees it. Debian's V8 marks every heap and code mapping
 * MADV_DONTFORK, so that a forked copy dies at its first JavaScript instruction.
 * libnode calls madvise through its PLT and this definition in the executable
 * wins over libc's: that advice is dropped, everything else goes to the kernel.
 *
 * Whoever links the engine must export the symbol, which the linker does by
 * itself for a symbol that a shared library on the command line refers to.
 * engine_self_test_fork() notices when it was not.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int madvise(void *addr, size_t len, int advice)
{
	if (advice == MADV_DONTFORK)
		return 0;
	return (int)syscall(SYS_madvise, addr, len, advice);
}
