/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's policy, with a host that has no more than a clock and a list of what it was told. */
#include "seed/noslated/policy/policy.h"

#include <string.h>

#include "tests/unit/unit.h"

#define MS	POLICY_NS_PER_MS
#define S	POLICY_NS_PER_S
#define MANY	512
#define REFUSED POLICY_REFUSALS

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

static bool on_start(void *h, struct policy_worker *w)
{
	ck_assert_ptr_eq(h, &host);
	ck_assert_uint_lt(host.n_starting, MANY);
	host.starting[host.n_starting++] = w;
	host.n_starts++;
	return true;
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
		policy_done(&requests[i], POLICY_SERVED, host.now);
	ck_assert_uint_eq(count(f).idle, 3);
	ck_assert_uint_eq(policy_memory(p), 30);
	/* The one used last is used again, so that the others can go. */
	pass(20 * S);
	arrive(f, 0, 1);
	policy_done(&requests[0], POLICY_SERVED, host.now);
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
		policy_done(&requests[i], POLICY_SERVED, host.now);
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	ck_assert_uint_eq(host.n_starting, 1);
	all_gone();
	all_ready();
	policy_done(&requests[1], POLICY_SERVED, host.now);
	policy_done(&requests[2], POLICY_SERVED, host.now);
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
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
	policy_done(&requests[1], POLICY_SERVED, host.now);
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
		policy_done(&requests[i], POLICY_FAILED, host.now);
		arrive(f, i + 1, 1);
		ck_assert_ptr_eq(host.sent_to, bad);
	}
	arrive(f, 10, 1);
	policy_done(&requests[2], POLICY_FAILED, host.now);
	ck_assert_uint_eq(count(f).draining, 1);
	arrive(f, 3, 1);
	ck_assert_uint_eq(host.n_starting, 1);
	policy_done(&requests[10], POLICY_SERVED, host.now);
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

START_TEST(once_more_is_somewhere_else)
{
	struct policy_settings s = plain;
	struct policy_function *f;
	struct policy_worker *first;

	s.concurrency = 10;
	s.min = 2;
	s.rate = 1;
	s.burst = 1;
	s.queue_max = 0;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	all_ready();
	arrive(f, 0, 1);
	first = host.sent_to;
	for (int i = 0; i < 10; i++) {
		policy_done(&requests[0], POLICY_FAILED, host.now);
		policy_again(f, &requests[0], host.now);

		ck_assert_int_eq(host.sent_to == first, i % 2);
	}
	/* It has paid already, and is not one too many. */
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_RATE], 0);
	arrive(f, 1, 1);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_RATE], 1);
	/* Nobody else is there. */
	s.max = s.min = 1;
	policy_change(f, &s, host.now);
	policy_done(&requests[0], POLICY_FAILED, host.now);
	all_gone();
	ck_assert_uint_eq(count(f).serving, 1);
	policy_again(f, &requests[0], host.now);
	policy_done(&requests[0], POLICY_FAILED, host.now);
	policy_again(f, &requests[0], host.now);
	ck_assert_ptr_nonnull(requests[0].worker);
	policy_remove(f, host.now);
	policy_done(&requests[0], POLICY_FAILED, host.now);
	all_gone();
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
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
		policy_done(&requests[i], POLICY_SERVED, host.now);
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
	policy_done(&requests[1], POLICY_SERVED, host.now);
	policy_done(&requests[2], POLICY_SERVED, host.now);
	ck_assert_uint_ge(count(polite).running, 1);
	policy_done(&requests[3], POLICY_SERVED, host.now);
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	ck_assert_uint_eq(host.n_starting, 0);
	all_gone();
	ck_assert_uint_eq(host.n_starting, 1);
	ck_assert_uint_eq(count(b).starting, 1);
	/* One that starts is going to take what was expected of it, or more. */
	policy_measure(host.starting[0], 1, host.now);
	ck_assert_uint_eq(policy_memory(p), 40);
	policy_measure(host.starting[0], 11, host.now);
	ck_assert_uint_eq(policy_memory(p), 41);
	/* What it takes indeed is what counts. */
	all_ready();
	policy_measure(host.sent_to, 1, host.now);
	ck_assert_uint_eq(policy_memory(p), 31);
	arrive(b, 11, 3);
	ck_assert_uint_eq(count(b).starting, 3);
	policy_destroy(p);
}
END_TEST

/* Workers that take more than was expected: what is idle goes, what runs stays, and nothing is started. */
START_TEST(too_much_was_measured)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b;
	struct policy_worker *w;

	begin(&(struct policy_limits){.memory = 45});
	a = add("a", &s);
	arrive(a, 0, 1);
	all_ready();
	w = host.sent_to;
	arrive(a, 1, 2);
	all_ready();
	policy_done(&requests[1], POLICY_SERVED, host.now);
	policy_done(&requests[2], POLICY_SERVED, host.now);
	policy_measure(w, 30, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	all_gone();
	ck_assert_uint_eq(policy_memory(p), 40);
	policy_measure(w, 60, host.now);
	all_gone();
	ck_assert_uint_eq(policy_memory(p), 60);
	ck_assert_uint_eq(count(a).running, 1);
	/* What others of the function will take has been learnt, too. */
	b = add("b", &s);
	arrive(b, 3, 1);
	arrive(a, 4, 1);
	ck_assert_uint_eq(host.n_starting, 0);
	policy_measure(w, 5, host.now);
	ck_assert_uint_eq(count(b).starting, 1);
	policy_destroy(p);
}
END_TEST

/* --- tenants --- */

START_TEST(a_tenant_runs_no_more_than_it_may)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b, *other;

	s.concurrency = 100;
	s.tenant = (struct policy_quota){.running = 3};
	begin(&(struct policy_limits){0});
	a = add("t", &s);
	b = add("t", &s);
	other = add("other", &plain);
	arrive(a, 0, 5);
	arrive(b, 5, 2);
	all_ready();
	ck_assert_uint_eq(count(a).running + count(b).running, 3);
	/* It stands in nobody's way. */
	arrive(other, 10, 5);
	all_ready();
	ck_assert_uint_eq(count(other).running, 5);
	/* Its functions take turns. */
	for (size_t i = 0; i < 3; i++)
		policy_done(&requests[i], POLICY_SERVED, host.now);
	ck_assert_uint_eq(count(a).running + count(b).running, 3);
	ck_assert_uint_ge(count(b).running, 1);
	/* Who has waited for too long hears of whom. */
	pass(10 * S);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_QUOTA], 1);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_LATE], 0);
	arrive(a, 20, 5);
	s.tenant.running = 0;
	policy_change(a, &s, host.now);
	ck_assert_uint_eq(count(a).waiting, 0);
	policy_destroy(p);
}
END_TEST

START_TEST(a_tenant_has_no_more_workers_than_it_may)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b, *other;

	s.tenant = (struct policy_quota){.workers = 2};
	begin(&(struct policy_limits){0});
	a = add("t", &s);
	b = add("t", &s);
	other = add("other", &plain);
	arrive(a, 0, 5);
	ck_assert_uint_eq(count(a).starting, 2);
	all_ready();
	arrive(b, 10, 1);
	arrive(other, 20, 3);
	ck_assert_uint_eq(count(other).starting, 3);
	all_ready();
	ck_assert_uint_eq(count(b).starting, 0);
	/* One that is idle makes room, when nobody of its own function wants it. */
	for (size_t i = 0; i < 5; i++)
		policy_done(&requests[i], POLICY_SERVED, host.now);
	ck_assert_uint_eq(host.n_stopping, 1);
	ck_assert_uint_eq(count(b).starting, 0);
	all_gone();
	ck_assert_uint_eq(count(b).starting, 1);
	/* By memory it is the same. */
	s.tenant = (struct policy_quota){.memory = 25};
	policy_change(a, &s, host.now);
	arrive(a, 30, 3);
	all_ready();
	ck_assert_uint_eq(count(a).starting, 0);
	policy_measure(host.sent_to, 5, host.now);
	ck_assert_uint_eq(count(a).starting + count(a).serving, 2);
	policy_destroy(p);
}
END_TEST

START_TEST(a_tenant_has_a_rate)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b;

	s.tenant = (struct policy_quota){.rate = 10, .burst = 3};
	begin(&(struct policy_limits){0});
	a = add("t", &s);
	b = add("t", &s);
	arrive(a, 0, 2);
	arrive(b, 2, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_QUOTA], 1);
	host.now += 100 * MS;
	arrive(a, 4, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_QUOTA], 2);
	policy_destroy(p);
}
END_TEST

START_TEST(shares_by_weight)
{
	struct policy_settings s = plain;
	struct policy_function *heavy, *light;

	s.concurrency = 200;
	s.min = 1;
	begin(&(struct policy_limits){.running = 1});
	s.tenant.weight = 3;
	heavy = add("heavy", &s);
	s.tenant.weight = 1;
	light = add("light", &s);
	all_ready();
	arrive(heavy, 0, 100);
	arrive(light, 100, 100);
	for (int i = 0; i < 80; i++)
		policy_done(host.sent, POLICY_SERVED, host.now);
	ck_assert_uint_ge(count(light).waiting, 79);
	ck_assert_uint_le(count(light).waiting, 81);
	policy_destroy(p);
}
END_TEST

/* --- too much --- */

START_TEST(room_to_wait_is_shared)
{
	struct policy_settings s = plain;
	struct policy_function *greedy, *polite;

	s.max = 1;
	begin(&(struct policy_limits){.waiting = 20});
	greedy = add("greedy", &s);
	polite = add("polite", &s);
	arrive(greedy, 0, 50);
	ck_assert_uint_eq(count(greedy).waiting, 10);
	arrive(polite, 50, 5);
	ck_assert_uint_eq(count(polite).waiting, 5);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_OVERLOAD], 40);
	arrive(polite, 60, 5);
	ck_assert_uint_le(count(greedy).waiting + count(polite).waiting, 20);
	/* What runs at once has not to wait. */
	all_ready();
	ck_assert_uint_eq(count(greedy).running, 1);
	policy_destroy(p);
}
END_TEST

START_TEST(a_queue_that_stays_full_is_shed)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.max = 1;
	s.busy_ns = 2 * S;
	s.shed_ns = 100 * MS;
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	/* For a while it is only a burst. */
	arrive(f, 0, 10);
	all_ready();
	pass(1900 * MS);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_OVERLOAD], 0);
	pass(50 * MS);
	arrive(f, 10, 1);
	pass(50 * MS);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_OVERLOAD], 9);
	ck_assert_uint_eq(count(f).waiting, 1);
	/* The next one is served before it has waited for long. */
	policy_done(&requests[0], POLICY_SERVED, host.now);
	ck_assert_ptr_eq(host.sent, &requests[10]);
	/* It was empty: who comes now has time again. */
	arrive(f, 11, 1);
	pass(1 * S);
	ck_assert_uint_eq(count(f).waiting, 1);
	policy_destroy(p);
}
END_TEST

START_TEST(a_circuit_opens_and_closes)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.concurrency = 100;
	s.max = 1;
	s.breaker = (struct policy_breaker){
		.failures = 4, .percent = 50, .window_ns = 8 * S, .open_ns = 5 * S};
	begin(&(struct policy_limits){.running = 12});
	f = add("t", &s);
	arrive(f, 0, 20);
	all_ready();
	ck_assert_uint_eq(count(f).running, 12);
	for (size_t i = 0; i < 5; i++)
		policy_done(&requests[i], POLICY_SERVED, host.now);
	for (size_t i = 5; i < 9; i++)
		policy_done(&requests[i], POLICY_FAILED, host.now);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 0);
	/* Half of it: nobody waits for that. */
	arrive(f, 20, 3);
	policy_done(&requests[9], POLICY_FAILED, host.now);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 2);
	ck_assert_uint_eq(count(f).waiting, 0);
	arrive(f, 30, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 4);
	/* What runs still says nothing any more. */
	policy_done(&requests[10], POLICY_SERVED, host.now);
	pass(5 * S);
	/* One tries; when it leaves it is the next one's turn, and when it fails it takes longer. */
	arrive(f, 40, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 5);
	policy_done(&requests[40], POLICY_ABANDONED, host.now);
	arrive(f, 42, 1);
	policy_done(&requests[42], POLICY_FAILED, host.now);
	arrive(f, 43, 1);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 6);
	pass(5 * S);
	arrive(f, 44, 1);
	policy_done(&requests[44], POLICY_SERVED, host.now);
	arrive(f, 45, 2);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 6);
	policy_done(&requests[45], POLICY_SERVED, host.now);
	/* Failures that are old enough do not count. */
	for (size_t i = 50; i < 53; i++) {
		arrive(f, i, 1);
		policy_done(&requests[i], POLICY_FAILED, host.now);
	}
	pass(9 * S);
	arrive(f, 53, 1);
	policy_done(&requests[53], POLICY_FAILED, host.now);
	arrive(f, 54, 1);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 6);
	policy_destroy(p);
}
END_TEST

/* A worker that ends with its requests has failed all of them. */
START_TEST(a_circuit_hears_of_ends)
{
	struct policy_settings s = plain;
	struct policy_function *f;

	s.concurrency = 100;
	s.breaker = (struct policy_breaker){
		.failures = 4, .percent = 50, .window_ns = 8 * S, .open_ns = 5 * S};
	begin(&(struct policy_limits){0});
	f = add("t", &s);
	arrive(f, 0, 4);
	all_ready();
	policy_gone(host.sent_to, host.now);
	arrive(f, 4, 1);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 1);
	policy_again(f, &requests[0], host.now);
	ck_assert_uint_eq(host.refused[POLICY_REFUSED_CIRCUIT], 2);
	/* The one that tries may wait, and may have to go. */
	pass(5 * S);
	arrive(f, 5, 1);
	ck_assert_uint_eq(count(f).waiting, 1);
	policy_leave(&requests[5], host.now);
	arrive(f, 6, 1);
	ck_assert_uint_eq(count(f).waiting, 1);
	policy_destroy(p);
}
END_TEST

START_TEST(limits_change)
{
	struct policy_settings s = plain;
	struct policy_function *a, *b;

	s.concurrency = 10;
	begin(&(struct policy_limits){.running = 2, .memory = 15});
	a = add("a", &s);
	b = add("b", &plain);
	arrive(a, 0, 5);
	all_ready();
	ck_assert_uint_eq(count(a).running, 2);
	policy_limit(p, &(struct policy_limits){.running = 4, .memory = 35}, host.now);
	ck_assert_uint_eq(count(a).running, 4);
	arrive(b, 5, 2);
	ck_assert_uint_eq(count(b).starting, 2);
	policy_limit(p, &(struct policy_limits){.memory = 35}, host.now);
	ck_assert_uint_eq(count(a).running, 5);
	all_ready();
	policy_done(&requests[5], POLICY_SERVED, host.now);
	policy_done(&requests[6], POLICY_SERVED, host.now);
	ck_assert_uint_eq(host.n_stopping, 0);
	/* Who does nothing goes, the others finish. */
	policy_limit(p, &(struct policy_limits){.memory = 15}, host.now);
	ck_assert_uint_eq(host.n_stopping, 2);
	ck_assert_uint_eq(count(a).running, 5);
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
	policy_done(&requests[0], POLICY_SERVED, host.now);
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
			policy_done(&requests[i], POLICY_SERVED, host.now);
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
	once_more_is_somewhere_else, dispatches_by_load_or_in_turn, limits_change, follows_a_target,
	shares_what_runs, memory_is_the_limit, too_much_was_measured,
	a_tenant_runs_no_more_than_it_may, a_tenant_has_no_more_workers_than_it_may,
	a_tenant_has_a_rate, shares_by_weight, room_to_wait_is_shared,
	a_queue_that_stays_full_is_shed, a_circuit_opens_and_closes, a_circuit_hears_of_ends,
	idle_workers_make_room_at_once, what_nobody_waits_for_takes_nothing_from_others)
