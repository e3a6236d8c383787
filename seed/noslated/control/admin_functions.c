/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: the set of functions, and one of them. */
#include <errno.h>

#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

/* Events of a function that are part of its description. */
#define EVENTS_SHOWN 20

void admin_get_functions(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	profile_set_write(&call->control->set, &json);
	web_answer_json(call->client, 200, &json);
}

void admin_put_functions(const struct admin_call *call)
{
	const struct buf *body = &call->request->body;

	admin_apply(call, "apply", body->data ? body->data : "", body->len);
}

/* --- one function --- */

/* Numbers of the last ones, the oldest first. */
static size_t find_events(
	const struct events *events, const char *function, uint64_t ret[EVENTS_SHOWN])
{
	uint64_t found[EVENTS_SHOWN];
	size_t n = 0;

	for (uint64_t i = events_last(events); i >= events_first(events) && n < EVENTS_SHOWN; i--)
		if (streq(events_get(events, i)->function, function))
			found[n++] = i;
	for (size_t i = 0; i < n; i++)
		ret[i] = found[n - 1 - i];
	return n;
}

static void write_events(const struct events *events, const char *function, struct json_writer *w)
{
	uint64_t numbers[EVENTS_SHOWN];
	const size_t n = find_events(events, function, numbers);

	json_write_array_begin(w);
	for (size_t i = 0; i < n; i++)
		admin_write_event(w, events_get(events, numbers[i]));
	json_write_array_end(w);
}

void admin_get_function(const struct admin_call *call)
{
	const struct profile_function *f = admin_function(call);
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	if (!f)
		return;
	json_writer_init(&w, &json, true);
	json_write_object_begin(&w);
	json_write_key(&w, "profile");
	profile_function_write(f, &w);
	json_write_key(&w, "status");
	admin_write_status(call->control, f, &w);
	json_write_key(&w, "workers");
	admin_write_workers(call->control, f->name, &w);
	json_write_key(&w, "events");
	write_events(call->control->events, f->name, &w);
	json_write_object_end(&w);
	web_answer_json(call->client, 200, &json);
}

/* What is not given stays as it is. */
static int read_replicas(
	const struct admin_call *call, struct profile_replicas *io, struct err *err)
{
	const struct buf *body = &call->request->body;
	_cleanup_json_ struct json_doc *doc = NULL;

	if (json_parse(body->data ? body->data : "", body->len, &doc, err) < 0 ||
		json_is_object(json_root(doc), err) < 0)
		return -err->code;
	json_for_each (n, json_root(doc)) {
		uint32_t *to = streq(json_name(n), "min")   ? &io->min
			       : streq(json_name(n), "max") ? &io->max
							    : NULL;

		if (!to)
			return json_fail(n, err, "unknown member");
		if (json_to_u32(n, to, err) < 0)
			return -err->code;
	}
	if (io->max < 1 || io->max > PROFILE_REPLICAS_MAX)
		return err_say(err, EINVAL, "max: %u, not 1 to %d", io->max, PROFILE_REPLICAS_MAX);
	if (io->min > io->max)
		return err_say(err, EINVAL, "min: %u, more than max, %u", io->min, io->max);
	return 0;
}

static void set_replicas(struct profile_function *f, const void *arg)
{
	f->replicas = *(const struct profile_replicas *)arg;
}

void admin_put_replicas(const struct admin_call *call)
{
	const struct profile_function *f = admin_function(call);
	const struct buf none = BUF_INIT;
	struct profile_replicas replicas;
	struct err err = ERR_INIT;

	if (!f)
		return;
	replicas = f->replicas;
	if (read_replicas(call, &replicas, &err) < 0)
		admin_refuse(call, &none, &err);
	else
		admin_change(call, "scale", -1, set_replicas, &replicas);
}

static void set_drained(struct profile_function *f, const void *arg)
{
	f->drained = *(const bool *)arg;
}

void admin_put_drained(const struct admin_call *call)
{
	const struct profile_function *f = admin_function(call);
	const struct buf none = BUF_INIT;
	struct err err = ERR_INIT;
	bool drained;

	if (!f)
		return;
	if (admin_read_drained(call, &drained, &err) < 0)
		admin_refuse(call, &none, &err);
	else
		admin_change(call, drained ? "drain" : "resume",
			drained ? EVENT_DRAINED : EVENT_RESUMED, set_drained, &drained);
}
