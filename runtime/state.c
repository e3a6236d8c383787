/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

int verb_state(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;
	int r;

	r = container_open(g->root, args[0], &c, err);
	if (r == 0)
		r = container_record(&c, &record, err);
	if (r < 0)
		return r;
	json_writer_init(&w, &out, true);
	record_write_state(&record, container_status(&c, &record), &w);
	if (buf_failed(&out))
		return err_oom(err);
	return print_out(out.data, err);
}
