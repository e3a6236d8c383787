/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of CPUs and memory nodes as in cpuset(7), "0-3,8", as the bits that system calls take. */
#ifndef RUNTIME_BASE_NUMBER_LIST_H
#define RUNTIME_BASE_NUMBER_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

/*
 * Numbers and ascending ranges, separated by commas; blanks around them are fine, and
 * nothing at all is an empty set. Bit N of the mask of `words` words, which is cleared
 * first, is number N. -EINVAL for anything else, -ERANGE for a number without a bit.
 */
int number_list_parse(const char *list, uint64_t *mask, size_t words, struct err *err);

#endif
