/* SPDX-License-Identifier: Apache-2.0 */
/* A table with a column for each policy; where they do not fit beside each other there are several. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/report.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"

#define LABEL_WIDTH 24
#define COLUMN_MIN  12
#define WIDTH	    100
#define NS_PER_MS   1e6
#define GIB	    1073741824.0
#define BEST_BEGIN  "\033[1;32m"
#define HEAD_BEGIN  "\033[1m"
#define COLOUR_END  "\033[0m"
#define CELL_MAX    32

static double delay_ms(const struct meter *m, double p)
{
	return (double)histogram_quantile(&m->delay, p) / NS_PER_MS;
}

static double requests(const struct meter *m)
{
	return (double)m->requests;
}
static double cold(const struct meter *m)
{
	return 100 * meter_cold_ratio(m);
}
static double p50(const struct meter *m)
{
	return delay_ms(m, .5);
}
static double p90(const struct meter *m)
{
	return delay_ms(m, .9);
}
static double p99(const struct meter *m)
{
	return delay_ms(m, .99);
}
static double p999(const struct meter *m)
{
	return delay_ms(m, .999);
}
static double max(const struct meter *m)
{
	return (double)m->delay.max / NS_PER_MS;
}
static double instance_s(const struct meter *m)
{
	return m->worker_s;
}
static double busy_s(const struct meter *m)
{
	return m->busy_s;
}
static double waste(const struct meter *m)
{
	return 100 * meter_waste(m);
}
static double memory_gib_h(const struct meter *m)
{
	return m->memory_byte_s / GIB / 3600;
}
static double peak_gib(const struct meter *m)
{
	return (double)m->peak_memory / GIB;
}
static double peak(const struct meter *m)
{
	return m->peak;
}
static double starts(const struct meter *m)
{
	return (double)m->starts;
}
static double refused(const struct meter *m)
{
	return (double)meter_refused(m);
}
static double waiting(const struct meter *m)
{
	return (double)(m->requests - m->sent - meter_refused(m));
}
static double events(const struct meter *m)
{
	return (double)m->events;
}
static double speed(const struct meter *m)
{
	return m->wall_s > 0 ? (double)m->events / m->wall_s / 1e6 : 0;
}
static double wall(const struct meter *m)
{
	return m->wall_s;
}

static const struct row {
	const char *label;
	double (*value)(const struct meter *m);
	int digits;
	bool compared; /* less is better, and the best one is marked */
} rows[] = {
	{"requests", requests, 0, false},
	{"cold, %", cold, 3, true},
	{"queue delay p50, ms", p50, 2, true},
	{"queue delay p90, ms", p90, 2, true},
	{"queue delay p99, ms", p99, 2, true},
	{"queue delay p99.9, ms", p999, 2, true},
	{"queue delay max, ms", max, 2, true},
	{"instance-seconds", instance_s, 0, true},
	{"busy seconds", busy_s, 0, false},
	{"waste, %", waste, 2, true},
	{"memory, GiB hours", memory_gib_h, 1, true},
	{"peak memory, GiB", peak_gib, 2, true},
	{"peak workers", peak, 0, true},
	{"starts", starts, 0, true},
	{"refused", refused, 0, true},
	{"waiting at the end", waiting, 0, true},
	{"events", events, 0, false},
	{"million events a second", speed, 2, false},
	{"wall time, s", wall, 2, false},
};

/* With a blank between thousands. */
static void format(double v, int digits, char to[CELL_MAX])
{
	char plain[CELL_MAX];
	size_t n = (size_t)snprintf(plain, sizeof(plain), "%.*f", digits, v), k = 0;
	const size_t whole = digits ? n - (size_t)digits - 1 : n;

	for (size_t i = 0; i < n && k + 2 < CELL_MAX; i++) {
		if (i > 0 && i < whole && (whole - i) % 3 == 0 && whole > 4)
			to[k++] = ' ';
		to[k++] = plain[i];
	}
	to[k] = '\0';
}

static int width_of(const struct settings *s)
{
	const int len = (int)strlen(s->name);

	return 2 + (len > COLUMN_MIN ? len : COLUMN_MIN);
}

/* By what is printed, so that what looks the same is. */
static bool is_best(const struct report *r, const struct row *row, double v)
{
	const double scale = pow(10, row->digits);
	bool differ = false;

	for (size_t i = 0; i < r->n; i++) {
		const double other = round(row->value(&r->meters[i]) * scale);

		if (other < round(v * scale))
			return false;
		differ |= other > round(v * scale);
	}
	return differ;
}

static void print_row(
	const struct report *r, const struct row *row, size_t from, size_t to, bool colour)
{
	char cell[CELL_MAX];

	printf("%-*s", LABEL_WIDTH, row->label);
	for (size_t i = from; i < to; i++) {
		const double v = row->value(&r->meters[i]);
		const bool best = colour && row->compared && is_best(r, row, v);

		format(v, row->digits, cell);
		printf("%s%*s%s", best ? BEST_BEGIN : "", width_of(&r->settings[i]), cell,
			best ? COLOUR_END : "");
	}
	putchar('\n');
}

static void print_refusals(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (!meter_refused(&r->meters[i]))
			continue;
		printf("\nrefused by %s:", r->settings[i].name);
		for (size_t k = 0; record_refusals[k]; k++)
			if (r->meters[i].refused[k])
				printf(" %s %" PRIu64, record_refusals[k], r->meters[i].refused[k]);
	}
}

void report_table(const struct report *r, bool colour)
{
	const struct workload *w = r->workload;
	size_t from = 0;

	printf("%s: %" PRIu64 " requests of %u functions of %u tenants in %u minutes\n", r->source,
		w->total, w->n_functions, w->n_tenants, w->minutes);
	while (from < r->n) {
		int width = LABEL_WIDTH;
		size_t to = from;

		while (to < r->n && (to == from || width + width_of(&r->settings[to]) <= WIDTH))
			width += width_of(&r->settings[to++]);
		printf("\n%s%-*s", colour ? HEAD_BEGIN : "", LABEL_WIDTH, "");
		for (size_t i = from; i < to; i++)
			printf("%*s", width_of(&r->settings[i]), r->settings[i].name);
		printf("%s\n", colour ? COLOUR_END : "");
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			print_row(r, &rows[i], from, to, colour);
		from = to;
	}
	print_refusals(r);
}
