/* SPDX-License-Identifier: Apache-2.0 */
/* Files of environment variables: what a line means, and which line is wrong. */
#include "aworker/env_file.h"

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

static const char *const given[] = {"HOME=/h", "A=old", NULL};

/* The variables, joined by "|". */
static void is_read_as(const char *text, const char *wanted)
{
	_cleanup_buf_ struct buf got = BUF_INIT;
	_cleanup_strv_ char **v = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(env_file_parse(text, strlen(text), "f", given, &v, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(v[0], "HOME=/h");
	for (char **p = v + 1; *p; p++)
		buf_printf(&got, "%s%s", p == v + 1 ? "" : "|", *p);
	ck_assert_str_eq(got.data, wanted);
}

START_TEST(lines)
{
	is_read_as("", "A=old");
	is_read_as("# only\n\n  # comments", "A=old");
	is_read_as("B=1\n C = two words \t# c\r\nexport D=#none\nE=a#b",
		"A=old|B=1|C=two words|D=|E=a#b");
	is_read_as("\xef\xbb\xbf"
		   "B=1",
		"A=old|B=1");
	is_read_as("B=1\nB=2", "A=old|B=2");
	is_read_as("A=new\nexportB=x\nB.c_1==", "A=old|exportB=x|B.c_1==");
}
END_TEST

START_TEST(quotes)
{
	is_read_as("B='a\\n\"#' # c\nC=\"x\\ny\\t\\\"\\\\\\$\\z\"",
		"A=old|B=a\\n\"#|C=x\ny\t\"\\$\\z");
	is_read_as("B='one\ntwo'\nC=`'\"`", "A=old|B=one\ntwo|C='\"");
	is_read_as("B=''\nC=it's", "A=old|B=|C=it's");
}
END_TEST

static void is_wrong(const char *text, size_t len, const char *wanted)
{
	char **v = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_lt(env_file_parse(text, len, "f", given, &v, &err), 0);
	ck_assert_ptr_null(v);
	ck_assert_str_eq(err.msg, wanted);
}

START_TEST(what_is_wrong)
{
	is_wrong("B=1\n\nnonsense\n", 14, "f:3: NAME=VALUE is expected");
	is_wrong("=1", 2, "f:1: NAME=VALUE is expected");
	is_wrong("1A=1", 4, "f:1: NAME=VALUE is expected");
	is_wrong("B='a\nb'\nC=\"x\n\n", 14, "f:3: the quote \" is not closed");
	is_wrong("B='x\ny' z", 9, "f:2: text behind the closing quote");
	is_wrong("A=\0", 3, "f: holds a NUL");
}
END_TEST

UNIT_MAIN("aworker_env_file", lines, quotes, what_is_wrong)
