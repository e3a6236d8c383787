/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: sets that were applied before. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/rfc3339.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

static void write_entry(struct json_writer *w, const struct set_entry *e, unsigned current)
{
	char when[RFC3339_MAX];

	json_write_object_begin(w);
	json_write_member_u64(w, "set", e->number);
	json_write_member_str(w, "how", e->how);
	json_write_member_str(w, "time", rfc3339_seconds(e->time_s, when));
	json_write_member_u64(w, "bytes", e->size);
	json_write_member_bool(w, "served", e->number == current);
	json_write_object_end(w);
}

void admin_get_sets(const struct admin_call *call)
{
	const struct sets *sets = &call->control->sets;
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct set_entry entries[SETS_KEPT];
	struct err err = ERR_INIT;
	struct json_writer w;
	size_t n;

	if (sets_list(sets, entries, &n, &err) < 0) {
		web_fail(call->client, 500, err.msg);
		return;
	}
	json_writer_init(&w, &json, true);
	json_write_array_begin(&w);
	for (size_t i = 0; i < n; i++)
		write_entry(&w, &entries[i], sets->number);
	json_write_array_end(&w);
	web_answer_json(call->client, 200, &json);
}

/* NULL: answered. */
static char *read_set(const struct admin_call *call, size_t *ret_len)
{
	const char *text = call->parts.text[0];
	struct err err = ERR_INIT;
	char *set;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) {
		web_fail(call->client, 404, "a set has a number");
		return NULL;
	}
	if (sets_read(&call->control->sets, (unsigned)strtoul(text, NULL, 10), &set, ret_len,
		    &err) == 0)
		return set;
	web_fail(call->client, err.code == ENOENT ? 404 : 500, err.msg);
	return NULL;
}

void admin_get_set(const struct admin_call *call)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	text = read_set(call, &len);
	if (text)
		web_answer(call->client, 200, WEB_JSON, text, len);
}

void admin_post_rollback(const struct admin_call *call)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	text = read_set(call, &len);
	if (text)
		admin_apply(call, "rollback", text, len);
}
