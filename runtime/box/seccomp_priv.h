/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_SECCOMP_PRIV_H
#define RUNTIME_BOX_SECCOMP_PRIV_H

#include "runtime/box/seccomp.h"

#define SECCOMP_ARGS_MAX  6
#define SECCOMP_ARCHS_MAX 33 /* bits of oci_seccomp.architectures, and the host's own */
#define SECCOMP_STUB_MAX  (1 + SECCOMP_ARCHS_MAX * 8)

/*
 * Instructions that answer ENOSYS to calls whose number is above every number that
 * the profile names for the architecture, and else fall through to what follows.
 * `archs` are libseccomp's tokens. Returns how many were written, 0 when the
 * profile names no call.
 */
size_t seccomp_stub_build(const struct oci_seccomp *config, const uint32_t *archs, size_t n_archs,
	struct sock_filter stub[SECCOMP_STUB_MAX]);

#endif
