/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that the policy did not ask for, and those that it gives away. */
#include "seed/noslated/policy/policy.h"
#include "tests/unit/unit.h"

#define S POLICY_NS_PER_S

static struct {
	unsigned starts, stops, sent;
	struct policy_worker *sent_to, *started, *stopped;
} host;

static bool on_start(void *h UNUSED, struct policy_worker *w)
{
	host.starts++;
	host.started = w;
	return true;
}

static void on_stop(void *h UNUSED, struct policy_worker *w)
{
	host.stops++;
	host.stopped = w;
}

static void on_send(void *h UNUSED, struct policy_request *r UNUSED, struct policy_worker *w)
{
	host.sent++;
	host.sent_to = w;
}

static void on_refuse(
	void *h UNUSED, struct policy_request *r UNUSED, enum policy_refusal why UNUSED)
{
	ck_abort_msg("refused");
}

static const struct policy_ops ops = {on_start, on_stop, on_send, on_refuse};
static const struct policy_settings settings = {.concurrency = 1,
	.min = 2,
	.max = 10,
	.queue_max = 10,
	.queue_ns = 10 * S,
	.idle_ns = 30 * S,
	.memory = 10};

START_TEST(those_that_are_there_come_first)
{
	struct policy *p = policy_create(&ops, &host, &(struct policy_limits){0});
	struct policy_request requests[2];
	struct policy_function *f;
	struct policy_worker *w;

	policy_hold_starts(p);
	f = policy_add(p, "t", &settings, NULL, S);
	policy_arrive(f, &requests[0], S);
	policy_arrive(f, &requests[1], S);
	policy_tick(p, 2 * S);
	ck_assert_uint_eq(host.starts, 0);
	w = policy_adopt(f, 2 * S);
	ck_assert_ptr_nonnull(w);
	policy_ready(w, 2 * S);
	ck_assert_uint_eq(host.sent, 1);
	ck_assert_ptr_eq(host.sent_to, w);
	policy_allow_starts(p, 3 * S);
	/* The other request needs one; then there are as many as there are to be. */
	ck_assert_uint_eq(host.starts, 1);
	ck_assert_uint_eq(policy_memory(p), 20);
	policy_destroy(p);
}
END_TEST

START_TEST(an_adopted_one_that_ends_is_no_failure_to_start)
{
	struct policy *p = policy_create(&ops, &host, &(struct policy_limits){0});
	struct policy_settings s = settings;
	struct policy_function *f;
	struct policy_worker *w;

	s.min = 1;
	policy_hold_starts(p);
	f = policy_add(p, "t", &s, NULL, S);
	w = policy_adopt(f, S);
	policy_ready(w, S);
	policy_allow_starts(p, S);
	ck_assert_uint_eq(host.starts, 0);
	policy_gone(w, 2 * S);
	ck_assert_uint_eq(host.starts, 1);
	policy_remove(f, 2 * S);
	ck_assert_ptr_null(policy_adopt(f, 2 * S));
	policy_destroy(p);
}
END_TEST

START_TEST(who_retires_keeps_nobody)
{
	struct policy *p = policy_create(&ops, &host, &(struct policy_limits){0});
	struct policy_function *f = policy_add(p, "t", &settings, NULL, S);
	struct policy_request request;
	struct policy_worker *first = host.started;

	ck_assert_uint_eq(host.starts, 2);
	policy_ready(first, S);
	policy_arrive(f, &request, S);
	ck_assert_ptr_eq(host.sent_to, first);
	policy_retire(f, S);
	policy_tick(p, S);
	policy_done(&request, POLICY_SERVED, 2 * S);
	ck_assert_uint_eq(host.stops, 1);
	ck_assert_ptr_eq(host.stopped, first);
	policy_destroy(p);
}
END_TEST

UNIT_MAIN("policy_adopt", those_that_are_there_come_first,
	an_adopted_one_that_ends_is_no_failure_to_start, who_retires_keeps_nobody)
