/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/options.h"

#include <errno.h>

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

static struct {
	bool force;
	const char *bundle;
	const char *format;
	unsigned fds;
	bool shared;
	struct option_strings env;
} got;

static const char *const formats[] = {"table", "json", NULL};

static const struct option shared[] = {
	{"shared", 's', OPTION_FLAG, &got.shared, NULL, NULL, "from another table"},
};
static const struct option_table more = {shared, ARRAY_SIZE(shared), NULL};

static const struct option options[] = {
	{"force", 'f', OPTION_FLAG, &got.force, NULL, NULL, "force it"},
	{"bundle", 'b', OPTION_STRING, &got.bundle, "DIR", NULL, "where"},
	{"format", 0, OPTION_STRING, &got.format, "FORMAT", formats, "how"},
	{"preserve-fds", 0, OPTION_UNSIGNED, &got.fds, "N", NULL, NULL},
	{"env", 'e', OPTION_STRINGS, &got.env, "NAME=VALUE", NULL, "variables"},
};
static const struct option_table table = {options, ARRAY_SIZE(options), &more};

static char *words[16];

/* Parses what is in `words`; the arguments that are left go back into it. */
static int parse(bool first_only, size_t *n, struct err *err)
{
	free(got.env.list);
	memset(&got, 0, sizeof(got));
	return options_parse(&table, words, first_only, n, err);
}

#define PARSE(n, err, ...)                           \
	({                                           \
		char *list_[] = {__VA_ARGS__, NULL}; \
		memcpy(words, list_, sizeof(list_)); \
		parse(false, n, err);                \
	})

START_TEST(every_spelling_of_runc)
{
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(PARSE(&n, &err, "--bundle", "x", "--force", "--preserve-fds=7"), 0);
	ck_assert(got.force && got.fds == 7 && streq(got.bundle, "x") && n == 0);
	ck_assert_int_eq(PARSE(&n, &err, "-b", "y", "-f", "-s"), 0);
	ck_assert(got.force && got.shared && streq(got.bundle, "y"));
	ck_assert_int_eq(PARSE(&n, &err, "-bundle", "z", "-b=w", "--format=json"), 0);
	ck_assert_str_eq(got.bundle, "w");
	ck_assert_int_eq(PARSE(&n, &err, "--force", "--force=false", "--bundle="), 0);
	ck_assert(!got.force && streq(got.bundle, ""));
}
END_TEST

START_TEST(arguments_may_stand_anywhere)
{
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(PARSE(&n, &err, "id", "--force", "KILL", "-b", "dir"), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert(streq(words[0], "id") && streq(words[1], "KILL") && !words[2]);
	ck_assert(got.force && streq(got.bundle, "dir"));
	ck_assert_int_eq(PARSE(&n, &err, "-", "--", "--force", "--"), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert(streq(words[0], "-") && streq(words[1], "--force") && streq(words[2], "--"));
	ck_assert(!got.force);
}
END_TEST

START_TEST(options_of_a_verb_are_left_to_it)
{
	char *list[] = {"--force", "verb", "--unknown", "-b", NULL};
	struct err err = ERR_INIT;
	size_t n;

	memcpy(words, list, sizeof(list));
	ck_assert_int_eq(parse(true, &n, &err), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert(streq(words[0], "verb") && streq(words[2], "-b"));
}
END_TEST

START_TEST(lists_grow)
{
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(PARSE(&n, &err, "-e", "A=1", "x", "--env=B", "--env", "-c"), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(got.env.n, 3);
	ck_assert_str_eq(got.env.list[0], "A=1");
	ck_assert_str_eq(got.env.list[1], "B");
	ck_assert_str_eq(got.env.list[2], "-c");
	ck_assert_ptr_null(got.env.list[3]);
}
END_TEST

START_TEST(lists_have_an_end)
{
	struct option_strings full = {.n = OPTION_STRINGS_MAX};
	const struct option one = {"env", 0, OPTION_STRINGS, &full, "X", NULL, NULL};
	const struct option_table only = {&one, 1, NULL};
	char *list[] = {"--env", "x", NULL};
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(options_parse(&only, list, false, &n, &err), -E2BIG);
	ck_assert_str_eq(err.msg, "option '--env' more than 1024 times");
}
END_TEST

START_TEST(mistakes_are_one_sentence)
{
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(PARSE(&n, &err, "--no=1"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown option '--no'");
	ck_assert_int_eq(PARSE(&n, &err, "-9"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown option '-9'");
	ck_assert_int_eq(PARSE(&n, &err, "--bund", "x"), -EINVAL);
	ck_assert_int_eq(PARSE(&n, &err, "id", "--bundle"), -EINVAL);
	ck_assert_str_eq(err.msg, "option '--bundle' needs a value");
	ck_assert_int_eq(PARSE(&n, &err, "--force=perhaps"), -EINVAL);
	ck_assert_str_eq(err.msg, "option '--force': 'perhaps' is neither true nor false");
	ck_assert_int_eq(PARSE(&n, &err, "--format", "xml"), -EINVAL);
	ck_assert_str_eq(err.msg, "option '--format': 'xml' is none of table, json");
}
END_TEST

START_TEST(numbers_are_numbers)
{
	static const char *const bad[] = {
		"", "-1", " 1", "+1", "1x", "0x1", "4294967296", "99999999999999999999"};
	struct err err = ERR_INIT;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(PARSE(&n, &err, "--preserve-fds", (char *)bad[i]), -EINVAL);
	ck_assert_int_eq(PARSE(&n, &err, "--preserve-fds", "4294967295"), 0);
	ck_assert_uint_eq(got.fds, 4294967295u);
}
END_TEST

START_TEST(description_hides_what_has_no_help)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	options_describe(&table, &out);
	ck_assert_ptr_nonnull(strstr(out.data, "  -b, --bundle DIR"));
	ck_assert_ptr_nonnull(strstr(out.data, "  -s, --shared"));
	ck_assert_ptr_null(strstr(out.data, "preserve"));
	ck_assert_ptr_eq(options_find(&table, "--format=x"), &options[2]);
	ck_assert_ptr_null(options_find(&table, "format"));
}
END_TEST

UNIT_MAIN("options", every_spelling_of_runc, arguments_may_stand_anywhere,
	options_of_a_verb_are_left_to_it, lists_grow, lists_have_an_end, mistakes_are_one_sentence,
	numbers_are_numbers, description_hides_what_has_no_help)
