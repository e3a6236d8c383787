/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/ctl/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json.h"
#include "runtime/base/util.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/ctl/table.h"

/* Functions that are asked for at a time: far within what a JSON text may have. */
#define PAGE 2000

/* 0 when it is not there: the daemon may not know it yet. */
static int optional(const struct json_node *n, const char *key, uint64_t *ret, struct err *err)
{
	const struct json_node *value = json_get(n, key);

	*ret = 0;
	return value ? json_to_u64(value, ret, err) : 0;
}

int status_read(const struct json_node *n, struct status *ret, struct err *err)
{
	const struct json_node *recent = json_get(n, "recent");
	const struct {
		const struct json_node *of;
		const char *key;
		uint64_t *to;
	} numbers[] = {
		{n, "min", &ret->min},
		{n, "max", &ret->max},
		{n, "workers", &ret->workers},
		{n, "starting", &ret->starting},
		{n, "running", &ret->running},
		{n, "waiting", &ret->waiting},
		{n, "memory", &ret->memory},
		{n, "requests", &ret->requests},
		{n, "errors", &ret->errors},
		{recent, "ms", &ret->recent_ms},
		{recent, "requests", &ret->recent_requests},
		{recent, "errors", &ret->recent_errors},
		{recent, "p50", &ret->p50_ns},
		{recent, "p99", &ret->p99_ns},
	};

	if (json_need_str(n, "name", &ret->name, err) < 0 ||
		json_need_str(n, "tenant", &ret->tenant, err) < 0 ||
		json_need_bool(n, "drained", &ret->drained, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (optional(numbers[i].of, numbers[i].key, numbers[i].to, err) < 0)
			return -err->code;
	return 0;
}

static int make_room(struct status_list *l, size_t n_more, struct err *err)
{
	struct json_doc **pages = realloc(l->pages, (l->n_pages + 1) * sizeof(*pages));
	struct status *all = pages ? realloc(l->all, (l->n + n_more + 1) * sizeof(*all)) : NULL;

	if (pages)
		l->pages = pages;
	if (all)
		l->all = all;
	return all ? 0 : err_oom(err);
}

/* Behind the last one that there is. *ret_n: how many came. */
static int ask_page(struct status_list *l, size_t *ret_n, struct err *err)
{
	_cleanup_buf_ struct buf target = BUF_INIT;
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *root;

	buf_printf(&target, "/v1/status?limit=%d&after=", PAGE);
	if (l->n > 0)
		ctl_put_escaped(&target, l->all[l->n - 1].name);
	if (buf_failed(&target))
		return err_oom(err);
	if (ask_json(target.data, &doc, err) < 0)
		return -err->code;
	root = json_root(doc);
	*ret_n = json_count(root);
	if (make_room(l, *ret_n, err) < 0)
		return -err->code;
	l->pages[l->n_pages++] = take_ptr(&doc);
	json_for_each (n, root)
		if (status_read(n, &l->all[l->n++], err) < 0)
			return -err->code;
	return 0;
}

int status_list_ask(struct status_list *ret, struct err *err)
{
	size_t n;

	*ret = (struct status_list){0};
	do
		if (ask_page(ret, &n, err) < 0)
			return -err->code;
	while (n == PAGE);
	return 0;
}

void status_list_finish(struct status_list *l)
{
	for (size_t i = 0; i < l->n_pages; i++)
		json_free(l->pages[i]);
	free(l->pages);
	free(l->all);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? 1 : a > b ? -1 : 0;
}

static int compare(const void *a, const void *b)
{
	const struct status *one = a, *other = b;
	int r = compare_numbers(one->recent_requests, other->recent_requests);

	if (r == 0)
		r = compare_numbers(one->waiting, other->waiting);
	if (r == 0)
		r = compare_numbers(one->workers, other->workers);
	return r != 0 ? r : strcmp(one->name, other->name);
}

void status_list_sort(struct status_list *l)
{
	if (l->n > 0)
		qsort(l->all, l->n, sizeof(*l->all), compare);
}

struct table *status_table_create(void)
{
	static const struct table_column columns[] = {{"FUNCTION", false}, {"TENANT", false},
		{"WORKERS", true}, {"RUNNING", true}, {"WAITING", true}, {"REQ/S", true},
		{"ERR/S", true}, {"P50", true}, {"P99", true}, {"MEMORY", true}, {"", false}};

	return table_create(columns, ARRAY_SIZE(columns));
}

static double per_second(const struct status *s, uint64_t n)
{
	return s->recent_ms > 0 ? (double)n * 1000 / (double)s->recent_ms : 0;
}

static void put_workers(struct table *t, const struct status *s)
{
	if (s->starting > 0)
		table_printf(
			t, "%" PRIu64 "+%" PRIu64 "/%" PRIu64, s->workers, s->starting, s->max);
	else
		table_printf(t, "%" PRIu64 "/%" PRIu64, s->workers, s->max);
}

void status_table_put(struct table *t, const struct status *s)
{
	char amount[TABLE_AMOUNT_MAX];

	table_put(t, TABLE_PLAIN, s->name);
	table_put(t, TABLE_PLAIN, s->tenant);
	put_workers(t, s);
	table_printf(t, "%" PRIu64, s->running);
	table_printf(t, "%" PRIu64, s->waiting);
	table_printf(t, "%.1f", per_second(s, s->recent_requests));
	snprintf(amount, sizeof(amount), "%.1f", per_second(s, s->recent_errors));
	table_put(t, s->recent_errors > 0 ? TABLE_BAD : TABLE_PLAIN, amount);
	table_put(t, TABLE_PLAIN, table_time(s->p50_ns, amount));
	table_put(t, TABLE_PLAIN, table_time(s->p99_ns, amount));
	table_put(t, TABLE_PLAIN, table_bytes(s->memory, amount));
	table_put(t, TABLE_ODD, s->drained ? "drained" : "");
}
