/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory every clone touches, learnt from one of them; see prefault.c. */
#ifndef AWORKER_PREFAULT_H
#define AWORKER_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFAULT_RANGES_MAX 4096

enum prefault_kind {
	PREFAULT_CHANGED, /* not the parent's any more */
	PREFAULT_SHARED,  /* the parent's still, whether it was read or not */
	PREFAULT_FILE,
};

struct prefault {
	size_t n;
	struct prefault_range {
		uintptr_t start;
		uint32_t pages;
		uint32_t kind; /* enum prefault_kind */
	} ranges[PREFAULT_RANGES_MAX];
};

/*
 * In a copy that has done what all will do: the private memory that is there. What does
 * not fit is left out. Nothing is found where the kernel does not tell.
 */
void prefault_record(struct prefault *ret);

/*
 * In the original: its copies are born with all that is only read. Costs milliseconds, and
 * a page of memory for each mapping.
 */
void prefault_share(const struct prefault *p);

/* In a copy: what will be changed becomes its own. Ranges that do not exist are skipped. */
void prefault_apply(const struct prefault *p);

#endif
