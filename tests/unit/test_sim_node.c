/* SPDX-License-Identifier: Apache-2.0 */
/* Whole runs, and records of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/meter.h"
#include "seed/noslated/sim/node.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/replay.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"
#include "tests/unit/unit.h"

static struct meter meter;
static char path[64];
static struct err err;

/* One run of a policy; `meter` is what it used. */
static void run(const char *workload, const char *policy, struct node_options o, bool recorded)
{
	_cleanup_workload_ struct workload w = WORKLOAD_INIT;
	const struct workload_options wo = {.seed = 1, .scale_duration = 1};
	struct settings s;

	o.seed = 1;
	if (!o.start_ms)
		o.start_ms = o.start_p99_ms = 3;
	ck_assert_msg(synthetic_load(&w, workload, &wo, &err) == 0, "%s", err.msg);
	ck_assert_msg(settings_parse(policy, 1, &s, &err) == 0, "%s", err.msg);
	meter_finish(&meter);
	ck_assert_int_eq(meter_init(&meter, w.minutes), 0);
	if (recorded)
		ck_assert_int_eq(record_open(path, &o.limits, &o.record, &err), 0);
	ck_assert_msg(node_run(&w, &s, &o, &meter, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(record_close(o.record, &err), 0);
	ck_assert_uint_eq(meter.requests, w.total);
	ck_assert_uint_ge(meter.requests, meter.sent + meter_refused(&meter));
	ck_assert_uint_ge(meter.sent, meter.done);
	ck_assert_uint_eq(meter.delay.n, meter.sent);
	ck_assert_double_ge(meter.worker_s + 1e-6, meter.busy_s);
}

static const struct node_options plain;

START_TEST(a_burst_costs_a_worker_each)
{
	/* 100 at once, every five minutes; the first come in minute 3. */
	run("burst:functions=1,burst=100,minutes=10,duration=100ms", "keep-alive:idle=30s", plain,
		false);
	ck_assert_uint_eq(meter.requests, 200);
	ck_assert_uint_eq(meter.cold, 200);
	ck_assert_uint_eq(meter.done, 200);
	ck_assert_uint_eq(meter.starts, 200);
	ck_assert_uint_eq(meter.peak, 100);
	ck_assert_uint_eq(meter.delay.max, 3000000);
	ck_assert_double_eq_tol(meter.worker_s - meter.busy_s, 200 * 30.003, 0.001);
	ck_assert_uint_eq(meter.peak_memory, UINT64_C(100) * 32 << 20);
	/* Who stays is not started again. */
	run("burst:functions=1,burst=100,minutes=10,duration=100ms", "keep-alive", plain, false);
	ck_assert_uint_eq(meter.starts, 100);
	ck_assert_uint_eq(meter.cold, 100);
}
END_TEST

START_TEST(every_second_is_counted_once)
{
	double worker_s = 0, busy_s = 0;
	uint64_t requests = 0;

	run("diurnal:functions=5,rate=2,minutes=30,duration=200ms", "turf:idle=2s", plain, false);
	for (uint32_t i = 0; i < meter.n_minutes; i++) {
		worker_s += meter.minutes[i].worker_s;
		busy_s += meter.minutes[i].busy_s;
		requests += meter.minutes[i].requests;
	}
	ck_assert_double_eq_tol(worker_s, meter.worker_s, 1e-6);
	ck_assert_double_eq_tol(busy_s, meter.busy_s, 1e-6);
	ck_assert_uint_eq(requests, meter.requests);
	ck_assert_double_eq_tol(
		meter.memory_byte_s, meter.worker_s * (32 << 20), meter.memory_byte_s * 1e-9);
}
END_TEST

START_TEST(limits_of_the_node_hold)
{
	const struct node_options o = {.limits = {.memory = UINT64_C(320) << 20, .running = 4}};

	run("burst:functions=3,burst=50,minutes=5,duration=50ms", "turf", o, false);
	ck_assert_uint_le(meter.peak_memory, UINT64_C(320) << 20);
	ck_assert_uint_le(meter.peak, 10);
	ck_assert_uint_eq(meter.done, 150);
	run("burst:functions=1,burst=50,minutes=5", "turf:queue=10,max=5", plain, false);
	ck_assert_uint_eq(meter.refused[POLICY_REFUSED_QUEUE], 40);
	ck_assert_uint_le(meter.peak, 5);
}
END_TEST

START_TEST(every_policy_replays_its_record)
{
	static const char *const policies[] = {"turf:idle=500ms", "keep-alive", "kpa", "lambda",
		"turf:disposable=yes,min=2", "turf:rate=1.3,burst=3,queue=2,wait=10ms",
		"turf:dispatch=round-robin,concurrency=3,max=2,min=1"};
	const struct node_options o = {.limits = {.memory = UINT64_C(640) << 20, .starting = 3}};
	struct replay_count count;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		run("greedy:rate=0.5,flood=50,minutes=3,duration=80ms", policies[i], o, true);
		ck_assert_msg(replay_run(path, &count, &err) == 0, "%s: %s", policies[i], err.msg);
		ck_assert_uint_ge(count.events, meter.events);
		ck_assert_uint_ge(count.decisions, meter.sent + meter.starts);
	}
	unlink(path);
}
END_TEST

static void write_file(const char *text)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

#define HEAD                                                   \
	"{\"format\":\"noslate-policy-record\",\"version\":2," \
	"\"limits\":{\"memory\":0,\"starting\":0,\"running\":0,\"waiting\":0}}\n"

START_TEST(what_is_no_record_is_refused)
{
	static const struct {
		const char *text, *sentence;
	} bad[] = {
		{"", ": is empty"},
		{"{}\n", ":1: no record of a policy"},
		{"{\"format\":\"noslate-policy-record\",\"version\":1}\n",
			":1: not version 2 of the format"},
		{"{\"format\":\"noslate-policy-record\",\"version\":2,"
		 "\"limits\":{\"memory\":0,\"starting\":0}}\n",
			":1: limits.running: missing"},
		{HEAD "[]\n", ":2: "},
		{HEAD "{\"t\":1,\"in\":\"jump\"}\n", ":2: in: 'jump' is not known"},
		{HEAD "{\"t\":1,\"in\":\"tick\"}\n{\"t\":0,\"in\":\"tick\"}\n",
			":3: time goes back"},
		{HEAD "{\"t\":1,\"in\":\"ready\",\"worker\":0}\n", ":2: there is no worker 0"},
		{HEAD "{\"t\":1,\"in\":\"arrive\",\"request\":0,\"function\":9}\n",
			":2: there is no function 9"},
		{HEAD "{\"t\":1,\"in\":\"add\",\"function\":1}\n",
			":2: function 1 where 0 is next"},
		{HEAD "{\"out\":\"stop\",\"worker\":3}\n",
			":2: recorded: stop worker 3; now: nothing"},
	};
	struct replay_count count;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_file(bad[i].text);
		ck_assert_int_lt(replay_run(path, &count, &err), 0);
		ck_assert_msg(strstr(err.msg, bad[i].sentence), "%s", err.msg);
		ck_assert_int_eq(strncmp(err.msg, path, strlen(path)), 0);
	}
	unlink(path);
}
END_TEST

/* A worker that dies with requests: what the daemon may tell, and the simulator never does. */
START_TEST(requests_of_a_worker_that_is_gone_are_over)
{
	struct policy_limits limits = {0};
	struct replay_count count;
	struct settings s;
	struct record *r;
	uint64_t f, worker, request;

	ck_assert_int_eq(settings_parse("turf:utilisation=0.1", 1, &s, &err), 0);
	ck_assert_int_eq(record_open(path, &limits, &r, &err), 0);
	f = record_add(r, "a \"tenant\"", &s.values, 5);
	request = record_arrive(r, f, 10);
	worker = record_start(r, f);
	record_ready(r, worker, 20);
	record_send(r, request, worker);
	record_measure(r, worker, 12345);
	record_gone(r, worker, 30);
	ck_assert_int_eq(record_close(r, &err), 0);
	ck_assert_msg(replay_run(path, &count, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(count.events, 5);
	ck_assert_uint_eq(count.decisions, 2);
	unlink(path);
}
END_TEST

START_TEST(settings_have_names)
{
	struct settings s;

	ck_assert_int_eq(settings_parse("turf:idle=0,max=7,scale=target,utilisation=0.5,tick=1s,"
					"disposable=yes,memory=2M",
				 9, &s, &err),
		0);
	ck_assert_uint_eq(s.values.idle_ns, 0);
	ck_assert_uint_eq(s.values.max, 7);
	ck_assert_uint_eq(s.values.concurrency, 9);
	ck_assert_uint_eq(s.values.memory, 2 << 20);
	ck_assert_int_eq(s.values.scale, POLICY_SCALE_TARGET);
	ck_assert(s.values.disposable);
	ck_assert_double_eq(s.values.target.utilisation, 0.5);
	ck_assert_int_eq(settings_parse("lambda", 9, &s, &err), 0);
	ck_assert_uint_eq(s.values.concurrency, 1);
	ck_assert_int_lt(settings_parse("turf:idel=1s", 1, &s, &err), 0);
	ck_assert_str_eq(err.msg, "--policy turf: no key 'idel'");
	ck_assert_int_lt(settings_parse("turf:idle", 1, &s, &err), 0);
	ck_assert_int_lt(settings_parse("turf:idle=5", 1, &s, &err), 0);
	ck_assert_int_lt(settings_parse("turf:concurrency=0", 1, &s, &err), 0);
	ck_assert_int_lt(settings_parse("turf:min=5,max=4", 1, &s, &err), 0);
	ck_assert_int_lt(settings_parse("kpa:tick=0", 1, &s, &err), 0);
	ck_assert_int_lt(settings_parse("kpax", 1, &s, &err), 0);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {a_burst_costs_a_worker_each, every_second_is_counted_once,
		limits_of_the_node_hold, every_policy_replays_its_record,
		what_is_no_record_is_refused, requests_of_a_worker_that_is_gone_are_over,
		settings_have_names};

	snprintf(path, sizeof(path), "/tmp/test-sim-node-%d", (int)getpid());
	return unit_run("sim node", cases, ARRAY_SIZE(cases));
}
