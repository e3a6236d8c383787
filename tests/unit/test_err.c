/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/err.h"

#include <check.h>
#include <errno.h>

#include "tests/unit/unit.h"

START_TEST(sentence_names_what_and_why)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_set(&err, ENOENT, "open '%s'", "x"), -ENOENT);
	ck_assert_str_eq(err.msg, "open 'x': No such file or directory");
	ck_assert_int_eq(err_wrap(&err, "load bundle '%s'", "b"), -ENOENT);
	ck_assert_str_eq(err.msg, "load bundle 'b': open 'x': No such file or directory");
}
END_TEST

START_TEST(own_sentence_has_no_errno_text)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_say(&err, EINVAL, "id 'a/b': bad character '/'"), -EINVAL);
	ck_assert_str_eq(err.msg, "id 'a/b': bad character '/'");
}
END_TEST

START_TEST(long_text_is_marked_as_cut)
{
	struct err err = ERR_INIT;
	char text[2 * ERR_MSG_MAX];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_say(&err, EINVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.msg), ERR_MSG_MAX - 1);
	ck_assert_str_eq(err.msg + ERR_MSG_MAX - 4, "...");
}
END_TEST

UNIT_MAIN("err", sentence_names_what_and_why, own_sentence_has_no_errno_text,
	long_text_is_marked_as_cut)
