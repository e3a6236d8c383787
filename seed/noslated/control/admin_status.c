/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: how functions are. */
#include <stdlib.h>

#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

static void write_function(const struct control *c, const struct profile_function *f,
	unsigned workers, struct json_writer *w)
{
	json_write_object_begin(w);
	json_write_member_str(w, "name", f->name);
	json_write_member_str(w, "tenant", f->tenant);
	json_write_member_u64(w, "min", f->replicas.min);
	json_write_member_u64(w, "max", f->replicas.max);
	json_write_member_bool(w, "drained", f->drained || c->drained);
	json_write_member_u64(w, "workers", workers);
	json_write_object_end(w);
}

void admin_write_status(
	const struct control *c, const struct profile_function *f, struct json_writer *w)
{
	unsigned n = 0;

	for (struct worker *one = c->workers.first; one; one = worker_next(one))
		n += streq(worker_function(one), f->name);
	write_function(c, f, n, w);
}

/* In the order of the set's functions. NULL: out of memory. */
static unsigned *count_workers(const struct control *c)
{
	const struct profile_set *set = &c->set;
	unsigned *n = calloc(set->n_functions + 1, sizeof(*n));

	for (struct worker *one = c->workers.first; n && one; one = worker_next(one)) {
		const struct profile_function *f = profile_set_find(set, worker_function(one));

		if (f)
			n[f - set->functions]++;
	}
	return n;
}

void admin_get_status(const struct admin_call *call)
{
	const struct control *c = call->control;
	_cleanup_free_ unsigned *workers = count_workers(c);
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct json_writer w;

	if (!workers) {
		web_fail(call->client, 503, "there is no memory left");
		return;
	}
	json_writer_init(&w, &json, false);
	json_write_array_begin(&w);
	for (size_t i = 0; i < c->set.n_functions; i++)
		write_function(c, &c->set.functions[i], workers[i], &w);
	json_write_array_end(&w);
	web_answer_json(call->client, 200, &json);
}
