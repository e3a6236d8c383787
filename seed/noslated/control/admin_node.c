/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: the daemon itself, and the node as a whole. */
#include <errno.h>
#include <unistd.h>

#include "runtime/base/paths.h"
#include "seed/noslated/control/admin_priv.h"
#include "seed/noslated/control/metrics.h"

void admin_get_health(const struct admin_call *call)
{
	const bool runs = data_plane_runs(call->control);
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"status\": \"%s\"}\n", runs ? "ok" : "no data plane");
	web_answer_json(call->client, runs ? 200 : 503, &json);
}

void admin_get_ready(const struct admin_call *call)
{
	metrics_answer_ready(call->control, call->client);
}

void admin_get_metrics(const struct admin_call *call)
{
	metrics_answer(call->control, call->client, call->request);
}

void admin_get_version(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"version\": \"" TURF_VERSION "\", \"set\": %u}\n",
		call->control->sets.number);
	web_answer_json(call->client, 200, &json);
}

static void write_paths(struct json_writer *w, const struct control_options *o)
{
	json_write_member_str(w, "run", o->run);
	json_write_member_str(w, "state", o->state);
	json_write_member_str(w, "log", o->log);
	json_write_member_str(w, "root", o->root);
	json_write_member_str(w, "seeds", paths_seeds_dir());
	json_write_key(w, "listen");
	json_write_array_begin(w);
	for (size_t i = 0; i < o->n_listen; i++)
		json_write_str(w, o->listen[i]);
	json_write_array_end(w);
}

void admin_get_node(const struct admin_call *call)
{
	const struct control *c = call->control;
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &json, true);
	json_write_object_begin(&w);
	json_write_member_str(&w, "version", TURF_VERSION);
	json_write_member_u64(&w, "set", c->sets.number);
	json_write_member_i64(&w, "pid", getpid());
	json_write_member_bool(&w, "dataPlane", data_plane_runs(c));
	json_write_member_bool(&w, "drained", c->drained);
	json_write_member_u64(&w, "functions", c->set.n_functions);
	json_write_member_u64(&w, "workers", c->workers.n);
	admin_write_recent(c, &w);
	write_paths(&w, c->options);
	json_write_object_end(&w);
	web_answer_json(call->client, 200, &json);
}

int admin_read_drained(const struct admin_call *call, bool *ret, struct err *err)
{
	const struct buf *body = &call->request->body;
	_cleanup_json_ struct json_doc *doc = NULL;

	if (json_parse(body->data ? body->data : "", body->len, &doc, err) < 0 ||
		json_is_object(json_root(doc), err) < 0 ||
		json_need_bool(json_root(doc), "drained", ret, err) < 0)
		return -err->code;
	if (json_count(json_root(doc)) > 1)
		return err_say(err, EINVAL, "more than 'drained'");
	return 0;
}

void admin_put_node_drained(const struct admin_call *call)
{
	const struct buf none = BUF_INIT;
	struct err err = ERR_INIT;
	bool drained;

	if (admin_read_drained(call, &drained, &err) < 0 ||
		control_drain(call->control, drained, &err) < 0)
		admin_refuse(call, &none, &err);
	else
		admin_get_version(call);
}
