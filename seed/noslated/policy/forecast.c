/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/policy/forecast.h"

#include <stdlib.h>
#include <string.h>

#include "seed/noslated/policy/policy.h"

/* Levels beyond are never expected. */
#define LEVELS_MAX 4096
/* Times are in buckets, four for each power of two of about a millisecond, to some five hours. */
#define UNIT_BITS   20
#define BUCKET_BITS 2
#define BUCKETS	    96
/* Gaps that are remembered: older ones count half each time that there are so many. */
#define MEMORY 2048
/* With fewer than that nothing is known, and a worker stays as long as it may cost. */
#define FEW 4
/* A worker is not stopped for less than that. */
#define STAY_NS (10 * POLICY_NS_PER_S)

struct forecast_gaps {
	uint16_t n[BUCKETS], total, fresh;
	bool expected[BUCKETS]; /* after so long */
};

static unsigned log2_of(uint64_t n)
{
	return 63 - (unsigned)__builtin_clzll(n | 1);
}

static unsigned bucket_of(uint64_t ns)
{
	const uint64_t n = ns >> UNIT_BITS;
	const unsigned high = log2_of(n), shift = high > BUCKET_BITS ? high - BUCKET_BITS : 0;
	const unsigned bucket = (shift << BUCKET_BITS) + (unsigned)(n >> shift);

	return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* Where a bucket begins. */
static uint64_t begin_of(unsigned bucket)
{
	const unsigned shift = bucket >> BUCKET_BITS > 1 ? (bucket >> BUCKET_BITS) - 1 : 0;

	return (uint64_t)(bucket - (shift << BUCKET_BITS)) << (shift + UNIT_BITS);
}

/* The first eight levels each, then two classes for each power of two. */
static unsigned class_of(unsigned level)
{
	const unsigned high = log2_of(level);

	if (level < 8)
		return level;
	return 8 + 2 * (high - 3) + (level >> (high - 1) & 1);
}

/* What is not expected for a short time only is. */
static void bridge(struct forecast_gaps *g)
{
	unsigned from = 0;

	while (from < BUCKETS) {
		unsigned to = from;

		while (to < BUCKETS && !g->expected[to])
			to++;
		if (to < BUCKETS && begin_of(to) - begin_of(from) < STAY_NS)
			memset(g->expected + from, true, to - from);
		from = to + 1;
	}
}

/*
 * By bucket: it gains what those gaps are worth that end in it, and costs its length for all that are
 * longer, half of it for those.
 */
static void judge(struct forecast_gaps *g, uint64_t worth_ns)
{
	unsigned longer = g->total;

	for (unsigned b = 0; b + 1 < BUCKETS; b++) {
		const double length = (double)(begin_of(b + 1) - begin_of(b));

		longer -= g->n[b];
		g->expected[b] = g->n[b] * (double)worth_ns > (longer + g->n[b] / 2.0) * length;
	}
	g->expected[BUCKETS - 1] = false;
	bridge(g);
	g->fresh = 0;
}

static void halve(struct forecast_gaps *g)
{
	g->total = 0;
	for (unsigned b = 0; b < BUCKETS; b++) {
		g->n[b] /= 2;
		g->total += g->n[b];
	}
}

static void learn(struct forecast *f, unsigned level, uint64_t gap_ns, uint64_t worth_ns)
{
	struct forecast_gaps **g = &f->gaps[class_of(level)];

	if (!*g && !(*g = calloc(1, sizeof(**g))))
		return;
	if ((*g)->total == MEMORY)
		halve(*g);
	(*g)->n[bucket_of(gap_ns)]++;
	(*g)->total++;
	(*g)->fresh++;
	if ((*g)->total >= FEW && (*g)->fresh > (*g)->total / 16)
		judge(*g, worth_ns);
}

static void look(struct forecast *f, unsigned level, uint64_t worth_ns, uint64_t now)
{
	struct forecast_level *l = &f->levels[level];
	const struct forecast_gaps *g = f->gaps[class_of(level)];
	const uint64_t age = now - l->vacated_ns;
	bool expected = age < worth_ns;
	unsigned b = bucket_of(age);

	l->next_ns = expected ? l->vacated_ns + worth_ns : POLICY_NEVER;
	if (g && g->total >= FEW) {
		expected = g->expected[b];
		while (b < BUCKETS && g->expected[b] == expected)
			b++;
		l->next_ns = b < BUCKETS ? l->vacated_ns + begin_of(b) : POLICY_NEVER;
	}
	f->n_expected += (unsigned)expected - (unsigned)l->expected;
	l->expected = expected;
	f->next_ns = l->next_ns < f->next_ns ? l->next_ns : f->next_ns;
}

static bool reserve(struct forecast *f, unsigned n)
{
	const unsigned cap = 2 * n < LEVELS_MAX ? 2 * n : LEVELS_MAX;
	struct forecast_level *levels;

	if (n <= f->cap_levels || n > LEVELS_MAX)
		return n <= LEVELS_MAX;
	levels = realloc(f->levels, cap * sizeof(*levels));
	if (!levels)
		return false;
	f->levels = levels;
	f->cap_levels = cap;
	return true;
}

static void rise(struct forecast *f, uint64_t worth_ns, uint64_t now)
{
	const unsigned level = f->demand++;

	if (level < f->n_levels) {
		learn(f, level, now - f->levels[level].vacated_ns, worth_ns);
		f->n_expected -= f->levels[level].expected;
		f->levels[level].expected = false;
	} else if (level == f->n_levels && reserve(f, level + 1)) {
		f->levels[f->n_levels++] = (struct forecast_level){.next_ns = POLICY_NEVER};
	}
}

static void fall(struct forecast *f, uint64_t worth_ns, uint64_t now)
{
	const unsigned level = --f->demand;

	if (level >= f->n_levels)
		return;
	f->levels[level].vacated_ns = now;
	look(f, level, worth_ns, now);
}

void forecast_demand(struct forecast *f, unsigned demand, uint64_t worth_ns, uint64_t now)
{
	while (f->demand < demand)
		rise(f, worth_ns, now);
	while (f->demand > demand)
		fall(f, worth_ns, now);
}

unsigned forecast_expected(struct forecast *f, uint64_t worth_ns, uint64_t now, uint64_t *due)
{
	if (now >= f->next_ns) {
		f->next_ns = POLICY_NEVER;
		for (unsigned i = f->demand; i < f->n_levels; i++) {
			const uint64_t next = f->levels[i].next_ns;

			if (next <= now)
				look(f, i, worth_ns, now);
			else if (next < f->next_ns)
				f->next_ns = next;
		}
	}
	*due = f->next_ns < *due ? f->next_ns : *due;
	return f->n_expected;
}

void forecast_init(struct forecast *f)
{
	*f = (struct forecast){.next_ns = POLICY_NEVER};
}

void forecast_finish(struct forecast *f)
{
	free(f->levels);
	for (unsigned i = 0; i < FORECAST_CLASSES; i++)
		free(f->gaps[i]);
}
