/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that change what is served, and those that print it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/profile/profile.h"

#define SET_NUMBER_MAX 999999999

/* What has no answer but that it is done. */
static int change(
	const char *method, const char *target, const char *body, size_t len, struct err *err)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	if (ask_well(method, target, body, len, &answer, err) < 0)
		return -err->code;
	return given.json ? ctl_print(answer.data, answer.len, err) : 0;
}

int verb_apply(char **args, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = streq(args[0], "-") ? file_read_fd(STDIN_FILENO, "standard input", ASK_BODY_MAX,
					      &text, &len, err)
				    : file_read(AT_FDCWD, args[0], ASK_BODY_MAX, &text, &len, err);

	return r < 0 ? r : change("PUT", "/v1/functions", text, len, err);
}

int verb_get(char **args UNUSED, struct err *err)
{
	return ctl_get("/v1/functions", err);
}

int verb_schema(char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	profile_schema_write(&out);
	return buf_failed(&out) ? err_oom(err) : ctl_print(out.data, out.len, err);
}

/* --- one function --- */

static int change_function(
	const char *name, const char *behind, const struct buf *body, struct err *err)
{
	_cleanup_buf_ struct buf target = BUF_INIT;

	ctl_put_function(&target, name, behind);
	if (buf_failed(&target) || buf_failed(body))
		return err_oom(err);
	return change("PUT", target.data, body->data, body->len, err);
}

int verb_scale(char **args, struct err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct json_writer w;
	uint64_t n;

	if (!given.min && !given.max)
		return err_say(err, EINVAL, "scale: --min, --max or both are needed");
	json_writer_init(&w, &body, false);
	json_write_object_begin(&w);
	if (given.min) {
		if (ctl_number("--min", given.min, PROFILE_REPLICAS_MAX, &n, err) < 0)
			return -err->code;
		json_write_member_u64(&w, "min", n);
	}
	if (given.max) {
		if (ctl_number("--max", given.max, PROFILE_REPLICAS_MAX, &n, err) < 0)
			return -err->code;
		json_write_member_u64(&w, "max", n);
	}
	json_write_object_end(&w);
	return change_function(args[0], "/replicas", &body, err);
}

static int set_drained(const char *function, bool drained, struct err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	buf_printf(&body, "{\"drained\": %s}", drained ? "true" : "false");
	if (function)
		return change_function(function, "/drained", &body, err);
	return buf_failed(&body) ? err_oom(err)
				 : change("PUT", "/v1/node/drained", body.data, body.len, err);
}

int verb_drain(char **args, struct err *err)
{
	return set_drained(args[0], true, err);
}

int verb_resume(char **args, struct err *err)
{
	return set_drained(args[0], false, err);
}

/* --- sets before --- */

static int put_set(struct table *t, const struct json_node *n, struct err *err)
{
	const char *how, *when;
	uint64_t number, bytes;
	char size[TABLE_AMOUNT_MAX];
	bool served;

	if (json_need_u64(n, "set", &number, err) < 0 || json_need_str(n, "how", &how, err) < 0 ||
		json_need_str(n, "time", &when, err) < 0 ||
		json_need_u64(n, "bytes", &bytes, err) < 0 ||
		json_need_bool(n, "served", &served, err) < 0)
		return -err->code;
	table_printf(t, "%u", (unsigned)number);
	table_put(t, TABLE_PLAIN, how);
	table_put(t, TABLE_PLAIN, when);
	table_put(t, TABLE_PLAIN, table_bytes(bytes, size));
	table_put(t, TABLE_GOOD, served ? "served" : "");
	return 0;
}

int verb_history(char **args UNUSED, struct err *err)
{
	static const struct table_column columns[] = {
		{"SET", true}, {"BY", false}, {"TIME", false}, {"SIZE", true}, {"", false}};
	_cleanup_table_ struct table *t = table_create(columns, ARRAY_SIZE(columns));
	_cleanup_json_ struct json_doc *doc = NULL;

	if (given.json)
		return ctl_get("/v1/sets", err);
	if (!t)
		return err_oom(err);
	if (ask_json("/v1/sets", &doc, err) < 0)
		return -err->code;
	json_for_each (n, json_root(doc))
		if (put_set(t, n, err) < 0)
			return -err->code;
	return ctl_print_table(t, err);
}

int verb_rollback(char **args, struct err *err)
{
	char target[64];
	uint64_t number;

	if (ctl_number("rollback", args[0], SET_NUMBER_MAX, &number, err) < 0)
		return -err->code;
	snprintf(target, sizeof(target), "/v1/sets/%u/rollback", (unsigned)number);
	return change("POST", target, NULL, 0, err);
}
