/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler's policy under long runs of random events: nothing is lost or happens twice, limits hold,
 * nobody waits for what is there, and in the end everything is gone.
 */
#include "seed/noslated/policy/policy.h"

#include <string.h>

#include "tests/unit/unit.h"

#define MS	  POLICY_NS_PER_MS
#define FUNCTIONS 12
#define REQUESTS  200
#define WORKERS	  400
#define EVENTS	  20000
#define TENANTS	  4

enum state { FREE, WAITS, RUNS };
enum place { NOWHERE, STARTING, SERVING, STOPPING };

static struct host {
	uint64_t now, random;
	struct policy *policy;
	struct policy_function *functions[FUNCTIONS];
	struct policy_settings settings[FUNCTIONS];
	struct policy_limits limits;
	unsigned tenant[FUNCTIONS];
	struct policy_quota quotas[TENANTS];
	struct policy_request requests[REQUESTS];
	enum state state[REQUESTS];
	struct policy_worker *workers[WORKERS];
	enum place place[WORKERS];
	unsigned running, starting;
} host;

static uint64_t draw(uint64_t below)
{
	uint64_t z = host.random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

static size_t index_of(const struct policy_worker *w)
{
	size_t i = 0;

	while (host.workers[i] != w)
		ck_assert_uint_lt(++i, WORKERS);
	return i;
}

static size_t number_of(const struct policy_request *r)
{
	return (size_t)(r - host.requests);
}

/* Of functions that were removed nothing is known here. */
static unsigned tenant_of(const struct policy_function *f)
{
	for (unsigned i = 0; i < FUNCTIONS; i++)
		if (host.functions[i] == f)
			return host.tenant[i];
	return TENANTS;
}

static void check_workers_of(unsigned tenant)
{
	unsigned n = 0;

	if (tenant == TENANTS || host.quotas[tenant].workers == 0)
		return;
	for (size_t i = 0; i < WORKERS; i++)
		n += host.workers[i] &&
		     tenant_of(policy_worker_function(host.workers[i])) == tenant;
	ck_assert_uint_le(n, host.quotas[tenant].workers);
}

static void check_running_of(unsigned tenant)
{
	unsigned n = 0;

	if (tenant == TENANTS || host.quotas[tenant].running == 0)
		return;
	for (size_t r = 0; r < REQUESTS; r++)
		n += host.state[r] == RUNS && host.requests[r].worker &&
		     tenant_of(policy_worker_function(host.requests[r].worker)) == tenant;
	ck_assert_uint_le(n, host.quotas[tenant].running);
}

static bool on_start(void *h UNUSED, struct policy_worker *w)
{
	const size_t i = index_of(NULL);

	/* No memory. */
	if (draw(20) == 0)
		return false;

	host.workers[i] = w;
	host.place[i] = STARTING;
	host.starting++;
	ck_assert(host.limits.starting == 0 || host.starting <= host.limits.starting);
	ck_assert(host.limits.memory == 0 || policy_memory(host.policy) <= host.limits.memory);
	check_workers_of(tenant_of(policy_worker_function(w)));
	return true;
}

static void on_stop(void *h UNUSED, struct policy_worker *w)
{
	const size_t i = index_of(w);

	ck_assert(host.place[i] == STARTING || host.place[i] == SERVING);
	host.starting -= host.place[i] == STARTING;
	host.place[i] = STOPPING;
	for (size_t r = 0; r < REQUESTS; r++)
		ck_assert(host.state[r] != RUNS || host.requests[r].worker != w);
}

static void on_send(void *h UNUSED, struct policy_request *r, struct policy_worker *w)
{
	ck_assert_int_eq(host.state[number_of(r)], WAITS);
	ck_assert_int_eq(host.place[index_of(w)], SERVING);
	host.state[number_of(r)] = RUNS;
	host.running++;
	ck_assert(host.limits.running == 0 || host.running <= host.limits.running);
	check_running_of(tenant_of(policy_worker_function(w)));
}

static void on_refuse(void *h UNUSED, struct policy_request *r, enum policy_refusal why)
{
	ck_assert_int_eq(host.state[number_of(r)], WAITS);
	ck_assert(why != POLICY_REFUSED_LATE || host.now >= r->deadline_ns);
	host.state[number_of(r)] = FREE;
}

static const struct policy_ops ops = {on_start, on_stop, on_send, on_refuse};

/* --- events --- */

static struct policy_settings random_settings(void)
{
	struct policy_settings s = {
		.concurrency = 1 + (unsigned)draw(4),
		.min = (unsigned)draw(3),
		.disposable = draw(4) == 0,
		.queue_max = (unsigned)draw(30),
		.queue_ns = draw(3000) * MS,
		.idle_ns = draw(5000) * MS,
		.rate = draw(3) ? 0 : (double)draw(200),
		.burst = 5,
		.memory = 1 + draw(20),
		.ejected_after = (unsigned)draw(4),
		.scale = (enum policy_scale)draw(POLICY_SCALE_FORECAST + 1),
		.dispatch = (enum policy_dispatch)draw(2),
		.shrink = (enum policy_shrink)draw(3),
		.target = POLICY_TARGET_DEFAULT,
		.busy_ns = draw(1000) * MS,
		.shed_ns = draw(2) ? 0 : draw(500) * MS,
		.breaker = {(unsigned)draw(20), 50, draw(2000) * MS, draw(500) * MS},
	};

	s.max = s.min + 1 + (unsigned)draw(10);
	return s;
}

static void add(size_t i)
{
	static const char *const tenants[TENANTS] = {"a", "b", "c", "d"};

	host.settings[i] = random_settings();
	host.tenant[i] = (unsigned)draw(TENANTS);
	host.settings[i].tenant = host.quotas[host.tenant[i]];
	host.functions[i] = policy_add(
		host.policy, tenants[host.tenant[i]], &host.settings[i], &host, host.now);
	ck_assert_ptr_nonnull(host.functions[i]);
}

/* One that has run may come again. */
static void again(void)
{
	struct policy_function *f = host.functions[draw(FUNCTIONS)];
	const size_t r = draw(REQUESTS);

	if (!f || host.state[r] != FREE)
		return;
	host.state[r] = WAITS;
	policy_again(f, &host.requests[r], host.now);
}

static void arrive(void)
{
	struct policy_function *f = host.functions[draw(FUNCTIONS)];
	const size_t r = draw(REQUESTS);

	if (!f || host.state[r] != FREE)
		return;
	host.state[r] = WAITS;
	policy_arrive(f, &host.requests[r], host.now);
}

static void end_request(void)
{
	const size_t r = draw(REQUESTS);

	if (host.state[r] == WAITS) {
		host.state[r] = FREE;
		policy_leave(&host.requests[r], host.now);
	} else if (host.state[r] == RUNS) {
		host.state[r] = FREE;
		host.running--;
		policy_done(&host.requests[r], (enum policy_end)draw(3), host.now);
	}
}

static void gone(size_t i)
{
	struct policy_worker *w = host.workers[i];

	for (size_t r = 0; r < REQUESTS; r++)
		if (host.state[r] == RUNS && host.requests[r].worker == w) {
			host.state[r] = FREE;
			host.running--;
		}
	host.starting -= host.place[i] == STARTING;
	host.workers[i] = NULL;
	host.place[i] = NOWHERE;
	policy_gone(w, host.now);
}

static void move_worker(void)
{
	const size_t i = draw(WORKERS);

	if (host.place[i] == STARTING && draw(8)) {
		host.place[i] = SERVING;
		host.starting--;
		policy_ready(host.workers[i], host.now);
	} else if (host.place[i] == STOPPING || (host.place[i] != NOWHERE && draw(20) == 0)) {
		gone(i);
	} else if (host.place[i] == SERVING && draw(4) == 0) {
		policy_measure(host.workers[i], 1 + draw(20), host.now);
	}
}

static void change(void)
{
	const size_t i = draw(FUNCTIONS);
	struct policy_function *f = host.functions[i];

	if (!f) {
		add(i);
	} else if (draw(3)) {
		host.settings[i] = random_settings();
		host.settings[i].tenant = host.quotas[host.tenant[i]];
		policy_change(f, &host.settings[i], host.now);
	} else {
		host.functions[i] = NULL;
		policy_remove(f, host.now);
	}
}

static void pass(void)
{
	const uint64_t until = host.now + draw(20 * MS);

	while (policy_due(host.policy) <= until) {
		if (policy_due(host.policy) > host.now)
			host.now = policy_due(host.policy);
		policy_tick(host.policy, host.now);
	}
	host.now = until;
}

/* --- what is always true --- */

static void check_function(const struct policy_function *f, const struct policy_settings *s)
{
	struct policy_count c;

	policy_count(f, &c);
	ck_assert_uint_le(c.idle, c.serving);
	ck_assert_uint_le(c.starting + c.serving, s->max);
	/* Nobody waits while somebody is idle, but for the node's limit. */
	if (c.waiting > 0 && c.idle > 0 && s->tenant.running == 0)
		ck_assert(host.limits.running > 0 && host.running >= host.limits.running);
}

static void check_all(void)
{
	unsigned waiting = 0, running = 0, w = 0, r = 0;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		struct policy_count c;

		if (!host.functions[i])
			continue;
		check_function(host.functions[i], &host.settings[i]);
		policy_count(host.functions[i], &c);
		waiting += c.waiting;
		running += c.running;
	}
	for (size_t i = 0; i < REQUESTS; i++) {
		w += host.state[i] == WAITS;
		r += host.state[i] == RUNS;
	}
	ck_assert_uint_eq(w, waiting);
	/* Those of functions that were removed run on. */
	ck_assert_uint_le(running, r);
	ck_assert_uint_eq(r, host.running);
}

static void end_all(void)
{
	for (size_t i = 0; i < FUNCTIONS; i++)
		if (host.functions[i])
			policy_remove(host.functions[i], host.now);
	for (size_t r = 0; r < REQUESTS; r++) {
		ck_assert_int_ne(host.state[r], WAITS);
		if (host.state[r] == RUNS) {
			host.state[r] = FREE;
			host.running--;
			policy_done(&host.requests[r], POLICY_SERVED, host.now);
		}
	}
	for (size_t i = 0; i < WORKERS; i++)
		if (host.workers[i]) {
			ck_assert_int_eq(host.place[i], STOPPING);
			gone(i);
		}
	ck_assert_uint_eq(policy_memory(host.policy), 0);
	ck_assert_uint_eq(policy_due(host.policy), POLICY_NEVER);
	policy_destroy(host.policy);
}

static void run(
	uint64_t seed, const struct policy_limits *limits, const struct policy_quota *quotas)
{
	static void (*const events[])(void) = {arrive, arrive, again, end_request, move_worker,
		move_worker, move_worker, move_worker};

	memset(&host, 0, sizeof(host));
	host.random = seed;
	host.now = 5000 * MS;
	host.limits = *limits;
	if (quotas)
		memcpy(host.quotas, quotas, sizeof(host.quotas));
	host.policy = policy_create(&ops, &host, limits);
	ck_assert_ptr_nonnull(host.policy);
	for (size_t i = 0; i < FUNCTIONS; i++)
		add(i);
	for (unsigned i = 0; i < EVENTS; i++) {
		if (draw(2000) == 0)
			change();
		else
			events[draw(ARRAY_SIZE(events))]();
		pass();
		check_all();
	}
	end_all();
}

START_TEST(without_limits)
{
	run(1, &(struct policy_limits){0}, NULL);
}
END_TEST

START_TEST(with_limits)
{
	run(2, &(struct policy_limits){.memory = 150, .starting = 4, .running = 20}, NULL);
	run(3, &(struct policy_limits){.memory = 40}, NULL);
	run(4, &(struct policy_limits){.starting = 1}, NULL);
	run(5, &(struct policy_limits){.running = 3}, NULL);
	run(6, &(struct policy_limits){.running = 3, .waiting = 10}, NULL);
}
END_TEST

START_TEST(with_quotas)
{
	static const struct policy_quota some[TENANTS] = {{.running = 3, .weight = 3},
		{.workers = 4}, {.memory = 60}, {.rate = 20, .burst = 3}};
	static const struct policy_quota few[TENANTS] = {{.running = 1, .workers = 2, .memory = 40},
		{.running = 1, .workers = 1}, {.memory = 21}, {.weight = 5}};

	run(7, &(struct policy_limits){0}, some);
	run(8, &(struct policy_limits){.memory = 150, .starting = 4, .running = 6, .waiting = 40},
		some);
	run(11, &(struct policy_limits){.running = 3}, few);
	run(12, &(struct policy_limits){.memory = 60, .starting = 2}, few);
}
END_TEST

/* The same events bring about the same decisions. */
static uint64_t digest;

static bool note_start(void *h UNUSED, struct policy_worker *w)
{
	if (!on_start(NULL, w))
		return false;
	digest = digest * 31 + index_of(w);
	return true;
}

static void note_send(void *h UNUSED, struct policy_request *r, struct policy_worker *w)
{
	on_send(NULL, r, w);
	digest = digest * 37 + number_of(r) * WORKERS + index_of(w);
}

static uint64_t digest_of(uint64_t seed)
{
	static const struct policy_ops noting = {note_start, on_stop, note_send, on_refuse};

	digest = 0;
	memset(&host, 0, sizeof(host));
	host.random = seed;
	host.policy = policy_create(&noting, &host, &host.limits);
	for (size_t i = 0; i < FUNCTIONS; i++)
		add(i);
	for (unsigned i = 0; i < EVENTS / 10; i++) {
		arrive();
		end_request();
		move_worker();
		pass();
	}
	end_all();
	return digest;
}

START_TEST(is_deterministic)
{
	const uint64_t first = digest_of(9);

	ck_assert_uint_ne(first, digest_of(10));
	ck_assert_uint_eq(first, digest_of(9));
}
END_TEST

UNIT_MAIN("policy_random", without_limits, with_limits, with_quotas, is_deterministic)
