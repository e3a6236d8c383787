/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/options.h"

#include <errno.h>

#include "tests/unit/unit.h"

static struct options got;
static struct err err;

#define PARSE(...)                                   \
	({                                           \
		char *list_[] = {__VA_ARGS__, NULL}; \
		err = (struct err)ERR_INIT;          \
		options_parse(list_, &got, &err);    \
	})

START_TEST(containerds_own_command_line)
{
	ck_assert_int_eq(PARSE("-namespace", "k8s.io", "-address", "/run/c.sock", "-publish-binary",
				 "/usr/bin/containerd", "-id", "c1", "start"),
		0);
	ck_assert_str_eq(got.namespace, "k8s.io");
	ck_assert_str_eq(got.address, "/run/c.sock");
	ck_assert_str_eq(got.publish_binary, "/usr/bin/containerd");
	ck_assert_str_eq(got.id, "c1");
	ck_assert_str_eq(got.bundle, "");
	ck_assert_str_eq(got.action, "start");
	ck_assert(!got.debug && !got.version && !got.info);
	ck_assert_int_eq(
		PARSE("-namespace", "x", "-id", "c1", "-bundle", "/b", "-debug", "delete"), 0);
	ck_assert_str_eq(got.bundle, "/b");
	ck_assert_str_eq(got.action, "delete");
	ck_assert(got.debug);
}
END_TEST

START_TEST(every_spelling_of_gos_flags)
{
	ck_assert_int_eq(PARSE("--id", "a", "-namespace=b", "--address=c=d", "-bundle="), 0);
	ck_assert_str_eq(got.id, "a");
	ck_assert_str_eq(got.namespace, "b");
	ck_assert_str_eq(got.address, "c=d");
	ck_assert_str_eq(got.bundle, "");
	ck_assert_ptr_null(got.action);
	/* A value may look like a flag, or be empty. */
	ck_assert_int_eq(PARSE("-id", "-debug", "-socket", "", "-v"), 0);
	ck_assert_str_eq(got.id, "-debug");
	ck_assert_str_eq(got.socket, "");
	ck_assert(!got.debug && got.version);
	/* The last one counts. */
	ck_assert_int_eq(PARSE("-id", "a", "-id", "b"), 0);
	ck_assert_str_eq(got.id, "b");
}
END_TEST

START_TEST(switches_take_a_value_only_behind_the_sign)
{
	ck_assert_int_eq(PARSE("-debug=true", "-v=false", "-info=1", "--help=0", "start"), 0);
	ck_assert(got.debug && !got.version && got.info && !got.help);
	ck_assert_str_eq(got.action, "start");
	ck_assert_int_eq(PARSE("-debug", "-debug=false"), 0);
	ck_assert(!got.debug);
	ck_assert_int_eq(PARSE("-debug=perhaps"), -EINVAL);
	ck_assert_str_eq(err.msg, "-debug takes true or false, not 'perhaps'");
	ck_assert_int_eq(PARSE("-debug", "false"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown action 'false': it is start or delete");
}
END_TEST

START_TEST(mistakes_are_one_sentence)
{
	ck_assert_int_eq(PARSE("-bundles", "x"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown option '-bundles'");
	ck_assert_int_eq(PARSE("-i=x"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown option '-i=x'");
	ck_assert_int_eq(PARSE("-id"), -EINVAL);
	ck_assert_str_eq(err.msg, "option '-id' needs a value");
	ck_assert_int_eq(PARSE("stop"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown action 'stop': it is start or delete");
	ck_assert_int_eq(PARSE("start", "-id", "x"), -EINVAL);
	ck_assert_str_eq(err.msg, "one argument too many: '-id'");
	ck_assert_int_eq(PARSE("-"), -EINVAL);
	ck_assert_str_eq(err.msg, "unknown action '-': it is start or delete");
}
END_TEST

START_TEST(nothing_at_all_is_no_action)
{
	char *none[] = {NULL};

	ck_assert_int_eq(options_parse(none, &got, &err), 0);
	ck_assert_ptr_null(got.action);
	ck_assert_str_eq(got.id, "");
}
END_TEST

UNIT_MAIN("shim options", containerds_own_command_line, every_spelling_of_gos_flags,
	switches_take_a_value_only_behind_the_sign, mistakes_are_one_sentence,
	nothing_at_all_is_no_action)
