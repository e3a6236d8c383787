/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of workers, which here are processes that do nothing, or much. */
#include "seed/noslated/control/meter.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seed/noslated/profile/profile.h"
#include "tests/unit/unit.h"

static uv_loop_t loop;
static uv_timer_t alive; /* what measures does not keep the loop so */
static struct stats *s;
static struct meter *m;
static char path[64];
static unsigned n_measured;

static void on_measured(void *arg, const char *worker, uint64_t bytes)
{
	ck_assert_ptr_eq(arg, &loop);
	ck_assert(strncmp(worker, "w", 1) == 0);
	ck_assert_uint_gt(bytes, 0);
	n_measured++;
}

static void open_meter(void)
{
	struct meter_options options = {.loop = &loop, .measured = on_measured, .arg = &loop};
	struct err err = ERR_INIT;

	ck_assert_int_eq(stats_open(path, &stats_control_form, &s, &err), 0);
	options.stats = s;
	m = meter_create(&options);
	ck_assert_ptr_nonnull(m);
}

static void on_never(uv_timer_t *t UNUSED)
{
}

static void begin(void)
{
	snprintf(path, sizeof(path), "/tmp/turf-test-meter-%d", getpid());
	uv_loop_init(&loop);
	uv_timer_init(&loop, &alive);
	uv_timer_start(&alive, on_never, 1000000, 0);
	open_meter();
}

static void close_meter(void)
{
	meter_destroy(m);
	uv_run(&loop, UV_RUN_NOWAIT);
	stats_close(s);
}

static void end(void)
{
	uv_close((uv_handle_t *)&alive, NULL);
	close_meter();
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(path);
}

static void apply(const char *functions)
{
	struct profile_set set = {0};
	struct err err = ERR_INIT;
	char text[512];

	snprintf(text, sizeof(text), "{\"version\": 1, \"functions\": [%s]}", functions);
	ck_assert_msg(profile_set_parse(text, strlen(text), &set, NULL, &err) == 0, "%s", err.msg);
	meter_applied(m, &set);
	profile_set_finish(&set);
}

#define FUNCTION(name) "{\"name\": \"" name "\", \"code\": {\"path\": \"/x\"}}"

static const struct stats_control_function *of(const char *function, enum stats_state *ret)
{
	static struct stats_copy copy;

	ck_assert(stats_find(s, function, &copy));
	if (ret)
		*ret = copy.state;
	return (const struct stats_control_function *)copy.words;
}

START_TEST(counts)
{
	enum stats_state state;

	begin();
	apply(FUNCTION("f") "," FUNCTION("g"));
	meter_worker_failed(m, "f", "t");
	meter_worker_serves(m, "w1", "f", "t", getpid(), 2000000);
	meter_worker_serves(m, "w2", "f", "t", getpid(), 3000000);
	meter_worker_serves(m, "w2", "f", "t", getpid(), 3000000);
	meter_worker_serves(m, "w3", "g", "t", getpid(), 0);
	ck_assert_uint_eq(of("f", NULL)->starts, 2);
	ck_assert_uint_eq(of("f", NULL)->start_failures, 1);
	ck_assert_uint_eq(of("f", NULL)->now.workers, 2);
	ck_assert_uint_eq(of("f", NULL)->start[HISTOGRAM_COARSE_WORDS - 1], 5000000);
	ck_assert_uint_eq(of("g", NULL)->starts, 0);
	ck_assert_uint_eq(of("g", NULL)->now.workers, 1);
	meter_worker_stops(m, "w1");
	meter_worker_stops(m, "none");
	meter_worker_gone(m, "w1", STATS_EXIT_KILLED);
	meter_worker_gone(m, "w1", STATS_EXIT_KILLED);
	meter_worker_gone(m, "w2", STATS_EXIT_OOM);
	ck_assert_uint_eq(of("f", NULL)->exits[STATS_EXIT_STOPPED], 1);
	ck_assert_uint_eq(of("f", NULL)->exits[STATS_EXIT_OOM], 1);
	ck_assert_uint_eq(of("f", NULL)->now.workers, 0);
	ck_assert_uint_eq(of("f", NULL)->now.memory, 0);
	/* A function that goes is there while a worker of it is. */
	apply(FUNCTION("f"));
	of("g", &state);
	ck_assert_int_eq(state, STATS_USED);
	meter_worker_gone(m, "w3", STATS_EXIT_ENDED);
	of("g", &state);
	ck_assert_int_eq(state, STATS_GONE);
	/* The next control plane goes on. */
	close_meter();
	open_meter();
	apply(FUNCTION("f") "," FUNCTION("g"));
	ck_assert_uint_eq(of("g", &state)->exits[STATS_EXIT_ENDED], 1);
	ck_assert_int_eq(state, STATS_USED);
	ck_assert_uint_eq(of("f", NULL)->starts, 2);
	end();
}
END_TEST

/* Each is measured, however many there are, and those that go meanwhile do no harm. */
START_TEST(measures)
{
	char name[16];
	pid_t busy;

	begin();
	apply(FUNCTION("f") "," FUNCTION("g"));
	busy = fork();
	if (busy == 0)
		for (;;)
			;
	meter_worker_serves(m, "w-busy", "g", "t", busy, 1);
	for (int i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		meter_worker_serves(m, name, "f", "t", getpid(), 1);
	}
	for (int i = 0; n_measured < 260; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		if (i < 20)
			meter_worker_gone(m, name, STATS_EXIT_ENDED);
		usleep(5000);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	while (of("g", NULL)->cpu_user_ns < 100000000) {
		usleep(5000);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	ck_assert_uint_gt(of("f", NULL)->now.memory, 0);
	kill(busy, SIGKILL);
	ck_assert_int_eq(waitpid(busy, NULL, 0), busy);
	meter_worker_gone(m, "w-busy", STATS_EXIT_KILLED);
	ck_assert_uint_eq(of("g", NULL)->now.memory, 0);
	end();
}
END_TEST

UNIT_MAIN("control_meter", counts, measures)
