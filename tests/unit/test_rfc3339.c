/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/rfc3339.h"

#include <stdlib.h>
#include <time.h>

#include "runtime/base/util.h"
#include "tests/unit/unit.h"

static void same_as_libc(int64_t seconds)
{
	char mine[RFC3339_MAX], theirs[RFC3339_MAX];
	time_t t = (time_t)seconds;
	struct tm tm;

	strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	ck_assert_str_eq(rfc3339_seconds(seconds, mine), theirs);
}

START_TEST(days_are_those_of_libc)
{
	static const int64_t edges[] = {0, -1, 59, 86399, 86400, 951782400, 951868799, 951868800,
		4107542399, 4107542400, 13574563200, 2147483647, 2147483648, 253402300799};

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
		same_as_libc(edges[i]);
	for (int64_t day = -25000; day < 200000; day += 7)
		same_as_libc(day * 86400 + day % 86400);
}
END_TEST

START_TEST(the_fraction_has_nine_digits)
{
	const struct timespec t = {.tv_sec = 1795508400, .tv_nsec = 42};
	char text[RFC3339_MAX];

	ck_assert_str_eq(rfc3339_nanoseconds(&t, text), "2026-11-24T08:20:00.000000042Z");
}
END_TEST

UNIT_MAIN("rfc3339", days_are_those_of_libc, the_fraction_has_nine_digits)
