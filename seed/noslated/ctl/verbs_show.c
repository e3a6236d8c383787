/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that show what there is: functions, workers, the daemon. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/json.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/ctl/status.h"

/* Of `top`, between two looks. */
#define TOP_MS 2000
/* Its lines above and below the functions: what it is, the titles, and where the cursor stays. */
#define TOP_LINES 3

/* --- functions --- */

static int fill(const struct status_list *l, struct table *t)
{
	for (size_t i = 0; i < l->n; i++)
		status_table_put(t, &l->all[i]);
	return 0;
}

int verb_list(char **args UNUSED, struct err *err)
{
	_cleanup_(status_list_finish) struct status_list l = {0};
	_cleanup_table_ struct table *t = status_table_create();

	if (given.json)
		return ctl_get("/v1/status", err);
	if (!t)
		return err_oom(err);
	if (status_list_ask(&l, err) < 0)
		return -err->code;
	fill(&l, t);
	return ctl_print_table(t, err);
}

static int put_worker(struct table *t, const struct json_node *n, struct err *err)
{
	const char *name, *function;
	bool stopping;
	int64_t pid;

	if (json_need_str(n, "name", &name, err) < 0 ||
		json_need_str(n, "function", &function, err) < 0 ||
		json_need_i64(n, "pid", &pid, err) < 0 ||
		json_need_bool(n, "stopping", &stopping, err) < 0)
		return -err->code;
	table_put(t, TABLE_PLAIN, function);
	table_put(t, TABLE_PLAIN, name);
	table_printf(t, "%" PRId64, pid);
	table_put(t, TABLE_ODD, stopping ? "stopping" : "");
	return 0;
}

static int print_workers(const struct json_node *list, struct err *err)
{
	static const struct table_column columns[] = {
		{"FUNCTION", false}, {"WORKER", false}, {"PID", true}, {"", false}};
	_cleanup_table_ struct table *t = table_create(columns, ARRAY_SIZE(columns));

	if (!t)
		return err_oom(err);
	json_for_each (n, list)
		if (put_worker(t, n, err) < 0)
			return -err->code;
	return ctl_print_table(t, err);
}

int verb_workers(char **args, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_buf_ struct buf target = BUF_INIT;

	buf_puts(&target, "/v1/workers");
	if (args[0]) {
		buf_puts(&target, "?function=");
		ctl_put_escaped(&target, args[0]);
	}
	if (buf_failed(&target))
		return err_oom(err);
	if (given.json)
		return ctl_get(target.data, err);
	return ask_json(target.data, &doc, err) < 0 ? -err->code
						    : print_workers(json_root(doc), err);
}

/* --- one function --- */

static void put_value(struct buf *out, const struct json_node *n, unsigned depth);

static void put_members(struct buf *out, const struct json_node *n, unsigned depth)
{
	json_for_each (m, n) {
		for (unsigned i = 0; i < depth; i++)
			buf_puts(out, "  ");
		if (json_name(m)) {
			table_put_safely(out, json_name(m), strlen(json_name(m)));
			buf_puts(out, ":");
		} else {
			buf_puts(out, "-");
		}
		put_value(out, m, depth + 1);
	}
}

static void put_value(struct buf *out, const struct json_node *n, unsigned depth)
{
	struct err ignored;
	const char *text;
	uint64_t number;
	bool yes;

	switch (json_type(n)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		buf_puts(out, json_count(n) > 0 ? "\n" : " none\n");
		put_members(out, n, depth);
		return;
	case JSON_STRING:
		if (json_to_str(n, &text, &ignored) == 0) {
			buf_puts(out, " ");
			table_put_safely(out, text, strlen(text));
		}
		break;
	case JSON_BOOL:
		if (json_to_bool(n, &yes, &ignored) == 0)
			buf_puts(out, yes ? " yes" : " no");
		break;
	case JSON_NUMBER:
		if (json_to_u64(n, &number, &ignored) == 0)
			buf_printf(out, " %" PRIu64, number);
		break;
	case JSON_NULL: break;
	}
	buf_puts(out, "\n");
}

int verb_describe(char **args, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_buf_ struct buf target = BUF_INIT, out = BUF_INIT;

	ctl_put_function(&target, args[0], "");
	if (buf_failed(&target))
		return err_oom(err);
	if (given.json)
		return ctl_get(target.data, err);
	if (ask_json(target.data, &doc, err) < 0)
		return -err->code;
	put_members(&out, json_root(doc), 0);
	return buf_failed(&out) ? err_oom(err) : ctl_print(out.data, out.len, err);
}

/* --- top --- */

static volatile sig_atomic_t ended;

static void on_signal(int number UNUSED)
{
	ended = 1;
}

static void put_summary(const struct status_list *l, struct buf *out)
{
	uint64_t workers = 0, running = 0, waiting = 0, memory = 0;
	char amount[TABLE_AMOUNT_MAX];
	double rate = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct status *s = &l->all[i];

		workers += s->workers;
		running += s->running;
		waiting += s->waiting;
		memory += s->memory;
		if (s->recent_ms > 0)
			rate += (double)s->recent_requests * 1000 / (double)s->recent_ms;
	}
	buf_printf(out,
		"%zu functions, %" PRIu64 " workers with %s, %.1f requests a second, %" PRIu64
		" run, %" PRIu64 " wait\n",
		l->n, workers, table_bytes(memory, amount), rate, running, waiting);
}

static int look(bool screen, struct err *err)
{
	_cleanup_(status_list_finish) struct status_list l = {0};
	_cleanup_table_ struct table *t = status_table_create();
	_cleanup_buf_ struct buf out = BUF_INIT;
	unsigned columns = 0, rows = 0;

	if (!t)
		return err_oom(err);
	if (status_list_ask(&l, err) < 0)
		return -err->code;
	status_list_sort(&l);
	if (screen) {
		ctl_terminal_size(&columns, &rows);
		buf_puts(&out, "\033[H\033[J");
	}
	put_summary(&l, &out);
	fill(&l, t);
	if (!table_write(t, ctl_has_colour(), columns,
		    screen && rows > TOP_LINES ? rows - TOP_LINES : 0, &out))
		return err_oom(err);
	return ctl_print(out.data, out.len, err);
}

int verb_top(char **args UNUSED, struct err *err)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const struct timespec pause = {.tv_sec = TOP_MS / 1000, .tv_nsec = TOP_MS % 1000 * 1000000};
	const bool screen = isatty(STDOUT_FILENO) && !given.once;
	int r;

	if (given.json)
		return ctl_get("/v1/status", err);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Clearing moves what was there out of sight once; later only the place is used again. */
	do
		r = look(screen, err);
	while (r == 0 && screen && !ended && nanosleep(&pause, NULL) == 0);
	return r;
}

/* --- the daemon --- */

int verb_version(char **args UNUSED, struct err *err)
{
	return ctl_get("/v1/version", err);
}
