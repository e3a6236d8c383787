/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.capabilities -> five sets of bits, reduced to what the kernel will
 * accept: a container with fewer rights than asked for starts with a warning.
 */
#ifndef RUNTIME_BOX_CAPS_H
#define RUNTIME_BOX_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct buf;
struct oci_capabilities;

/* Bit N is capability N. */
struct caps_sets {
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
};

/* All that the kernel knows, which is what a process in a new user namespace can be given. */
int caps_known(uint64_t *ret, struct err *err);

/* Number of "CAP_CHOWN" (any case), -EINVAL when there is no such name. */
int caps_number(const char *name);

/* "CAP_CHOWN", NULL for a number without a name. Valid until the next call. */
const char *caps_name(unsigned cap);

/*
 * NULL as `config` gives five empty sets. Names that are unknown or not
 * available are dropped, as is what the kernel refuses in combination (effective
 * beyond permitted, inheritable beyond bounding, ambient beyond permitted and
 * inheritable), each with a warning. Warnings as in cgroup.h.
 */
int caps_compile(const struct oci_capabilities *config, uint64_t available, struct caps_sets *ret,
	struct buf *warnings, struct err *err);

#endif
