/* SPDX-License-Identifier: Apache-2.0 */
/* Where the machine code of V8 lies in memory; see text.c. */
#ifndef AWORKER_TEXT_H
#define AWORKER_TEXT_H

#include "runtime/base/err.h"

/*
 * Moves the code of the largest library of this process to huge pages. Everything
 * stays at its address. On failure nothing has changed; only speed depends on it.
 * No other thread may exist.
 */
int text_use_huge_pages(struct err *err);

#endif
