/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/base/duration.h"
#include "tests/unit/unit.h"

#define DAY_MS UINT64_C(86400000)

START_TEST(durations_have_one_unit)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {{"1ms", 1}, {"500ms", 500}, {"5s", 5000}, {"010s", 10000}, {"2m", 120000},
		{"24h", DAY_MS}, {"86400000ms", DAY_MS}};
	uint64_t ms;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		ck_assert_msg(duration_parse(good[i].text, DAY_MS, &ms) == 0, "%s", good[i].text);
		ck_assert_uint_eq(ms, good[i].ms);
	}
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
	static const char *const bad[] = {
		"", "1", "s", "ms", "-1s", "+1s", " 1s", "1 s", "1s ", "1.5s", "1S", "1d", "1h30m"};
	static const char *const too_much[] = {
		"0s", "00ms", "25h", "86400001ms", "18446744073709551616ms", "18446744073709551h"};
	uint64_t ms = 7;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(duration_parse(bad[i], DAY_MS, &ms) == -EINVAL, "'%s'", bad[i]);
	for (size_t i = 0; i < ARRAY_SIZE(too_much); i++)
		ck_assert_msg(
			duration_parse(too_much[i], DAY_MS, &ms) == -ERANGE, "'%s'", too_much[i]);
	ck_assert_uint_eq(ms, 7);
}
END_TEST

UNIT_MAIN("duration", durations_have_one_unit, what_is_no_duration_is_refused)
