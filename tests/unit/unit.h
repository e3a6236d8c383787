/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main() of a unit test: UNIT_MAIN("module", case, case, ...). Check runs
 * each case in a child of its own, so that a crash fails only its case.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "runtime/base/util.h"

#define UNIT_MAIN(module, ...)                                     \
	int main(void)                                             \
	{                                                          \
		const TTest *const cases[] = {__VA_ARGS__};        \
		return unit_run(module, cases, ARRAY_SIZE(cases)); \
	}

static inline int unit_run(const char *module, const TTest *const *cases, size_t n)
{
	Suite *suite = suite_create(module);
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, cases[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
