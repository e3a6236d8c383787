/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table on stdout and the rows in $B/bench/NAME.json: case, metric, value,
 * unit, baseline, ratio, bar, ok; `reason` where the value is null; `quantiles`
 * (0, 5, 25, 50, 75, 95, 99, 100 %) where a distribution is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/paths.h"
#include "tests/bench/bench.h"

struct bench_report {
	const char *name;
	struct buf table;
	struct buf json;
	struct buf notes;
	size_t n_rows;
};

struct bench_report *bench_report_open(const char *name)
{
	struct bench_report *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->name = name;
	buf_printf(&r->table, "%-34s %-10s %10s  %-5s %s\n", "case", "metric", "value", "unit",
		"against");
	return r;
}

static void put_string(struct buf *b, const char *s)
{
	struct json_writer w;

	if (!s) {
		buf_puts(b, "null");
		return;
	}
	json_writer_init(&w, b, false);
	json_write_str(&w, s);
}

/* Bare digits; JSON knows no NaN. */
static void put_number(struct buf *b, double v)
{
	if (isnan(v))
		buf_puts(b, "null");
	else
		buf_printf(b, "%.4g", v);
}

static void put_quantiles(struct buf *b, struct bench_samples *samples)
{
	static const double at[] = {0, .05, .25, .5, .75, .95, .99, 1};

	buf_puts(b, ",\"quantiles\":[");
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		if (i > 0)
			buf_puts(b, ",");
		put_number(b, bench_quantile(samples, at[i]) / 1e3);
	}
	buf_puts(b, "]");
}

static const char *verdict(const struct bench_row *row)
{
	if (isnan(row->bar) || isnan(row->value))
		return "null";
	switch (row->bar_kind) {
	case BENCH_VALUE_AT_MOST: return row->value <= row->bar ? "true" : "false";
	case BENCH_VALUE_AT_LEAST: return row->value >= row->bar ? "true" : "false";
	case BENCH_RATIO_AT_MOST: return row->ratio <= row->bar ? "true" : "false";
	case BENCH_RATIO_AT_LEAST: return row->ratio >= row->bar ? "true" : "false";
	}
	return "null";
}

static bool is_at_least(const struct bench_row *row)
{
	return row->bar_kind == BENCH_VALUE_AT_LEAST || row->bar_kind == BENCH_RATIO_AT_LEAST;
}

static void put_json(struct bench_report *r, const struct bench_row *row)
{
	struct buf *b = &r->json;

	buf_puts(b, r->n_rows++ ? ",\n " : "[");
	buf_puts(b, "{\"case\":");
	put_string(b, row->name);
	buf_puts(b, ",\"metric\":");
	put_string(b, row->metric);
	buf_puts(b, ",\"value\":");
	put_number(b, row->value);
	buf_puts(b, ",\"unit\":");
	put_string(b, row->unit);
	buf_puts(b, ",\"baseline\":");
	put_string(b, row->baseline);
	buf_puts(b, ",\"ratio\":");
	put_number(b, row->ratio);
	buf_puts(b, ",\"bar\":");
	put_number(b, row->bar);
	buf_printf(b, ",\"ok\":%s", verdict(row));
	if (row->reason) {
		buf_puts(b, ",\"reason\":");
		put_string(b, row->reason);
	}
	if (row->samples && row->samples->n > 0)
		put_quantiles(b, row->samples);
	buf_puts(b, "}");
}

void bench_report_row(struct bench_report *r, const struct bench_row *row)
{
	put_json(r, row);
	if (isnan(row->value)) {
		buf_printf(&r->table, "%-34s %-10s %10s  %-5s %s\n", row->name, row->metric, "-",
			row->unit, row->reason ? row->reason : "");
		return;
	}
	buf_printf(&r->table, "%-34s %-10s %10.4g  %-5s", row->name, row->metric, row->value,
		row->unit);
	if (row->baseline && !isnan(row->ratio))
		buf_printf(&r->table, " %.2f of %s", row->ratio, row->baseline);
	if (!isnan(row->bar))
		buf_printf(&r->table, " (bar %s %.4g: %s)",
			is_at_least(row) ? ">=" : "<=", row->bar,
			streq(verdict(row), "true") ? "holds" : "missed");
	buf_puts(&r->table, "\n");
}

static void report_metric(struct bench_report *r, struct bench_case *c, struct bench_case *against,
	const char *metric, double p, bool cpu)
{
	struct bench_samples *s = cpu ? &c->cpu : &c->wall;
	double value = bench_quantile(s, p) / 1e3;
	double theirs =
		against ? bench_quantile(cpu ? &against->cpu : &against->wall, p) / 1e3 : NAN;
	const struct bench_row row = {
		.name = c->name,
		.metric = metric,
		.unit = "ms",
		.value = value,
		.baseline = against ? against->name : NULL,
		.ratio = value / theirs,
		.bar = NAN,
		.reason = isnan(value) ? c->missing : NULL,
		.samples = s,
	};

	bench_report_row(r, &row);
}

void bench_report_cases(struct bench_report *r, struct bench_case *cases, size_t n,
	const size_t *baselines, size_t n_b)
{
	static const struct {
		const char *name;
		double p;
		bool cpu;
	} metrics[] = {
		{"wall p10", .1, false},
		{"wall p50", .5, false},
		{"wall p99", .99, false},
		{"CPU p50", .5, true},
		{"CPU p99", .99, true},
	};

	for (size_t m = 0; m < ARRAY_SIZE(metrics); m++) {
		for (size_t i = 0; i < n; i++) {
			bool has = false;

			if (metrics[m].cpu && cases[i].wall.n > 0 && cases[i].cpu.n == 0)
				continue;
			for (size_t k = 0; i == 0 && k < n_b; k++) {
				if (cases[baselines[k]].wall.n == 0)
					continue;
				report_metric(r, &cases[0], &cases[baselines[k]], metrics[m].name,
					metrics[m].p, metrics[m].cpu);
				has = true;
			}
			if (!has)
				report_metric(r, &cases[i], NULL, metrics[m].name, metrics[m].p,
					metrics[m].cpu);
		}
	}
}

void bench_report_ratio(
	struct bench_report *r, struct bench_case *cases, size_t which, size_t against, double bar)
{
	const double value = bench_quantile(&cases[which].wall, .5) / 1e3;

	bench_report_row(r, &(struct bench_row){
				    .name = cases[which].name,
				    .metric = "wall p50",
				    .unit = "ms",
				    .value = value,
				    .baseline = cases[against].name,
				    .ratio = value * 1e3 / bench_quantile(&cases[against].wall, .5),
				    .bar = bar,
				    .bar_kind = BENCH_RATIO_AT_MOST,
				    .reason = cases[which].missing ?: cases[against].missing,
			    });
}

void bench_report_note(struct bench_report *r, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_printf(&r->notes, "%s\n", line);
}

int bench_report_close(struct bench_report *r)
{
	_cleanup_free_ char *dir = strdup(bench_program("bench"));
	struct err err = ERR_INIT;
	char path[4096];
	int rc = 0;

	buf_puts(&r->json, r->n_rows ? "]\n" : "[]\n");
	if (!dir || buf_failed(&r->json) || buf_failed(&r->table))
		abort();
	snprintf(path, sizeof(path), "%s/%s.json", dir, r->name);
	if (paths_mkdir_all(dir, 0755, &err) < 0 ||
		file_write_atomic(AT_FDCWD, path, r->json.data, r->json.len, 0644, &err) < 0) {
		fprintf(stderr, "bench: %s\n", err.msg);
		rc = 1;
	}
	fwrite(r->table.data, 1, r->table.len, stdout);
	if (r->notes.len)
		fwrite(r->notes.data, 1, r->notes.len, stdout);
	printf("rows: %s\n", path);
	buf_finish(&r->table);
	buf_finish(&r->json);
	buf_finish(&r->notes);
	free(r);
	return rc;
}

void bench_report_kib(
	struct bench_report *r, const char *name, double value, double bar, const struct err *err)
{
	bench_report_row(r, &(struct bench_row){
				    .name = name,
				    .metric = "private memory",
				    .unit = "KiB",
				    .value = value,
				    .ratio = NAN,
				    .bar = bar,
				    .reason = isnan(value) ? err->msg : NULL,
			    });
}
