/* SPDX-License-Identifier: Apache-2.0 */
/* What noslate-code does; see code.h. */
#ifndef SEED_NOSLATED_CODE_ACT_H
#define SEED_NOSLATED_CODE_ACT_H

#include <stdint.h>

#include "runtime/base/err.h"
#include "seed/noslated/code/digest.h"

#define CODE_MEMORY_MAX	 (UINT64_C(1) << 30) /* of address space */
#define CODE_PROCESSOR_S 120
#define CODE_FILES_MAX	 64

/*
 * Gives up all rights, for good. confine_to() also every file but those that are open and those below `dir`,
 * which becomes the root; the network; and all calls of the kernel but those that reading and writing take.
 */
int confine(struct err *err);
int confine_to(int dir, struct err *err);

/* http or https, to CODE_FD_SCRATCH. This and the next ones confine themselves. */
int fetch(const char *url, struct err *err);

/* CODE_FD_SOURCE to CODE_FD_TREE. `wanted` may be NULL. */
int unpack_zip(const char *wanted, struct digest *ret, struct err *err);
int unpack_layout(const char *wanted, struct digest *ret, struct err *err);

/* --- archive.c --- */

struct archive_totals {
	uint64_t bytes, packed; /* of what was written, of the archives that it came from */
	unsigned entries;
};

/*
 * The archive in CODE_FD_SCRATCH, of `size` bytes, into the current directory, which only this process can
 * reach. With `removes`, names that say so remove what is there.
 */
int archive_unpack(
	bool zip, bool removes, uint64_t size, struct archive_totals *totals, struct err *err);

#endif
