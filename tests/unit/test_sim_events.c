/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/events.h"
#include "seed/noslated/sim/pool.h"
#include "seed/noslated/sim/random.h"
#include "tests/unit/unit.h"

#define N 20000

START_TEST(events_come_by_time)
{
	struct events q = EVENTS_INIT;
	uint64_t last = 0;

	ck_assert_uint_eq(events_next(&q), EVENTS_NEVER);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(
			events_add(&q, random_at(7, i) % 1000000, (enum event_kind)(i % 3), i), 0);
	for (uint32_t i = 0; i < N; i++) {
		const uint64_t next = events_next(&q);
		const struct event e = events_take(&q);

		ck_assert_uint_eq(e.time_ns, next);
		ck_assert_uint_ge(e.time_ns, last);
		ck_assert_uint_eq(e.time_ns, random_at(7, event_index(&e)) % 1000000);
		ck_assert_uint_eq(event_kind(&e), event_index(&e) % 3);
		last = e.time_ns;
	}
	ck_assert_uint_eq(q.n, 0);
	events_finish(&q);
}
END_TEST

START_TEST(events_of_one_time_keep_their_order)
{
	struct events q = EVENTS_INIT;

	q.order = UINT32_MAX - N / 2; /* also where the count begins again */
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(events_add(&q, i % 4, EVENT_END, i), 0);
	for (uint32_t t = 0; t < 4; t++)
		for (uint32_t i = t; i < N; i += 4) {
			const struct event e = events_take(&q);

			ck_assert_uint_eq(e.time_ns, t);
			ck_assert_uint_eq(event_index(&e), i);
		}
	events_finish(&q);
}
END_TEST

START_TEST(events_come_by_time_while_others_are_added)
{
	struct events q = EVENTS_INIT;
	uint64_t now = 0, n = 0;

	for (uint32_t i = 0; i < 100; i++)
		ck_assert_int_eq(events_add(&q, random_at(1, n++) % 1000, EVENT_READY, i), 0);
	for (uint32_t i = 0; i < N; i++) {
		const struct event e = events_take(&q);

		ck_assert_uint_ge(e.time_ns, now);
		now = e.time_ns;
		ck_assert_int_eq(events_add(&q, now + random_at(1, n++) % 1000, EVENT_READY,
					 event_index(&e)),
			0);
	}
	ck_assert_uint_eq(q.n, 100);
	events_finish(&q);
}
END_TEST

START_TEST(objects_of_a_pool_stay_where_they_are)
{
	static uint64_t *at[3 * POOL_BLOCK];
	struct pool p;
	uint32_t index;

	pool_init(&p, sizeof(uint64_t), 3 * POOL_BLOCK);
	for (uint32_t i = 0; i < 3 * POOL_BLOCK; i++) {
		ck_assert_int_eq(pool_take(&p, &index), 0);
		ck_assert_uint_lt(index, 3 * POOL_BLOCK);
		ck_assert_ptr_null(at[index]);
		at[index] = pool_at(&p, index);
		*at[index] = index;
	}
	ck_assert_int_lt(pool_take(&p, &index), 0);
	for (uint32_t i = 0; i < 3 * POOL_BLOCK; i++) {
		ck_assert_ptr_eq(pool_at(&p, i), at[i]);
		ck_assert_uint_eq(*at[i], i);
	}
	pool_give(&p, 77);
	pool_give(&p, 5000);
	ck_assert_uint_eq(p.used, 3 * POOL_BLOCK - 2);
	ck_assert_int_eq(pool_take(&p, &index), 0);
	ck_assert_uint_eq(index, 5000);
	pool_finish(&p);
}
END_TEST

UNIT_MAIN("sim events", events_come_by_time, events_of_one_time_keep_their_order,
	events_come_by_time_while_others_are_added, objects_of_a_pool_stay_where_they_are)
