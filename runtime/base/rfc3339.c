/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/rfc3339.h"

#include <stdbool.h>
#include <stdio.h>

#define SECONDS_A_DAY 86400

/* The calendar repeats after 400 years. */
#define DAYS_A_CYCLE  146097
#define YEARS_A_CYCLE 400

struct date {
	int64_t year;
	unsigned month, day;
};

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % YEARS_A_CYCLE == 0);
}

static struct date date_of(int64_t days_since_1970)
{
	static const unsigned char months[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t cycles = days_since_1970 / DAYS_A_CYCLE;
	int64_t left = days_since_1970 % DAYS_A_CYCLE;
	struct date d = {.month = 1};

	if (left < 0) {
		left += DAYS_A_CYCLE;
		cycles--;
	}
	d.year = 1970 + cycles * YEARS_A_CYCLE;
	for (; left >= 365 + is_leap(d.year); d.year++)
		left -= 365 + is_leap(d.year);
	for (;; d.month++) {
		unsigned length = months[d.month - 1] + (d.month == 2 && is_leap(d.year));

		if (left < length)
			break;
		left -= length;
	}
	d.day = (unsigned)left + 1;
	return d;
}

static int put(int64_t seconds, char out[RFC3339_MAX])
{
	int64_t days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
	unsigned rest = (unsigned)(seconds - days * SECONDS_A_DAY);
	struct date d = date_of(days);

	return snprintf(out, RFC3339_MAX, "%04lld-%02u-%02uT%02u:%02u:%02u", (long long)d.year,
		d.month, d.day, rest / 3600, rest / 60 % 60, rest % 60);
}

char *rfc3339_seconds(int64_t seconds, char out[RFC3339_MAX])
{
	int n = put(seconds, out);

	snprintf(out + n, RFC3339_MAX - (size_t)n, "Z");
	return out;
}

char *rfc3339_nanoseconds(const struct timespec *t, char out[RFC3339_MAX])
{
	int n = put(t->tv_sec, out);

	snprintf(out + n, RFC3339_MAX - (size_t)n, ".%09ldZ", t->tv_nsec);
	return out;
}
