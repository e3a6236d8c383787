/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_SECCOMP_H
#define SEED_NOSLATED_CONTROL_WORKER_SECCOMP_H

struct oci_seccomp;

extern const struct oci_seccomp worker_seccomp;

#endif
