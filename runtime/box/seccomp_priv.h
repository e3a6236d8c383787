/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_SECCOMP_PRIV_H
#define RUNTIME_BOX_SECCOMP_PRIV_H

#include "runtime/box/seccomp.h"

#define SECCOMP_ARGS_MAX  6
#define SECCOMP_ARCHS_MAX 33 /* bits of oci_seccomp.architectures, and the host's own */

/* A program that libseccomp made for one architecture. */
struct seccomp_part {
	uint32_t arch;		   /* libseccomp's token */
	struct sock_filter *insns; /* owned */
	size_t n;
	int newest; /* above this number calls fail with ENOSYS; -1: none does */
};

/* -ENOTSUP when the running kernel does not know a flag. */
int seccomp_check_flags(const struct oci_seccomp *config, struct err *err);

/* One program of all parts, which the architecture of a call chooses between. */
int seccomp_join(const struct seccomp_part *parts, size_t n_parts, struct seccomp_program *ret,
	struct err *err);

/* The same program, as short as can be; see seccomp_ranges.c. *p stays when that is not shorter. */
int seccomp_ask_ranges(struct seccomp_program *p, const struct seccomp_part *parts, size_t n_parts,
	struct err *err);

#endif
