/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of Azure Functions of 2019: how often each function was called in each minute of a day,
 * percentiles of its durations, percentiles of the memory of its app. A tenant is an owner. Of an app each
 * function gets an equal share of the median of its memory, since what runs separately here was one process
 * there.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/csv.h"
#include "seed/noslated/sim/input.h"
#include "seed/noslated/sim/names.h"
#include "seed/noslated/sim/workload.h"

#define MINUTES_MAX	1440
#define MS_MAX		1e10 /* a request may take as long as 115 days */
#define MB_MAX		1e6
#define NS_PER_MS	1e6
#define BYTES_PER_MB	1048576.0
#define PER_MINUTE_MAX	10000000
#define DURATION_MIN_NS 1000.0
#define TABLES		3

enum { INVOCATIONS, DURATIONS, MEMORY };

struct table {
	char *path, *data; /* owned */
	size_t len;
	struct csv csv;
	struct names *rows; /* keys, in their order; of memory: apps */
};

struct app {
	uint64_t memory;
	unsigned functions;
};

struct trace {
	struct table t[TABLES];
	struct quantiles *durations; /* of row n of the table; owned */
	struct app *apps;	     /* owned */
	const struct workload_options *o;
};

static void trace_finish(struct trace *t)
{
	for (size_t i = 0; i < TABLES; i++) {
		csv_finish(&t->t[i].csv);
		names_destroy(t->t[i].rows);
		free(t->t[i].path);
		free(t->t[i].data);
	}
	free(t->durations);
	free(t->apps);
}

static int open_tables(struct trace *t, const char *path, struct err *err)
{
	static const char *const suffixes[TABLES] = {"_inv.csv", "_run.csv", "_mem.csv"};
	_cleanup_free_ char *prefix = NULL;
	int r = 0;

	if (input_is_directory(path))
		r = input_prefix(path, suffixes[INVOCATIONS], &prefix, err);
	for (size_t i = 0; r == 0 && i < TABLES; i++) {
		struct table *table = &t->t[i];

		r = input_find(prefix ?: path, suffixes[i], &table->path, err);
		if (r == 0)
			r = input_read(table->path, &table->data, &table->len, err);
		if (r == 0)
			r = csv_init(&table->csv, table->path, table->data, table->len, err);
		table->rows = names_create();
		if (r == 0 && !table->rows)
			r = err_oom(err);
	}
	return r;
}

/* A column with a name that no other row has. */
static int take_key(struct table *t, unsigned column, uint32_t *ret, struct err *err)
{
	struct csv_field key;
	bool is_new;
	int r = csv_text(&t->csv, column, &key, err);

	if (r < 0)
		return r;
	if (names_add(t->rows, &key, ret, &is_new) < 0)
		return err_oom(err);
	if (!is_new)
		return csv_fail(&t->csv, err, "'%.*s' is there already", (int)key.len, key.text);
	return 0;
}

static int take_durations(
	const struct trace *t, const unsigned *columns, struct quantiles *q, struct err *err)
{
	const struct csv *c = &t->t[DURATIONS].csv;

	for (size_t i = 0; i < QUANTILES_N; i++) {
		int r = csv_number(c, columns[i], MS_MAX, &q->value[i], err);

		if (r < 0)
			return r;
		q->value[i] *= NS_PER_MS * t->o->scale_duration;
		if (q->value[i] < DURATION_MIN_NS)
			q->value[i] = DURATION_MIN_NS;
		if (i > 0 && q->value[i] < q->value[i - 1])
			return csv_fail(c, err, "a percentile is below the one before");
	}
	return 0;
}

static int find_columns(const struct csv *c, const char *const *titles, unsigned n,
	unsigned *columns, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = csv_column(c, titles[i], &columns[i], err);
	return r;
}

/* Room for row `n` of an array that doubles when it is full. */
static int reserve(void *array, uint32_t n, size_t size, struct err *err)
{
	void **p = array;
	void *moved;

	if (n & (n - 1)) /* no power of two: there is room still */
		return 0;
	moved = reallocarray(*p, n ? 2 * (size_t)n : 1, size);
	if (!moved)
		return err_oom(err);
	*p = moved;
	return 0;
}

static int read_durations(struct trace *t, struct err *err)
{
	static const char *const titles[] = {"HashFunction", "percentile_Average_0",
		"percentile_Average_1", "percentile_Average_25", "percentile_Average_50",
		"percentile_Average_75", "percentile_Average_99", "percentile_Average_100"};
	struct table *table = &t->t[DURATIONS];
	unsigned columns[ARRAY_SIZE(titles)];
	uint32_t row;
	int r = find_columns(&table->csv, titles, ARRAY_SIZE(titles), columns, err);

	while (r == 0 && (r = csv_next(&table->csv, err)) > 0) {
		r = take_key(table, columns[0], &row, err);
		if (r == 0)
			r = reserve(&t->durations, row, sizeof(*t->durations), err);
		if (r == 0)
			r = take_durations(t, columns + 1, &t->durations[row], err);
	}
	return r;
}

static int read_memory(struct trace *t, struct err *err)
{
	static const char *const titles[] = {"HashApp", "AverageAllocatedMb_pct50"};
	struct table *table = &t->t[MEMORY];
	unsigned columns[ARRAY_SIZE(titles)];
	double mb = 0;
	uint32_t row;
	int r = find_columns(&table->csv, titles, ARRAY_SIZE(titles), columns, err);

	while (r == 0 && (r = csv_next(&table->csv, err)) > 0) {
		r = take_key(table, columns[0], &row, err);
		if (r == 0)
			r = csv_number(&table->csv, columns[1], MB_MAX, &mb, err);
		if (r == 0)
			r = reserve(&t->apps, row, sizeof(*t->apps), err);
		if (r == 0)
			t->apps[row] = (struct app){.memory = (uint64_t)(mb * BYTES_PER_MB)};
	}
	return r;
}

struct keys {
	unsigned function, app, owner, minutes[MINUTES_MAX];
	unsigned n_minutes;
};

static int find_keys(const struct csv *c, struct keys *k, struct err *err)
{
	struct err none = ERR_INIT;
	char title[32];
	int r = csv_column(c, "HashFunction", &k->function, err);

	if (r == 0)
		r = csv_column(c, "HashApp", &k->app, err);
	if (r == 0)
		r = csv_column(c, "HashOwner", &k->owner, err);
	for (k->n_minutes = 0; r == 0 && k->n_minutes < MINUTES_MAX; k->n_minutes++) {
		snprintf(title, sizeof(title), "minute_%u", k->n_minutes + 1);
		if (csv_column(c, title, &k->minutes[k->n_minutes], &none) < 0)
			break;
	}
	if (r == 0 && k->n_minutes == 0)
		return csv_column(c, "minute_1", &k->minutes[0], err);
	return r;
}

/* The row's entry in another table, which has to have one. */
static int look_up(
	const struct trace *t, int table, unsigned column, uint32_t *ret, struct err *err)
{
	const struct csv *c = &t->t[INVOCATIONS].csv;
	struct csv_field key;
	int r = csv_text(c, column, &key, err);

	if (r < 0)
		return r;
	if (!names_find(t->t[table].rows, &key, ret))
		return csv_fail(
			c, err, "'%.*s' is not in '%s'", (int)key.len, key.text, t->t[table].path);
	return 0;
}

static int take_function(struct trace *t, struct workload *w, const struct keys *k, struct err *err)
{
	struct table *table = &t->t[INVOCATIONS];
	struct workload_function f = {.window_ns = WORKLOAD_MINUTE_NS};
	struct csv_field owner;
	uint64_t count;
	uint32_t row, app = 0, duration = 0, id = 0;
	int r = take_key(table, k->function, &row, err);

	if (r == 0)
		r = look_up(t, DURATIONS, k->function, &duration, err);
	if (r == 0)
		r = look_up(t, MEMORY, k->app, &app, err);
	if (r == 0)
		r = csv_text(&table->csv, k->owner, &owner, err);
	if (r < 0)
		return r;
	f.duration_ns = t->durations[duration];
	f.memory = app; /* until all functions of the app are known */
	t->apps[app].functions++;
	r = workload_add_function(w, &owner, &f, &id, err);
	for (unsigned m = 0; r == 0 && m < k->n_minutes; m++) {
		r = csv_count(&table->csv, k->minutes[m], PER_MINUTE_MAX, &count, err);
		if (r == 0)
			r = workload_add_load(w, id, m, (uint32_t)count, err);
	}
	return r;
}

int azure_2019_load(
	struct workload *w, const char *path, const struct workload_options *o, struct err *err)
{
	_cleanup_(trace_finish) struct trace t = {.o = o};
	struct csv *c = &t.t[INVOCATIONS].csv;
	struct keys k;
	int r = open_tables(&t, path, err);

	if (r == 0)
		r = read_durations(&t, err);
	if (r == 0)
		r = read_memory(&t, err);
	if (r == 0)
		r = find_keys(c, &k, err);
	while (r == 0 && (r = csv_next(c, err)) > 0)
		r = take_function(&t, w, &k, err);
	if (r == 0 && w->n_functions == 0)
		return err_say(err, EINVAL, "%s: no rows", c->name);
	for (uint32_t i = 0; r == 0 && i < w->n_functions; i++) {
		const struct app *app = &t.apps[w->functions[i].memory];

		w->functions[i].memory = app->memory / app->functions;
	}
	if (r == 0)
		r = workload_settle(w, k.n_minutes, o->from, o->to, err);
	return r;
}
