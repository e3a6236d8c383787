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
 * In a fresh copy. Ranges that do not exist are skipped. prefault_warm() reads all but
 * what will be changed, and costs milliseconds; prefault_apply() makes that the copy's
 * own, and maps the files' pages unless it is `warm` already.
 */
void prefault_warm(const struct prefault *p);
void prefault_apply(const struct prefault *p, bool warm);

#endif
