/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp -> classic BPF, compiled on the host's side so that a child only
 * hands bytes to the kernel.
 */
#ifndef RUNTIME_BOX_SECCOMP_H
#define RUNTIME_BOX_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct buf;
struct oci_seccomp;

struct seccomp_program {
	struct sock_filter *insns; /* owned */
	uint16_t len;		   /* instructions; 0 when there is nothing to install */
	uint32_t flags;		   /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
	bool notifies;		   /* some rule notifies: flags has FLAG_NEW_LISTENER */
};

/*
 * Syscall names that are unknown here are left out. A syscall newer than the
 * newest one the profile names fails with ENOSYS instead of the default action
 * when that action refuses, so that C libraries fall back to what they know.
 * Warnings as in cgroup.h.
 */
int seccomp_compile(const struct oci_seccomp *config, struct seccomp_program *ret,
	struct buf *warnings, struct err *err);

/*
 * The same, out of `dir` where an earlier run left it; `config` is not NULL. The
 * directory is made with the first program; one that others can write to is not used.
 */
int seccomp_compile_cached(const char *dir, const struct oci_seccomp *config,
	struct seccomp_program *ret, struct buf *warnings, struct err *err);

/* "2.5.4" of libseccomp. Valid until the next call. */
const char *seccomp_library(void);

/* Whether this kernel knows a flag of oci_seccomp.flags. */
bool seccomp_flag_works(uint32_t flag);

void seccomp_program_finish(struct seccomp_program *p);
#define _cleanup_seccomp_ _cleanup_(seccomp_program_finish)

#endif
