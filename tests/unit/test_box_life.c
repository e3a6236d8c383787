/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/box_harness.h"

static struct box_test t;

START_TEST(runs_a_program_in_new_namespaces)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		box_json("echo $$; ls /; hostname; exit 7", "", "", "", "\"hostname\":\"boxed\""));
	ck_assert_str_eq(t.out, "1\nbin\ndev\netc\nproc\nsys\ntmp\nboxed\n");
	ck_assert_int_eq(WEXITSTATUS(t.status), 7);
	ck_assert_int_eq(t.warnings.len, 0);
	box_test_end(&t);
}
END_TEST

UNIT_MAIN("box_life", runs_a_program_in_new_namespaces)
