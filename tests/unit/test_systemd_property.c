/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/base/buf.h"
#include "runtime/box/systemd_property.h"
#include "tests/unit/unit.h"

static struct err err;

START_TEST(values_become_lines_of_their_type)
{
	static const char *const cases[][3] = {
		{"KillSignal", "int32 37", "KillSignal i 37\n"},
		{"KillSignal", "37", "KillSignal i 37\n"},
		{"KillSignal", "-0x10", "KillSignal i -16\n"},
		{"TimeoutStopUSec", "uint64 18446744073709551615",
			"TimeoutStopUSec t 18446744073709551615\n"},
		{"Some", "int64 -9223372036854775808", "Some x -9223372036854775808\n"},
		{"Some", "byte 255", "Some y 255\n"},
		{"Some", "double 1", "Some d 1\n"},
		{"Some", "2.5", "Some d 2.5\n"},
		{"TimeoutStopSec", "uint64 5", "TimeoutStopUSec t 5000000\n"},
		{"TimeoutStopSec", "1.5", "TimeoutStopUSec t 1500000\n"},
		{"SendSIGHUP", "true", "SendSIGHUP b true\n"},
		{"CollectMode", "'inactive-or-failed'", "CollectMode s inactive-or-failed\n"},
		{"Description", "\"a 'b' \\\"c\\\\\" ", "Description s a 'b' \"c\\\n"},
		{"Description", "''", "Description s \n"},
		{"After", "['']", "After as \n"},
		{"After", "['', 'b.service', '']", "After as \tb.service\t\n"},
		{"After", "['a.service' , \"b.service\"]", "After as a.service\tb.service\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		ck_assert_msg(systemd_property_put(&b, cases[i][0], cases[i][1], &err) == 0, "%s",
			err.msg);
		ck_assert_str_eq(b.data, cases[i][2]);
	}
}
END_TEST

START_TEST(what_is_no_property_is_refused)
{
	static const char *const cases[][2] = {{"", "1"}, {"Ab", "1"}, {"Kill Signal", "1"},
		{"Kill\nSignal", "1"}, {"Some", ""}, {"Some", "yes"}, {"Some", "int32"},
		{"Some", "2147483648"}, {"Some", "int32 -2147483649"}, {"Some", "uint32 -1"},
		{"Some", "byte 256"}, {"Some", "uint64 18446744073709551616"}, {"Some", "1 2"},
		{"Some", "1e999"}, {"Some", "'a"}, {"Some", "'a' b"}, {"Some", "'a\nb'"},
		{"Some", "'a\\nb'"}, {"Some", "['a"}, {"Some", "['a',]"}, {"Some", "[1]"},
		{"Some", "['a\tb']"}, {"Some", "['a'] x"}, {"StopSec", "-1"}, {"StopSec", "nan"},
		{"StopSec", "1e20"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		ck_assert_msg(systemd_property_put(&b, cases[i][0], cases[i][1], &err) == -EINVAL,
			"%s: %s", cases[i][0], cases[i][1]);
		ck_assert_uint_eq(b.len, 0);
	}
	ck_assert_str_eq(err.msg,
		"annotations['org.systemd.property.StopSec']: '1e20' is none of true, false, "
		"'string', number, ['list', 'of', 'strings']");
}
END_TEST

START_TEST(long_values_are_refused)
{
	char text[SYSTEMD_PROPERTY_VALUE_MAX + 2];
	_cleanup_buf_ struct buf b = BUF_INIT;

	memset(text, 'x', sizeof(text));
	text[0] = text[SYSTEMD_PROPERTY_VALUE_MAX - 1] = '\'';
	text[SYSTEMD_PROPERTY_VALUE_MAX] = '\0';
	ck_assert_msg(systemd_property_put(&b, "Description", text, &err) == 0, "%s", err.msg);
	text[SYSTEMD_PROPERTY_VALUE_MAX - 1] = 'x';
	text[SYSTEMD_PROPERTY_VALUE_MAX] = '\'';
	text[SYSTEMD_PROPERTY_VALUE_MAX + 1] = '\0';
	ck_assert_int_eq(systemd_property_put(&b, "Description", text, &err), -EINVAL);
	ck_assert_str_eq(
		err.msg, "annotations['org.systemd.property.Description']: longer than 4096 bytes");
}
END_TEST

UNIT_MAIN("systemd_property", long_values_are_refused, values_become_lines_of_their_type,
	what_is_no_property_is_refused)
