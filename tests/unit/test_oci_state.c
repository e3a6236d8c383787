/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "oci-spec/config.h"
#include "oci-spec/state.h"
#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

START_TEST(writes_what_hooks_read)
{
	const struct oci_pair annotations[] = {{"a", "1"}, {"b\"", ""}};
	const struct oci_state state = {
		.id = "c1",
		.status = OCI_STATUS_CREATED,
		.pid = 42,
		.bundle = "/b",
		.annotations = annotations,
		.n_annotations = 2,
	};
	_cleanup_buf_ struct buf out = BUF_INIT;

	oci_state_write(&state, &out);
	ck_assert(!buf_failed(&out));
	ck_assert_str_eq(out.data,
		"{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"pid\":42,\"status\":\"created\","
		"\"bundle\":\"/b\",\"annotations\":{\"a\":\"1\",\"b\\\"\":\"\"}}");
}
END_TEST

START_TEST(leaves_out_what_is_not_there)
{
	const struct oci_state state = {
		.oci_version = "1.0.2", .id = "c1", .status = OCI_STATUS_STOPPED, .bundle = "/b"};
	_cleanup_buf_ struct buf out = BUF_INIT;

	oci_state_write(&state, &out);
	ck_assert_str_eq(out.data, "{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"stopped\","
				   "\"bundle\":\"/b\"}");
}
END_TEST

START_TEST(names_are_words_of_the_specification)
{
	enum oci_status s;

	for (int i = OCI_STATUS_CREATING; i <= OCI_STATUS_PAUSED; i++) {
		ck_assert_int_eq(oci_status_parse(oci_status_name((enum oci_status)i), &s), 0);
		ck_assert_int_eq((int)s, i);
	}
	ck_assert_int_eq(oci_status_parse("Running", &s), -EINVAL);
	ck_assert_int_eq(oci_status_parse("", &s), -EINVAL);
}
END_TEST

UNIT_MAIN("oci-state", writes_what_hooks_read, leaves_out_what_is_not_there,
	names_are_words_of_the_specification)
