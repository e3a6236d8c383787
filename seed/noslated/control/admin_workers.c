/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: workers. */
#include "seed/noslated/control/admin_priv.h"

void admin_get_workers(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &json, true);
	json_write_array_begin(&w);
	for (struct worker *one = call->control->workers.first; one; one = worker_next(one)) {
		json_write_object_begin(&w);
		json_write_member_str(&w, "name", worker_name(one));
		json_write_member_str(&w, "function", worker_function(one));
		json_write_member_i64(&w, "pid", worker_pid(one));
		json_write_member_str(&w, "socket", worker_socket(one));
		json_write_object_end(&w);
	}
	json_write_array_end(&w);
	web_answer_json(call->client, 200, &json);
}
