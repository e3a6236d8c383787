/* SPDX-License-Identifier: Apache-2.0 */
/* Schemata of linux.intelRdt; most hosts have no resctrl, so what touches it is judged by its error. */
#include <errno.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/box/rdt.h"
#include "tests/unit/unit.h"

static void expect(const struct oci_intel_rdt *c, const char *schemata)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	rdt_schemata(c, &out);
	ck_assert_str_eq(out.data ?: "", schemata);
}

START_TEST(schemata_are_put_together)
{
	const char *const more[] = {"L2:0=f", "MB:0=30", NULL};

	expect(&(struct oci_intel_rdt){0}, "");
	expect(&(struct oci_intel_rdt){.l3_cache_schema = "L3:0=7f0;1=1f"}, "L3:0=7f0;1=1f\n");
	expect(&(struct oci_intel_rdt){.mem_bw_schema = "MB:0=20"}, "MB:0=20\n");
	/* Bandwidth among the lines for caches counts only where there is no member for it. */
	expect(&(struct oci_intel_rdt){.l3_cache_schema = "L3:0=f\nMB:0=70\nL3CODE:0=3"},
		"L3:0=f\nMB:0=70\nL3CODE:0=3\n");
	expect(&(struct oci_intel_rdt){.l3_cache_schema = "L3:0=f\n MB:0=70\nL3CODE:0=3",
		       .mem_bw_schema = "MB:0=20"},
		"L3:0=f\nL3CODE:0=3\nMB:0=20\n");
	/* What is most exact comes last. */
	expect(&(struct oci_intel_rdt){.l3_cache_schema = "L3:0=f", .schemata = more},
		"L3:0=f\nL2:0=f\nMB:0=30\n");
}
END_TEST

START_TEST(a_class_that_is_there_is_compared)
{
	static const char present[] = "    L3:0=7ff;1=01f\n    MB:0= 20;1=100\n";

	ck_assert(rdt_schemata_match("", present));
	ck_assert(rdt_schemata_match("L3:0=7ff;1=1f\n", present));
	ck_assert(rdt_schemata_match("L3:1=1F\nMB:0=20\n", present));
	ck_assert(!rdt_schemata_match("L3:0=7fe\n", present));
	ck_assert(!rdt_schemata_match("L3:2=7ff\n", present));
	ck_assert(!rdt_schemata_match("L2:0=7ff\n", present));
	ck_assert(!rdt_schemata_match("MB:0=20\nL3:0=1\n", present));
	ck_assert(!rdt_schemata_match("nonsense\n", present));
	ck_assert(!rdt_schemata_match("L3:0\n", present));
}
END_TEST

START_TEST(a_host_without_resctrl_says_so)
{
	const struct oci_intel_rdt c = {.mem_bw_schema = "MB:0=20"};
	struct err err = ERR_INIT;
	struct rdt rdt;

	if (access("/sys/fs/resctrl/schemata", F_OK) == 0)
		return;
	ck_assert_int_eq(rdt_create(&c, "rdt-test", &rdt, &err), -ENOTSUP);
	ck_assert_str_eq(err.msg, "linux.intelRdt: no resctrl file system is mounted on this host "
				  "(it needs CPUs with RDT)");
	/* Never anything that is no resctrl, whatever a record says. */
	ck_assert_int_eq(rdt_remove("/tmp", &err), 0);
	ck_assert_int_eq(access("/tmp", F_OK), 0);
}
END_TEST

UNIT_MAIN("rdt", schemata_are_put_together, a_class_that_is_there_is_compared,
	a_host_without_resctrl_says_so)
