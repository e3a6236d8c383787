/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms, and statistics as text. That a parser of others takes it is tested by noslated-metrics.sh. */
#include "seed/noslated/stats/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "seed/noslated/stats/word.h"
#include "tests/unit/unit.h"

#define US UINT64_C(1000)
#define S  UINT64_C(1000000000)

/* --- histograms --- */

static uint64_t random_time(void)
{
	/* All decades are as likely. */
	return (uint64_t)pow(10, 2 + 9.2 * rand() / RAND_MAX);
}

START_TEST(buckets)
{
	ck_assert_uint_eq(histogram_bounds[0], US);
	ck_assert_uint_eq(histogram_bounds[HISTOGRAM_FINE_BOUNDS - 1], 100 * S);
	for (size_t i = 1; i < HISTOGRAM_FINE_BOUNDS; i++)
		ck_assert_uint_lt(histogram_bounds[i - 1], histogram_bounds[i]);
	for (size_t i = 0; i < HISTOGRAM_FINE_BOUNDS; i++) {
		ck_assert_uint_eq(histogram_bucket(histogram_bounds[i]), i);
		ck_assert_uint_eq(histogram_bucket(histogram_bounds[i] + 1), i + 1);
	}
	ck_assert_uint_eq(histogram_bucket(0), 0);
	ck_assert_uint_eq(histogram_bucket(UINT64_MAX), HISTOGRAM_FINE_BOUNDS);
}
END_TEST

/* How wrong the middle of a bucket is at most. */
static double error_of(const uint64_t *words, size_t n, uint64_t ns)
{
	const size_t step = n == HISTOGRAM_FINE_WORDS ? 1 : 2;
	const uint64_t high = histogram_quantile(words, n, 1);
	double middle, low;
	size_t i = 0;

	while (histogram_bounds[i] != high)
		i += step;
	low = i ? (double)histogram_bounds[i - step] : 0;
	middle = (low + (double)high) / 2;
	ck_assert((double)ns > low && ns <= high);
	return fabs(middle - (double)ns) / (double)ns;
}

START_TEST(errors)
{
	srand(3);
	for (int i = 0; i < 100000; i++) {
		uint64_t fine[HISTOGRAM_FINE_WORDS] = {0}, coarse[HISTOGRAM_COARSE_WORDS] = {0};
		const uint64_t ns = random_time();

		if (ns <= US || ns > 100 * S)
			continue;
		histogram_add_fine(fine, ns);
		histogram_add_coarse(coarse, ns);
		ck_assert_uint_eq(fine[HISTOGRAM_FINE_WORDS - 1], ns);
		ck_assert_uint_eq(coarse[HISTOGRAM_COARSE_WORDS - 1], ns);
		ck_assert_double_le(error_of(fine, HISTOGRAM_FINE_WORDS, ns), 0.15);
		ck_assert_double_le(error_of(coarse, HISTOGRAM_COARSE_WORDS, ns), 0.301);
	}
}
END_TEST

START_TEST(quantiles)
{
	uint64_t words[HISTOGRAM_FINE_WORDS] = {0};

	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 0.5), 0);
	for (int i = 0; i < 99; i++)
		histogram_add_fine(words, 100 * US);
	histogram_add_fine(words, 10 * S);
	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 0), 100 * US);
	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 0.5), 100 * US);
	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 0.99), 100 * US);
	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 0.991), 10 * S);
	histogram_add_fine(words, 1000 * S);
	ck_assert_uint_eq(histogram_quantile(words, HISTOGRAM_FINE_WORDS, 1), UINT64_MAX);
}
END_TEST

/* --- text --- */

static char path[64];
static struct stats *s;
static struct buf out;
static unsigned queue_full;

static void begin(void)
{
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "/tmp/turf-test-stats-%d", getpid());
	unlink(path);
	ck_assert_int_eq(stats_open(path, &stats_data_form, &s, &err), 0);
	stats_label(s, "ok");
	queue_full = stats_label(s, "queue_full");
}

static void end(void)
{
	buf_finish(&out);
	stats_close(s);
	unlink(path);
}

static struct stats_data_function *claim(const char *name, const char *tenant)
{
	struct stats_data_function *f = (void *)stats_claim(s, name, tenant);

	ck_assert_ptr_nonnull(f);
	return f;
}

/* All of it, in pieces of about that size; how many there were. */
static unsigned render(bool open, size_t enough)
{
	struct stats_text t;
	unsigned n = 0;
	bool more;

	buf_finish(&out);
	out = (struct buf)BUF_INIT;
	stats_text_begin(&t, s, &stats_data_families, open);
	do {
		struct buf piece = BUF_INIT;

		more = stats_text_next(&t, &piece, enough);
		ck_assert(!buf_failed(&piece));
		ck_assert_uint_lt(piece.len, enough + 8192);
		buf_put(&out, piece.data, piece.len);
		buf_finish(&piece);
		n++;
	} while (more);
	return n;
}

static void has(const char *line)
{
	ck_assert_msg(strstr(out.data, line) != NULL, "no '%s' in: %s", line, out.data);
}

static void has_not(const char *part)
{
	ck_assert_msg(strstr(out.data, part) == NULL, "'%s' is in: %s", part, out.data);
}

START_TEST(samples)
{
	struct stats_data_function *f, *g;

	begin();
	f = claim("f", "ten\"a\\n\nt");
	g = claim("g", "t");
	stats_add(&f->answers[1], 12);
	stats_add(&f->errors[queue_full], 2);
	stats_set(&f->now.idle, 3);
	histogram_add_fine(f->duration, 2500 * US);
	histogram_add_fine(f->duration, 3 * US);
	stats_add(&((struct stats_data_node *)stats_node(s))->answered, 14);
	render(true, 1000000);
	has("# TYPE noslate_data_invoke_count counter\n");
	has("# UNIT noslate_data_invoke_duration_seconds seconds\n");
	has("noslate_node_answered_total 14\n");
	has("noslate_data_invoke_count_total{function=\"f\",tenant=\"ten\\\"a\\\\n\\nt\",code="
	    "\"2xx\"} 12\n");
	has("noslate_data_error_count_total{function=\"f\",tenant=\"ten\\\"a\\\\n\\nt\",error="
	    "\"queue_full\"} 2\n");
	has("noslate_data_workers{function=\"g\",tenant=\"t\",state=\"idle\"} 0\n");
	has("\"} 3\n");
	has("_bucket{function=\"f\",tenant=\"ten\\\"a\\\\n\\nt\",le=\"0.0001\"} 1\n");
	has("le=\"0.001\"} 1\n");
	has("le=\"0.0025\"} 2\n");
	has("le=\"100.0\"} 2\n");
	has("le=\"+Inf\"} 2\n");
	has("_sum{function=\"f\",tenant=\"ten\\\"a\\\\n\\nt\"} 0.002503\n");
	has_not("_bucket{function=\"g\"");
	has_not("code=\"3xx\"");
	has_not("removed");
	stats_release(s, (uint64_t *)f);
	stats_add(&g->answers[1], 1);
	render(false, 1000000);
	has("# TYPE noslate_data_invoke_count_total counter\n");
	has_not("# UNIT");
	has("noslate_data_invoke_count_total{function=\"(removed)\",tenant=\"(removed)\",code="
	    "\"2xx\"} 12\n");
	has_not("function=\"f\"");
	has_not("noslate_data_workers{function=\"(removed)\"");
	end();
}
END_TEST

/* However small the pieces are, the text is the same. */
START_TEST(pieces)
{
	char *whole;
	char name[16];

	begin();
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		stats_add(&claim(name, "t")->answers[i % STATS_CLASSES], 1);
	}
	render(true, 100000000);
	whole = buf_take(&out);
	ck_assert_uint_gt(render(true, 4096), 100);
	ck_assert_str_eq(out.data, whole);
	free(whole);
	end();
}
END_TEST

START_TEST(accept)
{
	ck_assert(stats_text_wants_open("application/openmetrics-text;version=1.0.0;q=0.5,"
					"application/openmetrics-text;version=0.0.1;q=0.4,"
					"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
	ck_assert(stats_text_wants_open("application/openmetrics-text"));
	ck_assert(stats_text_wants_open("text/plain; q=0.5, application/openmetrics-text; q=0.75"));
	ck_assert(!stats_text_wants_open("text/plain;q=0.8,application/openmetrics-text;q=0.75"));
	ck_assert(!stats_text_wants_open("application/openmetrics-text;q=0"));
	ck_assert(!stats_text_wants_open("*/*"));
	ck_assert(!stats_text_wants_open(""));
	ck_assert(!stats_text_wants_open(",,;q=,application/"));
}
END_TEST

UNIT_MAIN("stats_text", buckets, errors, quantiles, samples, pieces, accept)
