/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: workers. */
#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

static void write_worker(struct json_writer *w, const struct worker *one)
{
	json_write_object_begin(w);
	json_write_member_str(w, "name", worker_name(one));
	json_write_member_str(w, "function", worker_function(one));
	json_write_member_i64(w, "pid", worker_pid(one));
	json_write_member_str(w, "socket", worker_socket(one));
	json_write_member_bool(w, "stopping", worker_is_stopping(one));
	json_write_object_end(w);
}

void admin_write_workers(const struct control *c, const char *function, struct json_writer *w)
{
	json_write_array_begin(w);
	for (struct worker *one = c->workers.first; one; one = worker_next(one))
		if (!function || streq(worker_function(one), function))
			write_worker(w, one);
	json_write_array_end(w);
}

void admin_get_workers(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	char function[WEB_VALUE_MAX];
	struct err err = ERR_INIT;
	struct json_writer w;
	int r = web_query_get(call->request->query, "function", function, &err);

	if (r < 0) {
		web_fail(call->client, 400, err.msg);
		return;
	}
	json_writer_init(&w, &json, true);
	admin_write_workers(call->control, r > 0 ? function : NULL, &w);
	web_answer_json(call->client, 200, &json);
}
