/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/clock.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static int64_t nanoseconds(const struct timespec *t)
{
	return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

/* Between two answers of the kernel's. */
static void agrees(clockid_t clock)
{
	struct timespec before, ours, after;

	ck_assert_int_eq(syscall(SYS_clock_gettime, clock, &before), 0);
	ck_assert_int_eq(clock_gettime(clock, &ours), 0);
	ck_assert_int_eq(syscall(SYS_clock_gettime, clock, &after), 0);
	ck_assert_int_le(nanoseconds(&before), nanoseconds(&ours));
	ck_assert_int_le(nanoseconds(&ours), nanoseconds(&after));
}

static void all_is_right(void)
{
	struct timespec now;
	struct timeval day;

	agrees(CLOCK_MONOTONIC);
	agrees(CLOCK_REALTIME);
	agrees(CLOCK_BOOTTIME);
	agrees(CLOCK_THREAD_CPUTIME_ID);
	errno = 0;
	ck_assert_int_eq(clock_gettime(4711, &now), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(gettimeofday(&day, NULL), 0);
	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &now), 0);
	ck_assert_int_lt(now.tv_sec - day.tv_sec, 10);
	ck_assert_int_ge(now.tv_sec - day.tv_sec, 0);
	ck_assert_int_lt(day.tv_usec, 1000000);
}

START_TEST(with_the_vdso)
{
	all_is_right();
	clock_use_vdso(getauxval(AT_SYSINFO_EHDR));
	all_is_right();
}
END_TEST

START_TEST(without_one)
{
	clock_use_vdso(0);
	all_is_right();
}
END_TEST

START_TEST(as_the_auxiliary_vector_says)
{
	const char *const *env = (const char *const *)environ;

	clock_use_vdso_of(env);
	all_is_right();
}
END_TEST

UNIT_MAIN("aworker_clock", with_the_vdso, without_one, as_the_auxiliary_vector_says)
