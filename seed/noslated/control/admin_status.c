/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: how functions are. */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"
#include "seed/noslated/control/figures.h"

/* Of all functions, in the order of the set. */
struct status {
	struct figure *figures, all;
	unsigned *workers;
};

static void status_finish(struct status *s)
{
	free(s->figures);
	free(s->workers);
}

static void count_workers(const struct control *c, unsigned *n)
{
	for (struct worker *one = c->workers.first; one; one = worker_next(one)) {
		const struct profile_function *f = profile_set_find(&c->set, worker_function(one));

		if (f)
			n[f - c->set.functions]++;
	}
}

static bool status_take(const struct control *c, struct status *ret)
{
	const size_t n = c->set.n_functions + 1;

	ret->figures = calloc(n, sizeof(*ret->figures));
	ret->workers = calloc(n, sizeof(*ret->workers));
	if (!ret->figures || !ret->workers)
		return false;
	figures_read(c->figures, &c->set, ret->figures, &ret->all);
	count_workers(c, ret->workers);
	return true;
}

static void write_recent(const struct figure *figure, struct json_writer *w)
{
	if (figure->recent_ms == 0)
		return;
	json_write_key(w, "recent");
	json_write_object_begin(w);
	json_write_member_u64(w, "ms", figure->recent_ms);
	json_write_member_u64(w, "requests", figure->recent_requests);
	json_write_member_u64(w, "errors", figure->recent_errors);
	json_write_member_u64(w, "p50", figure->p50_ns);
	json_write_member_u64(w, "p99", figure->p99_ns);
	json_write_object_end(w);
}

static void write_function(
	const struct control *c, const struct status *s, size_t i, struct json_writer *w)
{
	const struct profile_function *f = &c->set.functions[i];
	const struct figure *figure = &s->figures[i];

	json_write_object_begin(w);
	json_write_member_str(w, "name", f->name);
	json_write_member_str(w, "tenant", f->tenant);
	json_write_member_u64(w, "min", f->replicas.min);
	json_write_member_u64(w, "max", f->replicas.max);
	json_write_member_bool(w, "drained", f->drained || c->drained);
	json_write_member_u64(w, "workers", s->workers[i]);
	json_write_member_u64(w, "starting", figure->starting);
	json_write_member_u64(w, "running", figure->running);
	json_write_member_u64(w, "waiting", figure->waiting);
	json_write_member_u64(w, "memory", figure->memory);
	json_write_member_u64(w, "requests", figure->requests);
	json_write_member_u64(w, "errors", figure->errors);
	json_write_member_u64(w, "cold", figure->cold);
	write_recent(figure, w);
	json_write_object_end(w);
}

void admin_write_status(
	const struct control *c, const struct profile_function *f, struct json_writer *w)
{
	_cleanup_(status_finish) struct status s = {0};

	if (status_take(c, &s))
		write_function(c, &s, (size_t)(f - c->set.functions), w);
	else
		json_write_null(w);
}

void admin_write_recent(const struct control *c, struct json_writer *w)
{
	_cleanup_(status_finish) struct status s = {0};

	if (status_take(c, &s))
		write_recent(&s.all, w);
}

/* Names are in order, so that pages of a set that changes meanwhile have none twice. */
static int read_page(
	const struct admin_call *call, size_t *ret_begin, size_t *ret_end, struct err *err)
{
	const struct profile_set *set = &call->control->set;
	const char *query = call->request->query;
	uint64_t limit = PROFILE_FUNCTIONS_MAX;
	char after[WEB_VALUE_MAX];
	size_t begin = 0;

	if (web_query_get(query, "after", after, err) < 0 ||
		web_query_number(query, "limit", PROFILE_FUNCTIONS_MAX, &limit, err) < 0)
		return -err->code;
	while (begin < set->n_functions && *after && strcmp(set->functions[begin].name, after) <= 0)
		begin++;
	*ret_begin = begin;
	*ret_end = limit < set->n_functions - begin ? begin + limit : set->n_functions;
	return 0;
}

void admin_get_status(const struct admin_call *call)
{
	const struct control *c = call->control;
	size_t begin = 0, end = 0;
	struct err err = ERR_INIT;
	_cleanup_(status_finish) struct status s = {0};
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	if (read_page(call, &begin, &end, &err) < 0) {
		web_fail(call->client, 400, err.msg);
		return;
	}
	if (!status_take(c, &s)) {
		web_fail(call->client, 503, "there is no memory left");
		return;
	}
	json_writer_init(&w, &json, false);
	json_write_array_begin(&w);
	for (size_t i = begin; i < end; i++)
		write_function(c, &s, i, &w);
	json_write_array_end(&w);
	buf_puts(&json, "\n");
	web_answer_json(call->client, 200, &json);
}
