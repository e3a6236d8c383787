/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/csv.h"
#include "tests/unit/unit.h"

static struct err err;

/* Reads all rows of a text, with a number in column `n`. -EINVAL and the sentence, or their sum. */
static double sum(const char *text)
{
	/* In a block of its own size, so that a sanitizer sees the first byte too many. */
	const size_t len = strlen(text);
	_cleanup_free_ char *data = malloc(len ? len : 1);
	_cleanup_csv_ struct csv c = CSV_INIT;
	unsigned column = 0;
	double v, total = 0;
	int r;

	for (size_t i = 0; i < len; i++)
		data[i] = text[i];
	err = (struct err)ERR_INIT;
	r = csv_init(&c, "t.csv", data, len, &err);
	if (r == 0)
		r = csv_column(&c, "n", &column, &err);
	while (r == 0 && (r = csv_next(&c, &err)) > 0) {
		r = csv_number(&c, column, 1e9, &v, &err);
		total += r == 0 ? v : 0;
	}
	return r < 0 ? r : total;
}

START_TEST(rows_are_read)
{
	ck_assert_double_eq(sum("a,n\nx,1\ny,2.5\n"), 3.5);
	ck_assert_double_eq(sum("a,n\r\nx,1\r\ny,2\r\n"), 3);
	ck_assert_double_eq(sum("n\n1e3\n7"), 1007);
	ck_assert_double_eq(sum("n,\n1,\n"), 1);
	ck_assert_double_eq(sum("n"), 0);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_line)
{
	static const struct {
		const char *text, *sentence;
	} bad[] = {
		{"", "t.csv: is empty"},
		{"\n", "t.csv:1: an empty line"},
		{"a,b\n1,2\n", "t.csv:1: no column 'n'"},
		{"a,n\nx,1\ny\n", "t.csv:3: 1 columns where the first line has 2"},
		{"a,n\nx,1,2\n", "t.csv:2: 3 columns where the first line has 2"},
		{"a,n\nx,1\n\ny,2\n", "t.csv:3: an empty line"},
		{"a,n\n\"x\",1\n", "t.csv:2: quoted fields are not supported"},
		{"a,n\nx\ty,1\n", "t.csv:2: a control character (9)"},
		{"n\n-1\n", "t.csv:2: column 'n' has '-1', which is negative"},
		{"n\n1\n2x\n", "t.csv:3: column 'n' has '2x', which is no number"},
		{"n\nnan\n", "t.csv:2: column 'n' has 'nan', which is no number"},
		{"n\n0x1\n", "t.csv:2: column 'n' has '0x1', which is no number"},
		{"n\n 1\n", "t.csv:2: column 'n' has ' 1', which is no number"},
		{"n,m\n,1\n", "t.csv:2: column 'n' has '', which is no number"},
		{"n\n1e10\n", "t.csv:2: column 'n' has '1e10', which is too much"},
		{"n\n1e999\n", "t.csv:2: column 'n' has '1e999', which is too much"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_double_eq(sum(bad[i].text), -EINVAL);
		ck_assert_str_eq(err.msg, bad[i].sentence);
	}
}
END_TEST

START_TEST(whole_numbers_have_digits_only)
{
	static const char data[] = "n\n18446744073709551615\n18446744073709551616\n1.0\n12\n";
	_cleanup_csv_ struct csv c = CSV_INIT;
	uint64_t v = 5;

	ck_assert_int_eq(csv_init(&c, "t.csv", data, sizeof(data) - 1, &err), 0);
	ck_assert_int_eq(csv_next(&c, &err), 1);
	ck_assert_int_eq(csv_count(&c, 0, UINT64_MAX, &v, &err), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
	v = 5;
	ck_assert_int_eq(csv_next(&c, &err), 1);
	ck_assert_int_eq(csv_count(&c, 0, UINT64_MAX, &v, &err), -EINVAL);
	ck_assert_str_eq(
		err.msg, "t.csv:3: column 'n' has '18446744073709551616', which is too much");
	ck_assert_int_eq(csv_next(&c, &err), 1);
	ck_assert_int_eq(csv_count(&c, 0, UINT64_MAX, &v, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "t.csv:4: column 'n' has '1.0', which is no whole number");
	ck_assert_uint_eq(v, 5);
	ck_assert_int_eq(csv_next(&c, &err), 1);
	ck_assert_int_eq(csv_count(&c, 0, 12, &v, &err), 0);
	ck_assert_uint_eq(v, 12);
	ck_assert_int_eq(csv_count(&c, 0, 11, &v, &err), -EINVAL);
	ck_assert_int_eq(csv_next(&c, &err), 0);
}
END_TEST

START_TEST(limits_hold)
{
	static char wide[2 * CSV_COLUMNS_MAX + 4], field[CSV_FIELD_MAX + 8];
	_cleanup_csv_ struct csv c = CSV_INIT;

	memset(wide, 'a', sizeof(wide));
	for (size_t i = 0; i < CSV_COLUMNS_MAX; i++)
		wide[2 * i + 1] = ',';
	ck_assert_int_eq(csv_init(&c, "t.csv", wide, 2 * CSV_COLUMNS_MAX - 1, &err), 0);
	ck_assert_uint_eq(c.n_columns, CSV_COLUMNS_MAX);
	csv_finish(&c);
	ck_assert_int_eq(csv_init(&c, "t.csv", wide, 2 * CSV_COLUMNS_MAX, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "t.csv:1: more than 4096 columns");
	memset(field, 'x', sizeof(field));
	ck_assert_int_eq(csv_init(&c, "t.csv", field, CSV_FIELD_MAX + 1, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "t.csv:1: a field of more than 1024 bytes");
	ck_assert_int_eq(csv_init(&c, "t.csv", "a\0b", 3, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "t.csv:1: a control character (0)");
}
END_TEST

UNIT_MAIN("sim csv", rows_are_read, what_is_wrong_is_said_with_its_line,
	whole_numbers_have_digits_only, limits_hold)
