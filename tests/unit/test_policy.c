/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's policy, with a host that has no more than a clock and a list of what it was told. */
#include "seed/noslated/policy/policy.h"

#include <string.h>

#include "tests/unit/unit.h"

#define MS	POLICY_NS_PER_MS
#define S	POLICY_NS_PER_S
#define MANY	512
#define REFUSED (POLICY_REFUSED_GONE + 1)

/* --- a host --- */

static struct host {
	uint64_t now;
	struct policy_worker *starting[MANY], *stopping[MANY];
	size_t n_starting, n_stopping, n_sent, n_starts;
	struct policy_worker *sent_to; /* the last one */
	struct policy_request *sent;
	unsigned refused[REFUSED];
} host;

static struct policy *p;
static struct policy_request requests[MANY];

static void on_start(void *h, struct policy_worker *w)
{
	ck_assert_ptr_eq(h, &host);
	ck_assert_uint_lt(host.n_starting, MANY);
	host.starting[host.n_starting++] = w;
	host.n_starts++;
}

static void on_stop(void *h UNUSED, struct policy_worker *w)
{
	for (size_t i = 0; i < host.n_starting; i++)
		if (host.starting[i] == w)
			host.starting[i] = host.starting[--host.n_starting];
	host.stopping[host.n_stopping++] = w;
}

static void on_send(void *h UNUSED, struct policy_request *r, struct policy_worker *w)
{
	host.n_sent++;
	host.sent = r;
	host.sent_to = w;
}

static void on_refuse(void *h UNUSED, struct policy_request *r, enum policy_refusal why)
{
	ck_assert_ptr_null(r->worker);
	host.refused[why]++;
}

static const struct policy_ops ops = {on_start, on_stop, on_send, on_refuse};

static const struct policy_settings plain = {
	.concurrency = 1,
	.max = 100,
	.queue_max = 100,
	.queue_ns = 10 * S,
	.idle_ns = 30 * S,
	.memory = 10,
	.target = {.utilisation = 0.7,
		.panic = 2,
		.tick_ns = 2 * S,
		.stable_ns = 60 * S,
		.panic_ns = 6 * S,
		.grace_ns = 30 * S,
		.up = 1000,
		.down = 2},
};

static void begin(const struct policy_limits *limits)
{
	p = policy_create(&ops, &host, limits);
	ck_assert_ptr_nonnull(p);
	host.now = 1000 * S;
}

static struct policy_function *add(const char *tenant, const struct policy_settings *s)
{
	struct policy_function *f = policy_add(p, tenant, s, NULL, host.now);

	ck_assert_ptr_nonnull(f);
	return f;
}

static struct policy_count count(const struct policy_function *f)
{
	struct policy_count c;

	policy_count(f, &c);
	return c;
}

static void all_ready(void)
{
	while (host.n_starting > 0)
		policy_ready(host.starting[--host.n_starting], host.now);
}

static void all_gone(void)
{
	while (host.n_stopping > 0)
		policy_gone(host.stopping[--host.n_stopping], host.now);
}

/* All that is due on the way. */
static void pass(uint64_t ns)
{
	const uint64_t until = host.now + ns;

	while (policy_due(p) <= until) {
		host.now = policy_due(p) > host.now ? policy_due(p) : host.now;
		policy_tick(p, host.now);
	}
	host.now = until;
}

static void arrive(struct policy_function *f, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		policy_arrive(f, &requests[i], host.now);
}

/* --- one function --- */

START_TEST(scales_from_zero_and_back)
{
	struct policy_function *f;

	begin(&(struct policy_limits){0});
	f = add("t", &plain);
	ck_assert_uint_eq(policy_due(p), POLICY_NEVER);
	arrive(f, 0, 3);
	ck_assert_uint_eq(host.n_starting, 3);
	ck_assert_uint_eq(count(f).waiting, 3);
	all_ready();
	ck_assert_uint_eq(host.n_sent, 3);
	ck_assert_uint_eq(count(f).running, 3);
	for (size_t i = 0; i < 3; i++)
		policy_done(&requests[i], false, host.now);
	ck_assert_uint_eq(count(f).idle, 3);
	ck_assert_uint_eq(policy_memory(p), 30);
	/* The one used last is used again, so that the others can go. */
	pass(20 * S);
	arrive(f, 0, 1);
	policy_done(&requests[0], false, host.now);
	pass(11 * S);
	ck_assert_uint_eq(host.n_stopping, 2);
	all_gone();
	ck_assert_uint_eq(count(f).serving, 1);
	pass(20 * S);
	all_gone();
	ck_assert_uint_eq(count(f).serving, 0);
	ck_assert_uint_eq(policy_memory(p), 0);
	ck_assert_uint_eq(policy_due(p), POLICY_NEVER);
	policy_destroy(p);
}
END_TEST

START_TEST(keeps_what_is_reserved_and_no_more_than_allowed)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.min = 2;
	s.max = 4;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	ck_assert_uint_eq(host.n_starting, 2);
	all_ready();
	pass(1000 * S);
	ck_assert_uint_eq(count(f).idle, 2);
	arrive(f, 0, 10);
	ck_assert_uint_eq(host.n_starting, 2);
	all_ready();
	ck_assert_uint_eq(count(f).running, 4);
	ck_assert_uint_eq(count(f).waiting, 6);
	/* Less is allowed now: who has to go first finishes what it does. */
	s.max = 2;
	policy_change(f, &s, host.now);
	ck_assert_uint_eq(count(f).draining, 2);
	ck_assert_uint_eq(host.n_stopping, 0);
	for (size_t i = 0; i < 4; i++)
		policy_done(&requests[i], false, host.now);
	ck_assert_uint_eq(host.n_stopping, 2);
	ck_assert_uint_eq(count(f).running, 2);
	policy_destroy(p);
}
END_TEST

START_TEST(a_disposable_worker_has_one_request)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.disposable = true;
	s.min = 1;
	s.max = 3;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	all_ready();
	arrive(f, 0, 5);
	ck_assert_uint_eq(host.n_sent, 1);
	ck_assert_uint_eq(host.n_starting, 2);
	all_ready();
	ck_assert_uint_eq(count(f).running, 3);
	policy_done(&requests[0], false, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	ck_assert_uint_eq(host.n_starting, 1);
	all_gone();
	all_ready();
	policy_done(&requests[1], false, host.now);
	policy_done(&requests[2], false, host.now);
	all_gone();
	all_ready();
	ck_assert_uint_eq(host.n_sent, 5);
	policy_destroy(p);
}
END_TEST

START_TEST(does_not_start_what_comes_too_late)
{
	struct policy_function *f;

	begin(&(struct policy_limits){0});
	f = add("t", &plain);
	/* A start takes 100 ms, a request 1 ms. */
	arrive(f, 0, 1);
	host.now += 100 * MS;
	all_ready();
	host.now += 1 * MS;
	policy_done(&requests[0], false, host.now);
	arrive(f, 0, 50);
	ck_assert_uint_eq(host.n_starting, 0);
	/* It takes longer than was expected. */
	pass(100 * MS);
	ck_assert_uint_eq(host.n_starting, 49);
	policy_destroy(p);
}
END_TEST

START_TEST(refuses_with_the_reason)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.queue_max = 2;
	s.max = 1;
	s.rate = 10;
	s.burst = 5;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	arrive(f, 0, 6);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_QUEUE], 3);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_RATE], 1);
	host.now += 100 * MS;
	arrive(f, 6, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_QUEUE], 4);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_RATE], 2);
	policy_leave(&requests[0], host.now);
	ck_assert_uint_eq(count(f).waiting, 1);
	pass(9900 * MS);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_LATE], 1);
	ck_assert_uint_eq(count(f).waiting, 0);
	arrive(f, 8, 1);
	policy_remove(f, host.now);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_GONE], 1);
	all_gone();
	ck_assert_uint_eq(policy_memory(p), 0);
	policy_destroy(p);
}
END_TEST

START_TEST(waits_longer_after_each_failure)
{
	struct policy_settings s = plain;
	struct policy_function *f;
	uint64_t pause = 100 * MS;

	s.queue_ns = 400 * S;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	arrive(f, 0, 1);
	for (int i = 0; i < 11; i++) {
		ck_assert_uint_eq(host.n_starting, 1);
		policy_gone(host.starting[--host.n_starting], host.now);
		ck_assert_uint_eq(policy_due(p), host.now + pause);
		pass(pause);
		pause *= 2;
	}
	/* The next pause is too long for who waits. */
	policy_gone(host.starting[--host.n_starting], host.now);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_STARTING], 1);
	arrive(f, 1, 1);
	ck_assert_uint_eq(host.n_starting, 0);
	pass(pause - 1);
	ck_assert_uint_eq(host.n_starting, 0);
	pass(1);
	ck_assert_uint_eq(host.n_starting, 1);
	all_ready();
	policy_done(&requests[1], false, host.now);
	arrive(f, 2, 2);
	ck_assert_uint_eq(host.n_starting, 1);
	policy_gone(host.starting[--host.n_starting], host.now);
	ck_assert_uint_eq(policy_due(p), host.now + 100 * MS);
	policy_destroy(p);
}
END_TEST

START_TEST(a_worker_that_fails_is_replaced)
{
	struct policy_settings s = plain;
	struct policy_function *f;
	struct policy_worker *bad;

	s.ejected_after = 3;
	s.concurrency = 2;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	arrive(f, 0, 1);
	all_ready();
	bad = host.sent_to;
	for (size_t i = 0; i < 2; i++) {
		policy_done(&requests[i], true, host.now);
		arrive(f, i + 1, 1);
		ck_assert_ptr_eq(host.sent_to, bad);
	}
	arrive(f, 10, 1);
	policy_done(&requests[2], true, host.now);
	ck_assert_uint_eq(count(f).draining, 1);
	arrive(f, 3, 1);
	ck_assert_uint_eq(host.n_starting, 1);
	policy_done(&requests[10], false, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	/* One that ends by itself takes its requests along. */
	all_ready();
	ck_assert_ptr_ne(host.sent_to, bad);
	policy_gone(host.sent_to, host.now);
	ck_assert_ptr_null(requests[3].worker);
	ck_assert_uint_eq(count(f).running, 0);
	policy_destroy(p);
}
END_TEST

START_TEST(dispatches_by_load_or_in_turn)
{
	struct policy_settings s = plain;
	struct policy_function *f;
	struct policy_worker *first, *second;

	s.concurrency = 10;
	s.min = s.max = 2;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	all_ready();
	arrive(f, 0, 1);
	first = host.sent_to;
	arrive(f, 1, 1);
	second = host.sent_to;
	ck_assert_ptr_ne(first, second);
	policy_done(&requests[0], false, host.now);
	arrive(f, 2, 1);
	ck_assert_ptr_eq(host.sent_to, first);
	s.dispatch = POLICY_ROUND_ROBIN;
	policy_change(f, &s, host.now);
	for (size_t i = 3; i < 13; i++) {
		arrive(f, i, 1);
		ck_assert_ptr_eq(host.sent_to, i % 2 ? second : first);
	}
	policy_destroy(p);
}
END_TEST

START_TEST(follows_a_target)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.scale = POLICY_SCALE_TARGET;
	s.concurrency = 10;
	s.max = 200;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	arrive(f, 0, 1);
	ck_assert_uint_eq(host.n_starting, 1);
	all_ready();
	/* 69 at a time need ten workers of ten, of which each is to have seven. */
	arrive(f, 1, 68);
	for (int i = 0; i < 40; i++) {
		pass(2 * S);
		all_ready();
	}
	ck_assert_uint_eq(count(f).serving, 10);
	ck_assert_uint_eq(count(f).running, 69);
	for (size_t i = 0; i < 69; i++)
		policy_done(&requests[i], false, host.now);
	/* At most a half goes at each tick, and the last one after a while. */
	pass(70 * S);
	all_gone();
	ck_assert_uint_le(count(f).serving, 2);
	ck_assert_uint_ge(count(f).serving, 1);
	pass(120 * S);
	all_gone();
	ck_assert_uint_eq(count(f).serving, 0);
	ck_assert_uint_eq(policy_due(p), POLICY_NEVER);
	policy_destroy(p);
}
END_TEST

/* --- the node --- */

START_TEST(shares_what_runs)
{
	struct policy_settings s = plain;
	struct policy_function *greedy, *polite;

	s.concurrency = 100;
	s.min = 1;
	begin(&(struct policy_limits){.running = 4});
	greedy = add("greedy", &s);
	polite = add("polite", &s);
	all_ready();
	arrive(greedy, 0, 50);
	ck_assert_uint_eq(count(greedy).running, 4);
	arrive(polite, 50, 2);
	ck_assert_uint_eq(count(polite).running, 0);
	/* It is the next one's turn, and then the one's after it. */
	policy_done(&requests[0], false, host.now);
	policy_done(&requests[1], false, host.now);
	policy_done(&requests[2], false, host.now);
	ck_assert_uint_ge(count(polite).running, 1);
	policy_done(&requests[3], false, host.now);
	ck_assert_uint_eq(count(polite).running, 2);
	ck_assert_uint_eq(count(polite).running + count(greedy).running, 4);
	policy_destroy(p);
}
END_TEST

START_TEST(memory_is_the_limit)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b;

	begin(&(struct policy_limits){.memory = 45, .starting = 3});
	a = add("a", &s);
	b = add("b", &s);
	arrive(a, 0, 10);
	ck_assert_uint_eq(host.n_starting, 3);
	all_ready();
	ck_assert_uint_eq(count(a).running, 4);
	arrive(b, 10, 1);
	ck_assert_uint_eq(host.n_starting, 0);
	/* One that becomes idle makes room for others. */
	policy_leave(&requests[9], host.now);
	for (size_t i = 4; i < 9; i++)
		policy_leave(&requests[i], host.now);
	policy_done(&requests[0], false, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	ck_assert_uint_eq(host.n_starting, 0);
	all_gone();
	ck_assert_uint_eq(host.n_starting, 1);
	ck_assert_uint_eq(count(b).starting, 1);
	/* What it takes indeed is what counts. */
	policy_measure(host.starting[0], 1);
	all_ready();
	ck_assert_uint_eq(policy_memory(p), 31);
	arrive(b, 11, 3);
	ck_assert_uint_eq(count(b).starting, 3);
	policy_destroy(p);
}
END_TEST

START_TEST(idle_workers_make_room_at_once)
{
	struct policy_function *a, *b;

	begin(&(struct policy_limits){.memory = 15});
	a = add("a", &plain);
	b = add("b", &plain);
	arrive(a, 0, 1);
	all_ready();
	policy_done(&requests[0], false, host.now);
	arrive(b, 1, 1);
	ck_assert_uint_eq(host.n_stopping, 1);
	all_gone();
	ck_assert_uint_eq(count(b).starting, 1);
	policy_destroy(p);
}
END_TEST

START_TEST(what_nobody_waits_for_takes_nothing_from_others)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b;

	/* Both want two workers, and there is memory for three. */
	s.scale = POLICY_SCALE_TARGET;
	begin(&(struct policy_limits){.memory = 35});
	a = add("a", &s);
	b = add("b", &s);
	arrive(a, 0, 2);
	arrive(b, 2, 2);
	for (int i = 0; i < 20; i++) {
		all_ready();
		all_gone();
		pass(1 * S);
	}
	ck_assert_uint_eq(count(a).serving + count(b).serving, 3);
	for (size_t i = 0; i < 4; i++)
		if (requests[i].worker)
			policy_done(&requests[i], false, host.now);
	host.n_starts = 0;
	for (int i = 0; i < 20; i++) {
		all_ready();
		all_gone();
		pass(1 * S);
	}
	ck_assert_uint_le(host.n_starts, 2);
	policy_destroy(p);
}
END_TEST

UNIT_MAIN("policy", scales_from_zero_and_back, keeps_what_is_reserved_and_no_more_than_allowed,
	a_disposable_worker_has_one_request, does_not_start_what_comes_too_late,
	refuses_with_the_reason, waits_longer_after_each_failure, a_worker_that_fails_is_replaced,
	dispatches_by_load_or_in_turn, follows_a_target, shares_what_runs, memory_is_the_limit,
	idle_workers_make_room_at_once, what_nobody_waits_for_takes_nothing_from_others)
