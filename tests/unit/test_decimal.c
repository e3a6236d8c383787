/* SPDX-License-Identifier: Apache-2.0 */
/* Digits as printf() would write them. */
#include "runtime/base/decimal.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/unit/unit.h"

START_TEST(as_printf_has_it)
{
	static const uint64_t numbers[] = {0, 1, 9, 10, 99, 100, 4294967295, UINT64_MAX};
	char expected[32], got[DECIMAL_MAX + 1];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const int n = snprintf(expected, sizeof(expected), "%" PRIu64, numbers[i]);

		ck_assert_int_eq((int)decimal_put(got, numbers[i]), n);
		got[n] = '\0';
		ck_assert_str_eq(got, expected);
	}
}
END_TEST

UNIT_MAIN("decimal", as_printf_has_it)
