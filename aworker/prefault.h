/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory every clone touches, learnt from one of them; see prefault.c. */
#ifndef AWORKER_PREFAULT_H
#define AWORKER_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFAULT_RANGES_MAX 1024

struct prefault {
	size_t n;
	struct prefault_range {
		uintptr_t start;
		uint32_t pages;
		bool write; /* it was changed, not only read */
	} ranges[PREFAULT_RANGES_MAX];
};

/*
 * In a copy that has done what all will do: what this process has changed of the
 * memory that it shares with its parent, and what it has read of files. What does not
 * fit is left out. Nothing is found where the kernel does not tell.
 */
void prefault_record(struct prefault *ret);

/* In a fresh copy. Ranges that do not exist are skipped. */
void prefault_apply(const struct prefault *p);

#endif
