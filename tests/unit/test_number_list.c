/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/base/number_list.h"
#include "tests/unit/unit.h"

#define WORDS 2

static uint64_t mask[WORDS];
static struct err err;

START_TEST(numbers_and_ranges_become_bits)
{
	ck_assert_int_eq(number_list_parse("0-3,8", mask, WORDS, &err), 0);
	ck_assert_uint_eq(mask[0], 0x10f);
	ck_assert_uint_eq(mask[1], 0);
	ck_assert_int_eq(number_list_parse(" 63 - 64 , 127\n", mask, WORDS, &err), 0);
	ck_assert_uint_eq(mask[0], UINT64_C(1) << 63);
	ck_assert_uint_eq(mask[1], UINT64_C(1) << 63 | 1);
	ck_assert_int_eq(number_list_parse("", mask, WORDS, &err), 0);
	ck_assert_uint_eq(mask[0] | mask[1], 0);
}
END_TEST

START_TEST(what_is_no_list_is_refused)
{
	static const char *const bad[] = {
		"a", "1-", "-1", "3-1", "1 2", ",", "1,,2", "0-31:2/8", "all", "+1", "0x1"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(
			number_list_parse(bad[i], mask, WORDS, &err) == -EINVAL, "%s", bad[i]);
	ck_assert_int_eq(number_list_parse("128", mask, WORDS, &err), -ERANGE);
	ck_assert_int_eq(number_list_parse("0-18446744073709551616", mask, WORDS, &err), -ERANGE);
	ck_assert_str_eq(err.msg, "numbers go from 0 to 127");
}
END_TEST

UNIT_MAIN("number_list", numbers_and_ranges_become_bits, what_is_no_list_is_refused)
