/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_gettime(2) and gettimeofday(2) as everybody in this process sees them, V8 above
 * all: without a system call where the kernel's vdso can do without.
 */
#ifndef AWORKER_CLOCK_H
#define AWORKER_CLOCK_H

#include <stdint.h>

/*
 * Where the vdso of this process is, AT_SYSINFO_EHDR of its auxiliary vector; 0: it has
 * none. For a process that goes on from an image, which was made by another; every other
 * finds it by itself.
 */
void clock_use_vdso(uintptr_t vdso);

/* What was told last. */
uintptr_t clock_vdso(void);

/* The same from the vector itself, which lies behind the environment. */
void clock_use_vdso_of(const char *const *envp);

#endif
