/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of functions: defaults, every member there and back, every mistake with its place. */
#include "seed/noslated/profile/profile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "seed/noslated/policy/policy.h"
#include "tests/unit/unit.h"

#define ONE(members)                                                               \
	"{\"version\": 1, \"functions\": [{\"name\": \"a\", \"code\": {\"path\": " \
	"\"/a.js\"}" members "}]}"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct profile_set set;
static struct err err;

static void read_it(const char *text)
{
	ck_assert_msg(profile_set_parse(text, strlen(text), &set, NULL, &err) == 0, "%s", err.msg);
}

static void refused(const char *text, const char *why)
{
	struct profile_set none = {0};
	struct err e = ERR_INIT;

	ck_assert_int_lt(profile_set_parse(text, strlen(text), &none, NULL, &e), 0);
	ck_assert_str_eq(e.msg, why);
	ck_assert_ptr_null(none.functions);
}

START_TEST(has_defaults)
{
	struct policy_settings s;
	const struct profile_function *f;

	read_it(ONE(""));
	f = profile_set_find(&set, "a");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_null(profile_set_find(&set, "b"));
	ck_assert_str_eq(f->tenant, "default");
	ck_assert_int_eq(f->runtime, PROFILE_AWORKER);
	ck_assert_int_eq(f->start, PROFILE_START_AUTO);
	ck_assert_uint_eq(f->times.request_ms, 30000);
	profile_settings(&set, f, &s);
	ck_assert_uint_eq(s.concurrency, 10);
	ck_assert_uint_eq(s.min, 0);
	ck_assert_uint_eq(s.max, 100);
	ck_assert_uint_eq(s.queue_ns, 10 * POLICY_NS_PER_S);
	ck_assert_uint_eq(s.idle_ns, 30 * POLICY_NS_PER_S);
	ck_assert_uint_eq(s.memory, 128 << 20);
	ck_assert_int_eq(s.scale, POLICY_SCALE_QUEUE);
	ck_assert(s.target.utilisation > 0.69 && s.target.utilisation < 0.71);
	profile_set_finish(&set);
}
END_TEST

static const char full[] =
	"{\"version\": 1, \"node\": {\"memory\": \"4Gi\", \"starting\": 8, \"running\": 1000, "
	"\"waiting\": 500},"
	"\"tenants\": [{\"name\": \"t\", \"running\": 5, \"workers\": 6, \"memory\": \"1Gi\","
	"\"rate\": {\"perSecond\": 7, \"burst\": 8}, \"weight\": 9}, {\"name\": \"s\"}],"
	"\"functions\": [{\"name\": \"z\", \"tenant\": \"t\", \"runtime\": \"aworker\", \"start\": "
	"\"source\","
	"\"code\": {\"url\": \"https://h/x.zip\", \"digest\": \"sha256:" HEX
	"\", \"entry\": \"src/w.js\"},"
	"\"environment\": {\"B\": \"2\", \"A\": \"x=y\"},"
	"\"routes\": [{\"host\": \"a.example\", \"path\": \"/api\", \"weight\": 9}, {\"header\": "
	"\"x-f: z\"}],"
	"\"disposable\": false, \"concurrency\": 7, \"ejectedAfter\": 0, \"dispatch\": "
	"\"round-robin\","
	"\"replicas\": {\"min\": 2, \"max\": 3}, \"queue\": {\"length\": 0, \"deadline\": \"5s\","
	"\"busyAfter\": \"2s\", \"busyDeadline\": \"1s\"}, \"breaker\": {\"failures\": 0},"
	"\"rate\": {\"perSecond\": 10}, \"scale\": {\"policy\": \"target\", \"utilisation\": 50,"
	"\"window\": \"30s\", \"panic\": \"3s\", \"idle\": \"0s\", \"shrink\": \"filo\"},"
	"\"resources\": {\"memory\": \"64Mi\", \"cpu\": 500, \"pids\": 9, \"heap\": \"32Mi\","
	"\"stack\": \"1Mi\", \"taskTime\": \"2s\", \"cpuTime\": \"1h\"},"
	"\"timeouts\": {\"request\": \"2s\", \"drain\": \"3s\"}},"
	"{\"name\": \"b\", \"runtime\": \"bundle\", \"code\": {\"path\": \"/b\"}, \"disposable\": "
	"true}]}";

static void check_full(void)
{
	const struct profile_function *f = profile_set_find(&set, "z");
	struct policy_settings s;
	struct policy_limits l;

	ck_assert_uint_eq(set.n_functions, 2);
	ck_assert_str_eq(set.functions[0].name, "b");
	ck_assert_uint_eq(set.functions[0].concurrency, 1);
	ck_assert_int_eq(set.functions[0].runtime, PROFILE_BUNDLE);
	ck_assert_int_eq(f->runtime, PROFILE_AWORKER);
	ck_assert_str_eq(f->code.digest, "sha256:" HEX);
	ck_assert_uint_eq(f->n_env, 2);
	ck_assert_str_eq(f->env[0].name, "A");
	ck_assert_str_eq(f->env[0].value, "x=y");
	ck_assert_uint_eq(f->n_routes, 2);
	ck_assert_uint_eq(f->routes[0].weight, 9);
	ck_assert_uint_eq(f->routes[1].weight, 1);
	ck_assert_uint_eq(f->rate.burst, 10);
	ck_assert_uint_eq(f->resources.stack, 1 << 20);
	ck_assert_uint_eq(f->resources.cpu_ms, 3600000);
	profile_settings(&set, f, &s);
	ck_assert_uint_eq(s.queue_max, 0);
	ck_assert_uint_eq(s.idle_ns, 0);
	ck_assert_uint_eq(s.ejected_after, 0);
	ck_assert_int_eq(s.scale, POLICY_SCALE_TARGET);
	ck_assert_int_eq(s.dispatch, POLICY_ROUND_ROBIN);
	ck_assert_int_eq(s.shrink, POLICY_SHRINK_FILO);
	ck_assert_uint_eq(s.target.panic_ns, 3 * POLICY_NS_PER_S);
	profile_limits(&set, &l);
	ck_assert_uint_eq(l.memory, UINT64_C(4) << 30);
	ck_assert_uint_eq(l.starting, 8);
	ck_assert_uint_eq(l.running, 1000);
	ck_assert_uint_eq(l.waiting, 500);
	ck_assert_uint_eq(s.busy_ns, 2 * POLICY_NS_PER_S);
	ck_assert_uint_eq(s.shed_ns, 1 * POLICY_NS_PER_S);
	ck_assert_uint_eq(s.breaker.failures, 0);
	ck_assert_uint_eq(s.tenant.running, 5);
	ck_assert_uint_eq(s.tenant.workers, 6);
	ck_assert_uint_eq(s.tenant.memory, 1 << 30);
	ck_assert(s.tenant.rate > 6.9 && s.tenant.rate < 7.1 && s.tenant.burst > 7.9);
	ck_assert_uint_eq(s.tenant.weight, 9);
	/* One that nobody has mentioned has no limits. */
	profile_settings(&set, &set.functions[0], &s);
	ck_assert_uint_eq(s.tenant.running + s.tenant.workers + s.tenant.memory, 0);
}

START_TEST(every_member_there_and_back)
{
	struct buf text = BUF_INIT, again = BUF_INIT;

	read_it(full);
	check_full();
	profile_set_write(&set, &text);
	profile_set_finish(&set);
	ck_assert(!buf_failed(&text));
	ck_assert_msg(profile_set_parse(text.data, text.len, &set, NULL, &err) == 0, "%s", err.msg);
	check_full();
	profile_set_write(&set, &again);
	ck_assert_uint_eq(text.len, again.len);
	ck_assert_mem_eq(text.data, again.data, text.len);
	profile_set_finish(&set);
	buf_finish(&text);
	buf_finish(&again);
}
END_TEST

START_TEST(mistakes_have_a_place)
{
	refused("{", "line 1, column 2: premature EOF");
	refused(ONE(", \"rate\": {\"burst\": 1}"), "functions[0].rate.perSecond: missing");
	refused("[]", "not an object");
	refused("{\"functions\": []}", "version: missing");
	refused("{\"version\": 2, \"functions\": []}", "version: 2, this program knows 1");
	refused("{\"version\": 1}", "functions: missing");
	refused("{\"version\": 1, \"functions\": [], \"x\": 1}", "x: unknown member");
	refused("{\"version\": 1, \"functions\": [{}]}", "functions[0].name: missing");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\"}]}",
		"functions[0].code: missing");
	refused("{\"version\": 1, \"node\": {\"memory\": \"1\"}, \"functions\": []}",
		"node.memory: '1' is not a number of bytes from 8Mi to 1Ti, such as 128Mi");
	refused(ONE(", \"y\": 1"), "functions[0].y: unknown member");
	refused(ONE(", \"replicas\": {\"min\": 5, \"max\": 4}"),
		"functions[0].replicas.min: 5, more than max, 4");
	refused(ONE(", \"replicas\": {\"max\": 0}"),
		"functions[0].replicas.max: not between 1 and 10000");
	refused(ONE(", \"queue\": {\"deadline\": \"5\"}"),
		"functions[0].queue.deadline: '5' is not a duration from 1ms to 24h, such as 5s");
	refused(ONE(", \"queue\": {\"busyDeadline\": \"1h\"}"),
		"functions[0].queue.busyDeadline: longer than deadline");
	refused("{\"version\": 1, \"tenants\": [{\"name\": \"a\"}, {\"name\": \"a\"}], "
		"\"functions\": []}",
		"tenants: two tenants are called 'a'");
	refused("{\"version\": 1, \"tenants\": [{\"weight\": 0, \"name\": \"a\"}], \"functions\": "
		"[]}",
		"tenants[0].weight: not between 1 and 100");
	refused("{\"version\": 1, \"tenants\": {}, \"functions\": []}", "tenants: not an array");
	refused("{\"version\": 1, \"tenants\": [{\"name\": \"default\", \"workers\": 2}], "
		"\"functions\": "
		"[{\"name\": \"a\", \"code\": {\"path\": \"/a\"}, \"replicas\": {\"min\": 3}}]}",
		"tenants: the functions of 'default' reserve 3 workers, and it may have 2");
	refused("{\"version\": 1, \"tenants\": [{\"name\": \"default\", \"memory\": \"64Mi\"}], "
		"\"functions\": [{\"name\": \"a\", \"code\": {\"path\": \"/a\"}}]}",
		"tenants: a worker of 'default' may take more memory than all of them");
	refused(ONE(", \"routes\": [{}]"), "functions[0].routes[0]: none of host, path and header");
	refused(ONE(", \"routes\": [{\"host\": \"A\"}]"),
		"functions[0].routes[0].host: 'A' is no name of a host in small letters, without a "
		"port");
	refused(ONE(", \"start\": \"warm\""), "functions[0].start: unknown start 'warm'");
	refused(ONE(", \"runtime\": \"bundle\", \"start\": \"snapshot\""),
		"functions[0].start: of a bundle, which has no such state");
	refused(ONE(", \"runtime\": \"bundle\", \"resources\": {\"taskTime\": \"1s\"}"),
		"functions[0].resources.taskTime: of a bundle, which may be any program");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\", \"runtime\": \"bundle\", "
		"\"code\": "
		"{\"path\": \"/a\", \"entry\": \"w.js\"}}]}",
		"functions[0].code.entry: of a bundle, which is a directory and has no entry");
	refused(ONE(", \"resources\": {\"memory\": \"16Mi\", \"heap\": \"17Mi\"}"),
		"functions[0].resources.heap: more than memory");
	refused(ONE(", \"environment\": {\"a=b\": \"\"}"),
		"functions[0].environment[\"a=b\"]: 'a=b' is no name of a variable");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\", \"code\": {}}]}",
		"functions[0].code: either path or url");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\", \"code\": {\"url\": "
		"\"http://h/\"}}]}",
		"functions[0].code.digest: missing: what a URL has can change");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\", \"code\": {\"path\": \"a\"}}]}",
		"functions[0].code.path: 'a' is not an absolute path");
	refused("{\"version\": 1, \"functions\": [{\"name\": \"a\", \"code\": {\"path\": \"/a\", "
		"\"entry\": \"../w.js\"}}]}",
		"functions[0].code.entry: '../w.js' leaves its directory or has an empty part");
}
END_TEST

START_TEST(all_mistakes_are_told)
{
	static const char text[] =
		"{\"version\": 3, \"functions\": ["
		"{\"name\": \"b\", \"code\": {\"path\": \"/b\"}}, {\"name\": \"/\"},"
		"{\"name\": \"b\", \"code\": {\"path\": \"/b\"}}, 5]}";
	struct buf errors = BUF_INIT;

	ck_assert_int_eq(profile_set_parse(text, strlen(text), &set, &errors, &err), -EINVAL);
	buf_put(&errors, "", 1);
	ck_assert_str_eq(errors.data,
		"version: 3, this program knows 1\n"
		"functions[1].name: '/' is no name: 1 to 128 of A-Za-z0-9_+.-\n"
		"functions[3]: not an object\n"
		"functions: two functions are called 'b'\n");
	ck_assert_str_eq(err.msg, "version: 3, this program knows 1");
	buf_finish(&errors);
}
END_TEST

/* What people are given is what the tables say. */
START_TEST(the_schema_is_that_of_the_tables)
{
	FILE *f = fopen("seed/noslated/profile/profile.schema.json", "r");
	struct buf out = BUF_INIT;
	static char text[1 << 16];
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	profile_schema_write(&out);
	ck_assert(!buf_failed(&out));
	ck_assert_uint_eq(out.len, n);
	ck_assert_mem_eq(out.data, text, n);
	buf_finish(&out);
}
END_TEST

UNIT_MAIN("profile", has_defaults, every_member_there_and_back, mistakes_have_a_place,
	all_mistakes_are_told, the_schema_is_that_of_the_tables)
