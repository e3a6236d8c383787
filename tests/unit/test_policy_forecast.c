/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/policy/forecast.h"

#include <string.h>

#include "seed/noslated/policy/policy.h"
#include "tests/unit/unit.h"

#define S     POLICY_NS_PER_S
#define WORTH (300 * S)

static struct forecast f;
static uint64_t now;

static unsigned expected_at(uint64_t at)
{
	uint64_t due = POLICY_NEVER;

	now = at;
	return forecast_expected(&f, WORTH, now, &due);
}

/* Demand is that for a second, and then what it was. */
static void ask(uint64_t at, unsigned demand)
{
	now = at;
	forecast_demand(&f, demand, WORTH, now);
	now += S;
	forecast_demand(&f, 0, WORTH, now);
}

START_TEST(what_is_not_known_stays_as_long_as_it_is_worth)
{
	forecast_init(&f);
	ck_assert_uint_eq(expected_at(10 * S), 0);
	ask(100 * S, 2);
	ck_assert_uint_eq(expected_at(102 * S), 2);
	ck_assert_uint_eq(expected_at(101 * S + WORTH - 1), 2);
	ck_assert_uint_eq(expected_at(101 * S + WORTH), 0);
	forecast_finish(&f);
}
END_TEST

START_TEST(a_period_is_learnt)
{
	forecast_init(&f);
	for (unsigned i = 1; i <= 10; i++)
		ask(i * 600 * S, 3);
	/* Nobody in between, all three before they are asked for again, and not forever. */
	ck_assert_uint_eq(expected_at(6010 * S), 0);
	ck_assert_uint_eq(expected_at(6300 * S), 0);
	ck_assert_uint_eq(expected_at(6598 * S), 3);
	ck_assert_uint_eq(expected_at(6599 * S), 3);
	ck_assert_uint_eq(expected_at(7000 * S), 0);
	forecast_finish(&f);
}
END_TEST

START_TEST(levels_are_told_apart)
{
	forecast_init(&f);
	/* One every ten seconds, a second one every hour. */
	for (unsigned i = 1; i <= 3600; i++)
		ask(i * 10 * S, i % 360 ? 1 : 2);
	ck_assert_uint_eq(expected_at(36002 * S), 1);
	ck_assert_uint_eq(expected_at(36010 * S), 1);
	forecast_finish(&f);
}
END_TEST

/* Whatever is asked, what is due tells when it changes, and the time goes on. */
START_TEST(changes_when_it_said)
{
	uint64_t random = 1, due;
	unsigned was, changes = 0;

	forecast_init(&f);
	now = S;
	for (unsigned i = 0; i < 20000; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		now += random >> 60 < 12 ? (random >> 40) * 1000 : (random >> 30) * 1000;
		forecast_demand(&f, (unsigned)(random >> 50) % (i % 100 ? 12 : 5000), WORTH, now);
		for (unsigned k = 0; k < 5; k++) {
			due = POLICY_NEVER;
			was = forecast_expected(&f, WORTH, now, &due);
			ck_assert_uint_gt(due, now);
			if (due == POLICY_NEVER)
				break;
			now = due - 1;
			due = POLICY_NEVER;
			ck_assert_uint_eq(forecast_expected(&f, WORTH, now, &due), was);
			now++;
			due = POLICY_NEVER;
			changes += forecast_expected(&f, WORTH, now, &due) != was;
		}
	}
	ck_assert_uint_gt(changes, 1000);
	forecast_finish(&f);
}
END_TEST

/* --- in the policy --- */

static struct policy_worker *starting[16], *stopping[16];
static unsigned n_starting, n_stopping, n_starts;

static bool on_start(void *host UNUSED, struct policy_worker *w)
{
	starting[n_starting++] = w;
	n_starts++;
	return true;
}
static void on_stop(void *host UNUSED, struct policy_worker *w)
{
	stopping[n_stopping++] = w;
}
static void on_send(
	void *host UNUSED, struct policy_request *r UNUSED, struct policy_worker *w UNUSED)
{
}
static void on_refuse(
	void *host UNUSED, struct policy_request *r UNUSED, enum policy_refusal why UNUSED)
{
	ck_abort_msg("refused");
}

static const struct policy_ops ops = {on_start, on_stop, on_send, on_refuse};

/* Starts and stops take no time. */
static void pass(struct policy *p, uint64_t until)
{
	for (;;) {
		while (n_stopping > 0)
			policy_gone(stopping[--n_stopping], now);
		while (n_starting > 0)
			policy_ready(starting[--n_starting], now);
		if (n_stopping > 0)
			continue;
		if (policy_due(p) > until)
			break;
		now = policy_due(p) > now ? policy_due(p) : now;
		policy_tick(p, now);
	}
	now = until;
}

static const struct policy_settings settings = {.concurrency = 1,
	.max = 16,
	.queue_max = 100,
	.queue_ns = 10 * S,
	.idle_ns = WORTH,
	.memory = 10,
	.scale = POLICY_SCALE_FORECAST};

START_TEST(workers_are_there_before_they_are_asked_for)
{
	struct policy *p = policy_create(&ops, NULL, &(struct policy_limits){0});
	struct policy_function *fn = policy_add(p, "t", &settings, NULL, 0);
	struct policy_request r;
	struct policy_count c;
	unsigned there = 0, between = 0;

	for (unsigned i = 1; i <= 30; i++) {
		pass(p, i * 600 * S);
		policy_count(fn, &c);
		there += i > 10 && c.idle == 1;
		policy_arrive(fn, &r, now);
		pass(p, now + S);
		policy_done(&r, POLICY_SERVED, now);
		pass(p, now + 250 * S);
		policy_count(fn, &c);
		between += i > 10 && c.idle == 0;
	}
	ck_assert_uint_eq(there, 20);
	ck_assert_uint_eq(between, 20);
	pass(p, now + 100000 * S);
	ck_assert_uint_eq(policy_memory(p), 0);
	ck_assert_uint_eq(policy_due(p), POLICY_NEVER);
	policy_destroy(p);
}
END_TEST

/* Memory for one worker: those that are only expected leave it to those that are asked for. */
START_TEST(who_is_expected_makes_nobody_wait)
{
	struct policy *p = policy_create(&ops, NULL, &(struct policy_limits){.memory = 10});
	struct policy_function *a = policy_add(p, "a", &settings, NULL, 0);
	struct policy_function *b = policy_add(p, "b", &settings, NULL, 0);
	struct policy_request r, q;

	for (unsigned i = 1; i <= 50; i++) {
		pass(p, i * 100 * S);
		policy_arrive(a, &r, now);
		pass(p, now + S);
		ck_assert_ptr_nonnull(r.worker);
		policy_done(&r, POLICY_SERVED, now);
		pass(p, now + S);
		policy_arrive(b, &q, now);
		pass(p, now + S);
		ck_assert_ptr_nonnull(q.worker);
		policy_done(&q, POLICY_SERVED, now);
		pass(p, now);
		ck_assert_uint_le(policy_memory(p), 10);
	}
	ck_assert_uint_lt(n_starts, 250);
	policy_destroy(p);
}
END_TEST

UNIT_MAIN("policy forecast", what_is_not_known_stays_as_long_as_it_is_worth, a_period_is_learnt,
	levels_are_told_apart, changes_when_it_said, workers_are_there_before_they_are_asked_for,
	who_is_expected_makes_nobody_wait)
