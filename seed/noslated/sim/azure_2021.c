/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of Azure Functions of 2021: when each request ended and how long it took. It says nothing about
 * memory or owners: a worker takes AZURE_2021_MEMORY, a tenant is an app.
 */
#include <errno.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/csv.h"
#include "seed/noslated/sim/input.h"
#include "seed/noslated/sim/names.h"
#include "seed/noslated/sim/workload.h"

#define AZURE_2021_MEMORY (UINT64_C(128) << 20)
#define NS_PER_S	  1e9
#define SECONDS_MAX	  (WORKLOAD_MINUTES_MAX * 60.0)
#define DURATION_MAX	  1e7 /* seconds */

enum { APP, FUNC, END, DURATION, COLUMNS };

static int take_row(const struct csv *c, const unsigned *columns, struct names *names,
	struct workload *w, const struct workload_options *o, struct workload_request *ret,
	struct err *err)
{
	const struct workload_function f = {
		.memory = AZURE_2021_MEMORY, .window_ns = WORKLOAD_MINUTE_NS};
	struct csv_field app, func, key;
	double end = 0, duration = 0, start;
	bool is_new = false;
	int r = csv_text(c, columns[APP], &app, err);

	if (r == 0)
		r = csv_text(c, columns[FUNC], &func, err);
	if (r == 0)
		r = csv_number(c, columns[END], SECONDS_MAX, &end, err);
	if (r == 0)
		r = csv_number(c, columns[DURATION], DURATION_MAX, &duration, err);
	if (r < 0)
		return r;
	/* The two stand side by side in the row: the key is both. */
	key = columns[FUNC] == columns[APP] + 1
		      ? (struct csv_field){app.text, app.len + 1 + func.len}
		      : func;
	if (names_add(names, &key, &ret->function, &is_new) < 0)
		return err_oom(err);
	if (is_new)
		r = workload_add_function(w, &app, &f, &ret->function, err);
	/* Some began before the trace did. */
	start = end > duration ? end - duration : 0;
	duration *= o->scale_duration;
	ret->time_ns = (uint64_t)(start * NS_PER_S);
	ret->duration_ns = duration * NS_PER_S < 1 ? 1 : (uint64_t)(duration * NS_PER_S);
	return r;
}

int azure_2021_load(
	struct workload *w, const char *path, const struct workload_options *o, struct err *err)
{
	static const char *const titles[COLUMNS] = {"app", "func", "end_timestamp", "duration"};
	_cleanup_names_ struct names *names = names_create();
	_cleanup_free_ char *data = NULL;
	_cleanup_csv_ struct csv c = CSV_INIT;
	struct workload_request request;
	unsigned columns[COLUMNS];
	uint64_t last = 0;
	size_t len;
	int r = names ? input_read(path, &data, &len, err) : err_oom(err);

	if (r == 0)
		r = csv_init(&c, path, data, len, err);
	for (size_t i = 0; r == 0 && i < COLUMNS; i++)
		r = csv_column(&c, titles[i], &columns[i], err);
	while (r == 0 && (r = csv_next(&c, err)) > 0) {
		r = take_row(&c, columns, names, w, o, &request, err);
		if (r == 0)
			r = workload_add_request(w, &request, err);
		if (r == 0 && request.time_ns > last)
			last = request.time_ns;
	}
	if (r == 0 && w->n_functions == 0)
		return err_say(err, EINVAL, "%s: no rows", path);
	if (r == 0)
		r = workload_settle(
			w, (uint32_t)(last / WORKLOAD_MINUTE_NS) + 1, o->from, o->to, err);
	return r;
}
