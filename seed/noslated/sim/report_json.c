/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/report.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"

#define NS_PER_MS 1e6

static void number(struct json_writer *w, double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.9g", v);
	json_write_number(w, text);
}

static void member(struct json_writer *w, const char *key, double v)
{
	json_write_key(w, key);
	number(w, v);
}

static void write_workload(const struct report *r, struct json_writer *w)
{
	json_write_key(w, "workload");
	json_write_object_begin(w);
	json_write_member_str(w, "source", r->source);
	json_write_member_u64(w, "functions", r->workload->n_functions);
	json_write_member_u64(w, "tenants", r->workload->n_tenants);
	json_write_member_u64(w, "firstMinute", r->workload->begin + 1);
	json_write_member_u64(w, "minutes", r->workload->minutes);
	json_write_member_u64(w, "requests", r->workload->total);
	json_write_object_end(w);
}

static void write_node(const struct report *r, struct json_writer *w)
{
	json_write_key(w, "node");
	json_write_object_begin(w);
	json_write_member_u64(w, "seed", r->seed);
	json_write_member_u64(w, "concurrency", r->concurrency);
	member(w, "scaleDuration", r->scale_duration);
	member(w, "startMs", r->start_ms);
	member(w, "startP99Ms", r->start_p99_ms);
	json_write_member_u64(w, "memory", r->limits.memory);
	json_write_member_u64(w, "starting", r->limits.starting);
	json_write_member_u64(w, "running", r->limits.running);
	json_write_member_u64(w, "waiting", r->limits.waiting);
	json_write_object_end(w);
}

static void write_delay(const struct meter *m, struct json_writer *w)
{
	static const struct {
		const char *key;
		double p;
	} at[] = {{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p999", .999}};

	json_write_key(w, "delayMs");
	json_write_object_begin(w);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		member(w, at[i].key, (double)histogram_quantile(&m->delay, at[i].p) / NS_PER_MS);
	member(w, "max", (double)m->delay.max / NS_PER_MS);
	json_write_object_end(w);
}

static void write_counts(const struct meter *m, struct json_writer *w)
{
	const uint64_t refused = meter_refused(m);

	json_write_member_u64(w, "requests", m->requests);
	json_write_member_u64(w, "sent", m->sent);
	json_write_member_u64(w, "done", m->done);
	json_write_member_u64(w, "waited", m->waited);
	json_write_member_u64(w, "cold", m->cold);
	member(w, "coldRatio", meter_cold_ratio(m));
	json_write_member_u64(w, "waitingAtEnd", m->requests - m->sent - refused);
	json_write_key(w, "refused");
	json_write_object_begin(w);
	for (size_t i = 0; record_refusals[i]; i++)
		json_write_member_u64(w, record_refusals[i], m->refused[i]);
	json_write_object_end(w);
}

static void write_use(const struct meter *m, struct json_writer *w)
{
	member(w, "instanceSeconds", m->worker_s);
	member(w, "busySeconds", m->busy_s);
	member(w, "wasteRatio", meter_waste(m));
	member(w, "memoryByteSeconds", m->memory_byte_s);
	json_write_member_u64(w, "peakMemory", m->peak_memory);
	json_write_member_u64(w, "peakWorkers", m->peak);
	json_write_member_u64(w, "starts", m->starts);
	json_write_member_u64(w, "events", m->events);
}

/* The only part that two runs of the same do not have in common. */
static void write_speed(const struct meter *m, struct json_writer *w)
{
	json_write_key(w, "speed");
	json_write_object_begin(w);
	member(w, "wallSeconds", m->wall_s);
	member(w, "eventsPerSecond", m->wall_s > 0 ? (double)m->events / m->wall_s : 0);
	json_write_object_end(w);
}

/* [milliseconds, share of the requests that waited for longer]. */
static void write_distribution(const struct meter *m, struct json_writer *w)
{
	uint64_t more = m->delay.n;

	json_write_key(w, "waitedLonger");
	json_write_array_begin(w);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!m->delay.count[i])
			continue;
		more -= m->delay.count[i];
		json_write_array_begin(w);
		number(w, (double)histogram_limit(i) / NS_PER_MS);
		number(w, (double)more / (double)m->delay.n);
		json_write_array_end(w);
	}
	json_write_array_end(w);
}

static double workers_of(const struct meter_minute *minute)
{
	return minute->worker_s;
}
static double busy_of(const struct meter_minute *minute)
{
	return minute->busy_s;
}
static double memory_of(const struct meter_minute *minute)
{
	return minute->memory_byte_s;
}

/* Averages of so many minutes that there are not too many points. */
static void write_line(const struct meter *m, struct json_writer *w, const char *key,
	double (*value_of)(const struct meter_minute *minute), double per_second)
{
	const uint32_t step = (m->n_minutes + REPORT_POINTS_MAX - 1) / REPORT_POINTS_MAX;

	json_write_key(w, key);
	json_write_array_begin(w);
	for (uint32_t i = 0; i < m->n_minutes; i += step) {
		double sum = 0;
		uint32_t n = 0;

		for (; n < step && i + n < m->n_minutes; n++)
			sum += value_of(&m->minutes[i + n]);
		number(w, sum / (n * 60.0) * per_second);
	}
	json_write_array_end(w);
}

static void write_lines(const struct meter *m, struct json_writer *w)
{
	json_write_member_u64(
		w, "step", (m->n_minutes + REPORT_POINTS_MAX - 1) / REPORT_POINTS_MAX);
	write_line(m, w, "workers", workers_of, 1);
	write_line(m, w, "busy", busy_of, 1);
	write_line(m, w, "memoryGiB", memory_of, 0x1p-30);
}

void report_write(const struct report *r, bool lines, struct json_writer *w)
{
	json_write_object_begin(w);
	write_workload(r, w);
	write_node(r, w);
	json_write_key(w, "policies");
	json_write_array_begin(w);
	for (size_t i = 0; i < r->n; i++) {
		json_write_object_begin(w);
		json_write_member_str(w, "name", r->settings[i].name);
		write_counts(&r->meters[i], w);
		write_delay(&r->meters[i], w);
		write_use(&r->meters[i], w);
		if (lines) {
			write_distribution(&r->meters[i], w);
			write_lines(&r->meters[i], w);
		}
		write_speed(&r->meters[i], w);
		json_write_object_end(w);
	}
	json_write_array_end(w);
	json_write_object_end(w);
}

int report_json(const struct report *r, struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &b, true);
	report_write(r, false, &w);
	if (buf_failed(&b))
		return err_oom(err);
	if (fwrite(b.data, 1, b.len, stdout) != b.len || fflush(stdout) != 0)
		return err_set(err, errno, "write the report");
	return 0;
}
