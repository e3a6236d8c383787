/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile like those that engines give to containers: everything is allowed but
 * what they usually keep back.
 */
#ifndef TESTS_BENCH_PROFILE_H
#define TESTS_BENCH_PROFILE_H

#include "runtime/base/err.h"

struct oci_seccomp;

/* Refers to memory that stays for as long as the program runs. */
void profile_fill(struct oci_seccomp *ret);

/* The program that turf would load, for a floor. */
int profile_write(const struct oci_seccomp *profile, const char *path, struct err *err);

#endif
