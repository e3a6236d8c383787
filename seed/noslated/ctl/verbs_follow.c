/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that read lines as they come: what workers print, and what happens. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/base/json.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"

#define LINES_MAX    100000
#define TIME_LEN_MAX 24 /* to milliseconds: what is behind them helps nobody */

static int print_line(const struct buf *out, struct err *err)
{
	return buf_failed(out) ? err_oom(err) : ctl_print(out->data, out->len, err);
}

/* As it came: JSON already. */
static int print_json(const char *text, size_t len, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_put(&out, text, len);
	buf_puts(&out, "\n");
	return print_line(&out, err);
}

static void put_member(struct buf *out, const struct json_node *n, const char *key, size_t max)
{
	const struct json_node *value = json_get(n, key);
	struct err ignored;
	const char *text;
	size_t len;

	if (!value || json_to_str(value, &text, &ignored) < 0 || !*text)
		return;
	len = strlen(text);
	if (out->len > 0)
		buf_puts(out, " ");
	table_put_safely(out, text, max > 0 && len > max ? max : len);
}

static int print_members(const char *text, size_t len, const char *const *keys, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (given.json)
		return print_json(text, len, err);
	if (json_parse(text, len, &doc, err) < 0)
		return err_wrap(err, "noslated's answer");
	for (; *keys; keys++)
		put_member(
			&out, json_root(doc), *keys, streq(*keys, "time") ? TIME_LEN_MAX - 1 : 0);
	buf_puts(&out, "\n");
	return print_line(&out, err);
}

/* --- logs --- */

/* A line that was cut by a crash of the daemon is no JSON, and shown as it is. */
static int on_log_line(void *arg UNUSED, const char *text, size_t len, struct err *err)
{
	static const char *const keys[] = {"time", "worker", "text", NULL};
	_cleanup_buf_ struct buf out = BUF_INIT;
	const int r = print_members(text, len, keys, err);

	if (r != -EINVAL)
		return r;
	*err = (struct err)ERR_INIT;
	table_put_safely(&out, text, len);
	buf_puts(&out, "\n");
	return print_line(&out, err);
}

int verb_logs(char **args, struct err *err)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	uint64_t n;

	ctl_put_function(&target, args[0], "/log");
	buf_printf(&target, "?follow=%d", given.follow);
	if (given.lines) {
		if (ctl_number("--lines", given.lines, LINES_MAX, &n, err) < 0)
			return -err->code;
		buf_printf(&target, "&lines=%" PRIu64, n);
	}
	return buf_failed(&target) ? err_oom(err) : ask_lines(target.data, on_log_line, NULL, err);
}

/* --- events --- */

static int print_lost(const struct json_node *n, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	uint64_t from, to;

	if (json_need_u64(n, "from", &from, err) < 0 || json_need_u64(n, "to", &to, err) < 0)
		return -err->code;
	buf_printf(&out, "(events %" PRIu64 " to %" PRIu64 " are lost: too many at a time)\n", from,
		to);
	return print_line(&out, err);
}

static int on_event(void *arg UNUSED, const char *text, size_t len, struct err *err)
{
	static const char *const keys[] = {"time", "kind", "function", "worker", "text", NULL};
	_cleanup_json_ struct json_doc *doc = NULL;
	const char *kind;

	if (given.json)
		return print_json(text, len, err);
	if (json_parse(text, len, &doc, err) < 0 ||
		json_need_str(json_root(doc), "kind", &kind, err) < 0)
		return err_wrap(err, "noslated's answer");
	return streq(kind, "lost") ? print_lost(json_root(doc), err)
				   : print_members(text, len, keys, err);
}

int verb_events(char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	uint64_t since;

	buf_printf(&target, "/v1/events?follow=%d", given.follow);
	if (given.since) {
		if (ctl_number("--since", given.since, UINT64_MAX, &since, err) < 0)
			return -err->code;
		buf_printf(&target, "&since=%" PRIu64, since);
	}
	if (given.function) {
		buf_puts(&target, "&function=");
		ctl_put_escaped(&target, given.function);
	}
	return buf_failed(&target) ? err_oom(err) : ask_lines(target.data, on_event, NULL, err);
}
