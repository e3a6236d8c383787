/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/stats/text.h"

#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/base/decimal.h"
#include "runtime/base/util.h"

#define NS_PER_S UINT64_C(1000000000)
/* The first bound that is told: shorter times are in the bucket of 100 us. */
#define FIRST_BOUND 20

static void put_number(struct buf *out, uint64_t n)
{
	char digits[DECIMAL_MAX];

	buf_put(out, digits, decimal_put(digits, n));
}

/* A decimal fraction, with one digit behind the point at least. */
static void put_seconds(struct buf *out, uint64_t ns)
{
	uint64_t rest = ns % NS_PER_S;
	char digits[10];
	size_t n = 9;

	put_number(out, ns / NS_PER_S);
	digits[0] = '.';
	for (size_t i = 9; i > 0; i--, rest /= 10)
		digits[i] = (char)('0' + rest % 10);
	while (n > 1 && digits[n] == '0')
		n--;
	buf_put(out, digits, n + 1);
}

static void put_scaled(struct buf *out, enum stats_scale scale, uint64_t n)
{
	if (scale == STATS_SECONDS)
		put_seconds(out, n);
	else
		put_number(out, n);
}

void stats_text_put_value(struct buf *out, const char *value)
{
	buf_puts(out, "\"");
	while (*value) {
		const size_t n = strcspn(value, "\\\"\n");

		buf_put(out, value, n);
		value += n;
		if (*value)
			buf_puts(out, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\");
		value += *value != '\0';
	}
	buf_puts(out, "\"");
}

/* --- one sample --- */

/* NAME SUFFIX {WHO,KEY="VALUE"} and a blank; `who` are labels, of the node none: NULL. */
static void put_name(struct buf *out, const struct stats_family *f, const char *suffix,
	const char *who, const char *key, const char *value)
{
	buf_puts(out, f->name);
	buf_puts(out, suffix);
	if (who || value)
		buf_puts(out, "{");
	if (who)
		buf_puts(out, who);
	if (value) {
		buf_puts(out, who ? "," : "");
		buf_puts(out, key);
		buf_puts(out, "=");
		stats_text_put_value(out, value);
	}
	buf_puts(out, who || value ? "} " : " ");
}

static void put_sample(struct buf *out, const struct stats_family *f, const char *who,
	const char *value, uint64_t n)
{
	put_name(out, f, f->type == STATS_COUNTER ? "_total" : "", who, f->label, value);
	put_scaled(out, f->scale, n);
	buf_puts(out, "\n");
}

/* 1, 2.5 and 5 of a decade, or 1 and 2.5. */
static bool is_told(size_t bound, enum stats_type type)
{
	const size_t digit = bound % 10;

	return bound >= FIRST_BOUND &&
	       (digit == 0 || digit == 4 || (digit == 7 && type == STATS_FINE));
}

static void put_bucket(
	struct buf *out, const struct stats_family *f, const char *who, size_t bound, uint64_t n)
{
	buf_puts(out, f->name);
	buf_puts(out, "_bucket{");
	buf_puts(out, who ? who : "");
	buf_puts(out, who ? ",le=\"" : "le=\"");
	put_seconds(out, histogram_bounds[bound]);
	buf_puts(out, "\"} ");
	put_number(out, n);
	buf_puts(out, "\n");
}

static void put_histogram(
	struct buf *out, const struct stats_family *f, const char *who, const uint64_t *words)
{
	const size_t step = f->type == STATS_FINE ? 1 : 2;
	const size_t n_bounds =
		f->type == STATS_FINE ? HISTOGRAM_FINE_BOUNDS : HISTOGRAM_COARSE_BOUNDS;
	uint64_t seen = 0, all = 0;

	for (size_t i = 0; i <= n_bounds; i++)
		all += words[i];
	if (all == 0)
		return;
	for (size_t i = 0; i < n_bounds; i++) {
		seen += words[i];
		if (is_told(i * step, f->type))
			put_bucket(out, f, who, i * step, seen);
	}
	put_name(out, f, "_bucket", who, "le", "+Inf");
	put_number(out, all);
	buf_puts(out, "\n");
	put_name(out, f, "_sum", who, NULL, NULL);
	put_seconds(out, words[n_bounds + 1]);
	buf_puts(out, "\n");
	put_name(out, f, "_count", who, NULL, NULL);
	put_number(out, all);
	buf_puts(out, "\n");
}

static void put_labelled(struct stats_text *t, struct buf *out, const struct stats_family *f,
	const char *who, const uint64_t *words)
{
	char label[STATS_LABEL_MAX];

	for (unsigned i = 0; i < f->n; i++) {
		if (words[i] == 0 && f->type == STATS_COUNTER)
			continue;
		if (!f->values)
			stats_read_label(t->s, i, label);
		put_sample(out, f, who, f->values ? f->values[i] : label, words[i]);
	}
}

static void put_words(struct stats_text *t, struct buf *out, const struct stats_family *f,
	const char *who, const uint64_t *words)
{
	if (f->type == STATS_FINE || f->type == STATS_COARSE)
		put_histogram(out, f, who, words);
	else if (f->label)
		put_labelled(t, out, f, who, words);
	else
		put_sample(out, f, who, NULL, words[0]);
}

/* --- families --- */

static void put_heading(struct buf *out, const struct stats_family *f, bool open)
{
	static const char *const types[] = {
		[STATS_COUNTER] = "counter",
		[STATS_GAUGE] = "gauge",
		[STATS_FINE] = "histogram",
		[STATS_COARSE] = "histogram",
	};
	/* Before OpenMetrics the family of a counter was called as its only sample. */
	const char *suffix = !open && f->type == STATS_COUNTER ? "_total" : "";

	buf_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", f->name, suffix, f->help, f->name,
		suffix, types[f->type]);
	if (open && f->unit)
		buf_printf(out, "# UNIT %s %s\n", f->name, f->unit);
}

static void put_node(struct stats_text *t, struct buf *out, const struct stats_family *f)
{
	uint64_t words[STATS_NODE_WORDS];

	stats_read_node(t->s, words);
	put_heading(out, f, t->open);
	put_words(t, out, f, NULL, words + f->first);
}

/* A function's samples have the same labels: they are written once. */
static void put_function(struct stats_text *t, struct buf *out, const struct stats_family *f,
	const char *function, const char *tenant, const uint64_t *words)
{
	_cleanup_buf_ struct buf who = BUF_INIT;

	buf_puts(&who, "function=");
	stats_text_put_value(&who, function);
	buf_puts(&who, ",tenant=");
	stats_text_put_value(&who, tenant);
	if (buf_failed(&who))
		out->failed = true;
	else
		put_words(t, out, f, who.data, words);
}

/* What functions that are no more have left: of gauges nothing. */
static void put_removed(struct stats_text *t, struct buf *out, const struct stats_family *f)
{
	uint64_t rest[STATS_SLOT_WORDS], any = 0;

	if (f->type == STATS_GAUGE)
		return;
	stats_read_rest(t->s, f->first, f->n, rest);
	for (unsigned i = 0; i < f->n; i++) {
		rest[i] += t->removed[i];
		any |= rest[i];
	}
	if (any)
		put_function(t, out, f, STATS_TEXT_REMOVED, STATS_TEXT_REMOVED, rest);
}

static void put_slot(struct stats_text *t, struct buf *out, const struct stats_family *f)
{
	if (!stats_read(t->s, t->slot, f->first, f->n, &t->copy))
		return;
	if (t->copy.state == STATS_USED) {
		put_function(t, out, f, t->copy.name, t->copy.tenant, t->copy.words);
		return;
	}
	for (unsigned i = 0; i < f->n; i++)
		t->removed[i] += t->copy.words[i];
}

/* False: there is more of it. */
static bool put_functions(
	struct stats_text *t, struct buf *out, const struct stats_family *f, size_t enough)
{
	const uint32_t n = stats_n_slots(t->s);

	if (!t->begun) {
		put_heading(out, f, t->open);
		memset(t->removed, 0, sizeof(t->removed));
		t->begun = true;
	}
	for (; t->slot < n && out->len < enough; t->slot++)
		put_slot(t, out, f);
	if (t->slot < n)
		return false;
	put_removed(t, out, f);
	t->slot = 0;
	t->begun = false;
	return true;
}

void stats_text_begin(struct stats_text *t, const struct stats *s,
	const struct stats_families *families, bool open)
{
	*t = (struct stats_text){.s = s, .families = families, .open = open};
}

bool stats_text_next(struct stats_text *t, struct buf *out, size_t enough)
{
	const struct stats_families *all = t->families;

	while (t->at < all->n_node && out->len < enough)
		put_node(t, out, &all->node[t->at++]);
	while (t->at >= all->n_node && t->at < all->n_node + all->n_function && out->len < enough &&
		!buf_failed(out)) {
		if (!put_functions(t, out, &all->function[t->at - all->n_node], enough))
			return true;
		t->at++;
	}
	return t->at < all->n_node + all->n_function;
}

/* --- what is wanted --- */

/* A quality of RFC 9110, in thousandths; 1000 when none is given. */
static unsigned quality(const char *range, size_t len)
{
	const char *q = memmem(range, len, ";q=", 3);
	unsigned n = 0, unit = 1000;

	if (!q)
		q = memmem(range, len, "; q=", 4);
	if (!q)
		return 1000;
	for (q = strchr(q, '=') + 1; q < range + len && unit > 0; q++) {
		if (*q >= '0' && *q <= '9') {
			n += (unsigned)(*q - '0') * unit;
			unit /= 10;
		} else if (*q != '.') {
			break;
		}
	}
	return n < 1000 ? n : 1000;
}

bool stats_text_wants_open(const char *accept)
{
	unsigned open = 0, plain = 0;

	while (*accept) {
		const size_t len = strcspn(accept, ",");
		const char *range = accept + strspn(accept, " \t");
		const size_t n = range < accept + len ? (size_t)(accept + len - range) : 0;
		unsigned *of = strncasecmp(range, "application/openmetrics-text", 28) == 0 ? &open
			       : strncasecmp(range, "text/plain", 10) == 0		   ? &plain
											   : NULL;

		if (of && n > 0 && quality(range, n) > *of)
			*of = quality(range, n);
		accept += len + (accept[len] == ',');
	}
	return open > 0 && open >= plain;
}
