/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define MS 1000000ull

static struct loop loop;
static struct err err;
static char trace[256];

static void note(const char *what)
{
	ck_assert_uint_lt(strlen(trace) + strlen(what), sizeof(trace));
	strcat(trace, what);
}

static void on_note(void *data)
{
	note(data);
}

static void open_loop(void)
{
	trace[0] = '\0';
	ck_assert_int_eq(loop_init(&loop, &err), 0);
}

static void run(void)
{
	ck_assert_msg(loop_run(&loop, &err) == 0, "%s", err.msg);
}

START_TEST(empty_loop_ends)
{
	open_loop();
	run();
	ck_assert(loop_is_open(&loop));
	loop_close(&loop);
	ck_assert(!loop_is_open(&loop));
	loop_close(&loop);
}
END_TEST

START_TEST(timers_fire_in_order)
{
	/* Started out of order; two are due at the same time as near as a clock can tell. */
	struct loop_timer t[6] = {0};
	static const struct {
		const char *name;
		uint64_t ms;
	} plan[] = {{"e", 9}, {"b", 3}, {"d", 7}, {"a", 1}, {"c", 5}, {"x", 4}};

	open_loop();
	for (size_t i = 0; i < 6; i++) {
		t[i].fn = on_note;
		t[i].data = (void *)plan[i].name;
		ck_assert_int_eq(loop_timer_start(&loop, &t[i], plan[i].ms * MS), 0);
	}
	loop_timer_stop(&loop, &t[5]);
	loop_timer_stop(&loop, &t[5]);
	ck_assert(!loop_timer_is_running(&t[5]));
	run();
	ck_assert_str_eq(trace, "abcde");
	loop_close(&loop);
}
END_TEST

static void on_early(void *data)
{
	uint64_t due = *(uint64_t *)data;

	ck_assert_uint_ge(loop_clock_ns(), due);
}

START_TEST(no_timer_is_early)
{
	struct loop_timer t = {.fn = on_early};

	open_loop();
	t.data = &t.due_ns;
	for (uint64_t us = 1; us < 3000; us += 333) {
		ck_assert_int_eq(loop_timer_start(&loop, &t, us * 1000), 0);
		run();
	}
	loop_close(&loop);
}
END_TEST

/* A heap of many timers, some stopped, some moved, checked against plain sorting. */
START_TEST(heap_keeps_order)
{
	enum { N = 1000 };
	struct loop_timer *t = calloc(N, sizeof(*t));
	unsigned seed = 7;
	uint64_t last = 0;
	size_t n = 0;

	open_loop();
	for (size_t i = 0; i < N; i++)
		loop_timer_start(
			&loop, &t[i], (uint64_t)(rand_r(&seed) % 100000) * MS + MS * 60000);
	for (size_t i = 0; i < N; i += 3)
		loop_timer_stop(&loop, &t[i]);
	for (size_t i = 1; i < N; i += 5)
		loop_timer_start(
			&loop, &t[i], (uint64_t)(rand_r(&seed) % 100000) * MS + MS * 60000);
	while (loop.n_timers > 0) {
		struct loop_timer *first = loop.heap[0];

		for (size_t i = 0; i < loop.n_timers; i++)
			ck_assert_uint_eq(loop.heap[i]->slot, i + 1);
		ck_assert_uint_ge(first->due_ns, last);
		last = first->due_ns;
		loop_timer_stop(&loop, first);
		n++;
	}
	ck_assert_uint_eq(n, 733);
	loop_close(&loop);
	free(t);
}
END_TEST

static void on_again(void *data)
{
	struct loop_timer *t = data;

	note("t");
	if (strlen(trace) < 8)
		loop_timer_start(&loop, t, 0);
}

static void on_fd(void *data, uint32_t events)
{
	struct loop_fd *w = data;

	note(events & EPOLLIN ? "r" : "?");
	if (strlen(trace) >= 8)
		loop_fd_remove(&loop, w);
}

START_TEST(timer_of_zero_does_not_starve_descriptors)
{
	struct loop_timer t = {.fn = on_again, .data = &t};
	struct loop_fd w = {.fn = on_fd, .data = &w};
	int p[2];

	open_loop();
	ck_assert_int_eq(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
	ck_assert_int_eq(loop_fd_add(&loop, &w, p[0], EPOLLIN), 0);
	loop_timer_start(&loop, &t, 0);
	run();
	ck_assert_ptr_nonnull(strstr(trace, "rt"));
	ck_assert_ptr_nonnull(strstr(trace, "tr"));
	loop_close(&loop);
	close(p[0]);
	close(p[1]);
}
END_TEST

struct pair {
	struct loop_fd w;
	struct pair *other;
};

static void on_remove_other(void *data, uint32_t events)
{
	struct pair *p = data;

	(void)events;
	note("1");
	loop_fd_remove(&loop, &p->w);
	loop_fd_remove(&loop, &p->other->w);
	memset(p->other, 0xaa, sizeof(*p->other)); /* as if it had been freed */
}

START_TEST(removed_watcher_is_not_called)
{
	struct pair a = {0}, b = {0};
	int p[2];

	open_loop();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
	ck_assert_int_eq(write(p[0], "x", 1), 1);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
	a = (struct pair){.w = {.fn = on_remove_other, .data = &a}, .other = &b};
	b = (struct pair){.w = {.fn = on_remove_other, .data = &b}, .other = &a};
	ck_assert_int_eq(loop_fd_add(&loop, &a.w, p[0], EPOLLIN), 0);
	ck_assert_int_eq(loop_fd_add(&loop, &b.w, p[1], EPOLLIN), 0);
	run();
	ck_assert_str_eq(trace, "1");
	loop_close(&loop);
	close(p[0]);
	close(p[1]);
}
END_TEST

static struct loop_deferred first, second, third;

static void on_first(void *data)
{
	note(data);
	loop_defer_cancel(&loop, &second);
	loop_defer(&loop, &first); /* runs again, in the next turn */
	first.fn = on_note;
}

START_TEST(deferred_calls)
{
	open_loop();
	first = (struct loop_deferred){.fn = on_first, .data = "a"};
	second = (struct loop_deferred){.fn = on_note, .data = "b"};
	third = (struct loop_deferred){.fn = on_note, .data = "c"};
	loop_defer(&loop, &first);
	loop_defer(&loop, &second);
	loop_defer(&loop, &third);
	loop_defer(&loop, &third);
	run();
	ck_assert_str_eq(trace, "aca");
	loop_close(&loop);
}
END_TEST

static void on_after(void *data)
{
	note(data);
}

static void on_stop(void *data)
{
	note(data);
	loop_stop(&loop);
}

START_TEST(after_and_stop)
{
	struct loop_timer t = {.fn = on_stop, .data = "t"};
	struct loop_deferred a = {.fn = on_stop, .data = "a"}, b = {.fn = on_note, .data = "b"};

	open_loop();
	loop_set_after(&loop, on_after, ".");
	loop_timer_start(&loop, &t, 0);
	loop_defer(&loop, &a);
	loop_defer(&loop, &b);
	run(); /* the timer stops it */
	ck_assert_str_eq(trace, "t.");
	run();
	ck_assert_str_eq(trace, "t.a.");
	run();
	ck_assert_str_eq(trace, "t.a.b.");
	loop_close(&loop);
}
END_TEST

START_TEST(holds_and_background)
{
	struct loop_timer end = {.fn = on_note, .data = "end"};
	struct loop_timer idle = {.fn = on_note, .data = "idle", .background = true};

	open_loop();
	loop_timer_start(&loop, &idle, 1000 * 3600 * MS);
	run(); /* nothing in the foreground */
	loop_timer_start(&loop, &end, 0);
	loop_hold(&loop);
	loop_unhold(&loop);
	run();
	ck_assert_str_eq(trace, "end");
	loop_timer_stop(&loop, &idle);
	loop_close(&loop);
}
END_TEST

static int signals_seen;

static void on_signal(void *data, int signal)
{
	struct loop_timer *t = data;

	ck_assert(signal == SIGTERM || signal == SIGUSR1);
	if (++signals_seen == 2)
		loop_timer_stop(&loop, t);
}

START_TEST(signals_come_from_the_loop)
{
	struct loop_timer wait = {.fn = on_note, .data = "late"};
	sigset_t set;

	open_loop();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	ck_assert_int_eq(loop_watch_signals(&loop, &set, on_signal, &wait, &err), 0);
	ck_assert_int_eq(raise(SIGTERM), 0);
	ck_assert_int_eq(raise(SIGUSR1), 0);
	loop_timer_start(&loop, &wait, 30000 * MS);
	run();
	ck_assert_int_eq(signals_seen, 2);
	ck_assert_str_eq(trace, "");
	loop_close(&loop);
}
END_TEST

UNIT_MAIN("loop", empty_loop_ends, timers_fire_in_order, no_timer_is_early, heap_keeps_order,
	timer_of_zero_does_not_starve_descriptors, removed_watcher_is_not_called, deferred_calls,
	after_and_stop, holds_and_background, signals_come_from_the_loop)
