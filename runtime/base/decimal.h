/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as decimal digits, where printf() would be most of the work. */
#ifndef RUNTIME_BASE_DECIMAL_H
#define RUNTIME_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DECIMAL_MAX 20 /* digits of 2^64 - 1 */

/* How many digits were written; there is no NUL behind them. */
static inline size_t decimal_put(char to[DECIMAL_MAX], uint64_t n)
{
	char digits[DECIMAL_MAX];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + at, sizeof(digits) - at);
	return sizeof(digits) - at;
}

#endif
