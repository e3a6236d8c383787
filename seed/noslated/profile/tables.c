/* SPDX-License-Identifier: Apache-2.0 */
/* Every member of a function's profile: where it goes, what it may be, and what it is when it is not given. */
#include <ctype.h>
#include <string.h>

#include "oci-spec/config.h"
#include "oci-spec/schema.h"
#include "runtime/base/bytes.h"
#include "runtime/base/duration.h"
#include "runtime/base/json.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/policy/policy.h"
#include "seed/noslated/profile/profile_priv.h"

#define DIGEST_PREFIX "sha256:"
#define DIGEST_LEN    64

/* --- forms --- */

static const char *form_name(const char *s)
{
	return paths_id_is_valid(s) && strlen(s) <= PROFILE_NAME_MAX
		       ? NULL
		       : "is no name: 1 to 128 of A-Za-z0-9_+.-";
}

static const char *form_digest(const char *s)
{
	const char *hex = str_after(s, DIGEST_PREFIX);

	return hex && strlen(hex) == DIGEST_LEN && strspn(hex, "0123456789abcdef") == DIGEST_LEN
		       ? NULL
		       : "is not sha256: and 64 hexadecimal digits";
}

static const char *form_url(const char *s)
{
	return str_after(s, "http://") || str_after(s, "https://") ? NULL
								   : "is no URL of http or https";
}

static const char *form_absolute_path(const char *s)
{
	return *s == '/' ? NULL : "is not an absolute path";
}

static const char *form_entry(const char *s)
{
	size_t n;

	for (; *s; s += n + (s[n] == '/')) {
		n = strcspn(s, "/");
		if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
			return "leaves its directory or has an empty part";
	}
	return NULL;
}

static const char *form_prefix(const char *s)
{
	return *s == '/' && !strpbrk(s, "?#\\ ") && !strstr(s, "//") && !strstr(s, "/./") &&
			       !strstr(s, "/../")
		       ? NULL
		       : "is no prefix of a path, such as /api";
}

static const char *form_host(const char *s)
{
	for (const char *c = s; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) &&
			!strchr("-._", *c))
			return "is no name of a host in small letters, without a port";
	return *s ? NULL : "is empty";
}

static const char *form_header(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && s[n] == ':' && s[n + 1] == ' ' && s[n + 2] ? NULL : "is not 'name: value'";
}

static const char *form_variable(const char *s)
{
	return *s && !strchr(s, '=') ? NULL : "is no name of a variable";
}

/* --- amounts --- */

static int parse_time(const char *text, uint64_t *ret)
{
	if (streq(text, "0s") || streq(text, "0ms")) {
		*ret = 0;
		return 0;
	}
	return duration_parse(text, PROFILE_TIME_MAX_MS, ret);
}

static const struct amount a_time = {"a duration from 1ms to 24h, such as 5s", parse_time, "ms"};
static const struct amount an_age = {"a duration from 0s to 24h, such as 5s", parse_time, "ms"};
static const struct amount a_memory = {
	"a number of bytes from 8Mi to 1Ti, such as 128Mi", bytes_parse, ""};
static const struct amount a_stack = {
	"a number of bytes from 64Ki to 8Mi, such as 512Ki", bytes_parse, ""};

#define TIME(type, member, key) \
	AMOUNT(type, member, key, a_time, .min = 1, .max = PROFILE_TIME_MAX_MS)
#define AGE(type, member, key) \
	AMOUNT(type, member, key, an_age, .max = PROFILE_TIME_MAX_MS, .zero_given = true)
#define MEMORY(type, member, key) \
	AMOUNT(type, member, key, a_memory, .min = PROFILE_MEMORY_MIN, .max = PROFILE_MEMORY_MAX)
/* 0 is a value, and may be another one than what is not given. */
#define COUNT(type, member, key, low, high) \
	UINT(type, member, key, .min = (low), .max = (high), .zero_given = true)

/* --- words --- */

#define WORD_LIST(name, what_, ...)                             \
	static const struct word name##_list[] = {__VA_ARGS__}; \
	static const struct words name = {what_, name##_list, ARRAY_SIZE(name##_list)}

WORD_LIST(runtimes, "runtime", {"aworker", PROFILE_AWORKER}, {"bundle", PROFILE_BUNDLE});
WORD_LIST(starts, "start", {"auto", PROFILE_START_AUTO}, {"state-image", PROFILE_START_STATE},
	{"snapshot", PROFILE_START_SNAPSHOT}, {"source", PROFILE_START_SOURCE});
WORD_LIST(dispatches, "dispatch", {"least-requests", POLICY_LEAST_REQUESTS},
	{"round-robin", POLICY_ROUND_ROBIN});
WORD_LIST(policies, "policy", {"queue", POLICY_SCALE_QUEUE}, {"target", POLICY_SCALE_TARGET},
	{"forecast", POLICY_SCALE_FORECAST});
WORD_LIST(shrinks, "shrink strategy", {"lcc", POLICY_SHRINK_LCC}, {"fifo", POLICY_SHRINK_FIFO},
	{"filo", POLICY_SHRINK_FILO});

#define CHOICE(type, member, key, words) WORD(type, member, key, words, .zero_given = true)

/* --- parts of a function --- */

static const struct field code_fields[] = {
	STR(struct profile_code, path, "path", .form = form_absolute_path),
	STR(struct profile_code, url, "url", .form = form_url),
	STR(struct profile_code, digest, "digest", .form = form_digest),
	STR(struct profile_code, entry, "entry", .form = form_entry),
};

static int finish_code(const struct json_node *n, void *obj, struct err *err)
{
	const struct profile_code *c = obj;

	if (!c->path == !c->url)
		return json_fail(n, err, "either path or url");
	if (c->url && !c->digest)
		return json_fail_member(n, "digest", err, "missing: what a URL has can change");
	return 0;
}

static const struct schema code =
	SCHEMA(struct profile_code, code_fields, .only = "member", .finish = finish_code);

static const struct field route_fields[] = {
	STR(struct profile_route, host, "host", .form = form_host),
	STR(struct profile_route, path, "path", .form = form_prefix),
	STR(struct profile_route, header, "header", .form = form_header),
	UINT(struct profile_route, weight, "weight", .min = 1, .max = 1000),
};

static void init_route(void *obj)
{
	((struct profile_route *)obj)->weight = 1;
}

static int finish_route(const struct json_node *n, void *obj, struct err *err)
{
	const struct profile_route *r = obj;

	return r->host || r->path || r->header ? 0
					       : json_fail(n, err, "none of host, path and header");
}

static const struct schema route = SCHEMA(struct profile_route, route_fields, .only = "member",
	.init = init_route, .finish = finish_route);

static const struct field replicas_fields[] = {
	COUNT(struct profile_replicas, min, "min", 0, PROFILE_REPLICAS_MAX),
	COUNT(struct profile_replicas, max, "max", 1, PROFILE_REPLICAS_MAX),
};

static int finish_replicas(const struct json_node *n, void *obj, struct err *err)
{
	const struct profile_replicas *r = obj;

	return r->min <= r->max
		       ? 0
		       : json_fail_member(n, "min", err, "%u, more than max, %u", r->min, r->max);
}

static const struct schema replicas = SCHEMA(
	struct profile_replicas, replicas_fields, .only = "member", .finish = finish_replicas);

static const struct field queue_fields[] = {
	COUNT(struct profile_queue, length, "length", 0, 1000000),
	TIME(struct profile_queue, deadline_ms, "deadline"),
	TIME(struct profile_queue, busy_after_ms, "busyAfter"),
	TIME(struct profile_queue, busy_deadline_ms, "busyDeadline"),
};

static int finish_queue(const struct json_node *n, void *obj, struct err *err)
{
	const struct profile_queue *q = obj;

	return q->busy_deadline_ms <= q->deadline_ms
		       ? 0
		       : json_fail_member(n, "busyDeadline", err, "longer than deadline");
}

static const struct schema queue =
	SCHEMA(struct profile_queue, queue_fields, .only = "member", .finish = finish_queue);

static const struct field breaker_fields[] = {
	COUNT(struct profile_breaker, failures, "failures", 0, 1000000),
	UINT(struct profile_breaker, percent, "percent", .min = 1, .max = 100),
	TIME(struct profile_breaker, window_ms, "window"),
	TIME(struct profile_breaker, open_ms, "open"),
};
static const struct schema breaker =
	SCHEMA(struct profile_breaker, breaker_fields, .only = "member");

static const struct field rate_fields[] = {
	UINT(struct profile_rate, per_second, "perSecond", .min = 1, .max = 10000000),
	UINT(struct profile_rate, burst, "burst", .min = 1, .max = 10000000),
};

static int finish_rate(const struct json_node *n, void *obj, struct err *err)
{
	struct profile_rate *r = obj;

	if (r->burst > 0 && r->per_second == 0)
		return json_fail_member(n, "perSecond", err, "missing");
	if (r->burst == 0)
		r->burst = r->per_second;
	return 0;
}

static const struct schema rate =
	SCHEMA(struct profile_rate, rate_fields, .only = "member", .finish = finish_rate);

static const struct field scale_fields[] = {
	CHOICE(struct profile_scale, policy, "policy", policies),
	UINT(struct profile_scale, utilisation, "utilisation", .min = 1, .max = 100),
	TIME(struct profile_scale, window_ms, "window"),
	TIME(struct profile_scale, panic_ms, "panic"),
	AGE(struct profile_scale, idle_ms, "idle"),
	CHOICE(struct profile_scale, shrink, "shrink", shrinks),
};

static int finish_scale(const struct json_node *n, void *obj, struct err *err)
{
	const struct profile_scale *s = obj;

	return s->panic_ms <= s->window_ms
		       ? 0
		       : json_fail_member(n, "panic", err, "longer than window");
}

static const struct schema scale =
	SCHEMA(struct profile_scale, scale_fields, .only = "member", .finish = finish_scale);

static const struct field resources_fields[] = {
	MEMORY(struct profile_resources, memory, "memory"),
	UINT(struct profile_resources, cpu_shares, "cpu", .min = 1, .max = 1000000),
	UINT(struct profile_resources, pids, "pids", .min = 1, .max = 1000000),
	MEMORY(struct profile_resources, heap, "heap"),
	AMOUNT(struct profile_resources, stack, "stack", a_stack, .min = 64 << 10, .max = 8 << 20),
	TIME(struct profile_resources, task_ms, "taskTime"),
	TIME(struct profile_resources, cpu_ms, "cpuTime"),
};
static const struct schema resources =
	SCHEMA(struct profile_resources, resources_fields, .only = "member");

static const struct field times_fields[] = {
	TIME(struct profile_times, request_ms, "request"),
	TIME(struct profile_times, drain_ms, "drain"),
};
static const struct schema times = SCHEMA(struct profile_times, times_fields, .only = "member");

/* --- a function --- */

static const struct field function_fields[] = {
	STR(struct profile_function, name, "name", .form = form_name, .required = true),
	STR(struct profile_function, tenant, "tenant", .form = form_name),
	CHOICE(struct profile_function, runtime, "runtime", runtimes),
	CHOICE(struct profile_function, start, "start", starts),
	PART(struct profile_function, code, "code", code, .required = true),
	PAIRS(struct profile_function, env, "environment", .key_form = form_variable),
	LIST(struct profile_function, routes, "routes", route),
	BOOL(struct profile_function, disposable, "disposable"),
	BOOL(struct profile_function, drained, "drained"),
	UINT(struct profile_function, concurrency, "concurrency", .min = 1, .max = 10000),
	COUNT(struct profile_function, ejected_after, "ejectedAfter", 0, 1000),
	CHOICE(struct profile_function, dispatch, "dispatch", dispatches),
	PART(struct profile_function, replicas, "replicas", replicas),
	PART(struct profile_function, queue, "queue", queue),
	PART(struct profile_function, rate, "rate", rate),
	PART(struct profile_function, breaker, "breaker", breaker),
	PART(struct profile_function, scale, "scale", scale),
	PART(struct profile_function, resources, "resources", resources),
	PART(struct profile_function, times, "timeouts", times),
};

static void init_function(void *obj)
{
	*(struct profile_function *)obj = (struct profile_function){
		.tenant = "default",
		.concurrency = 10,
		.ejected_after = 5,
		.replicas = {.max = 100},
		.queue = {.length = 1000, .deadline_ms = 10000, .busy_after_ms = 1000},
		.breaker = {.failures = 100, .percent = 50, .window_ms = 10000, .open_ms = 5000},
		.scale = {.utilisation = 70,
			.window_ms = 60000,
			.panic_ms = 6000,
			.idle_ms = 30000},
		.resources = {.memory = 128 << 20, .pids = 64},
		.times = {.request_ms = 30000, .drain_ms = 30000},
	};
}

/* What a worker keeps to by itself, and what is looked for in its code, no bundle has. */
static int check_bundle(
	const struct json_node *n, const struct profile_function *f, struct err *err)
{
	static const char *const code_members[] = {"url", "entry"};
	static const char *const resource_members[] = {"heap", "stack", "taskTime", "cpuTime"};
	const struct json_node *part = json_get(n, "code");

	for (size_t i = 0; i < ARRAY_SIZE(code_members); i++)
		if (json_get(part, code_members[i]))
			return json_fail_member(part, code_members[i], err,
				"of a bundle, which is a directory and has no entry");
	part = json_get(n, "resources");
	for (size_t i = 0; i < ARRAY_SIZE(resource_members); i++)
		if (json_get(part, resource_members[i]))
			return json_fail_member(part, resource_members[i], err,
				"of a bundle, which may be any program");
	if (f->start == PROFILE_START_STATE || f->start == PROFILE_START_SNAPSHOT)
		return json_fail_member(n, "start", err, "of a bundle, which has no such state");
	return 0;
}

static int finish_function(const struct json_node *n, void *obj, struct err *err)
{
	struct profile_function *f = obj;

	if (f->disposable)
		f->concurrency = 1;
	if (f->resources.heap > f->resources.memory)
		return json_fail_member(json_get(n, "resources"), "heap", err, "more than memory");
	return f->runtime == PROFILE_BUNDLE ? check_bundle(n, f, err) : 0;
}

const struct schema profile_function_schema = SCHEMA(struct profile_function, function_fields,
	.only = "member", .init = init_function, .finish = finish_function);

/* --- tenants, the node --- */

static const struct field tenant_fields[] = {
	STR(struct profile_tenant, name, "name", .form = form_name, .required = true),
	UINT(struct profile_tenant, running, "running", .min = 1, .max = 10000000),
	UINT(struct profile_tenant, workers, "workers", .min = 1, .max = 1000000),
	MEMORY(struct profile_tenant, memory, "memory"),
	PART(struct profile_tenant, rate, "rate", rate),
	UINT(struct profile_tenant, weight, "weight", .min = 1, .max = 100),
};

static void init_tenant(void *obj)
{
	((struct profile_tenant *)obj)->weight = 1;
}

const struct schema profile_tenant_schema =
	SCHEMA(struct profile_tenant, tenant_fields, .only = "member", .init = init_tenant);

static const struct field node_fields[] = {
	MEMORY(struct profile_node, memory, "memory"),
	UINT(struct profile_node, starting, "starting", .min = 1, .max = 10000),
	UINT(struct profile_node, running, "running", .min = 1, .max = 10000000),
	UINT(struct profile_node, waiting, "waiting", .min = 1, .max = 10000000),
};
const struct schema profile_node_schema =
	SCHEMA(struct profile_node, node_fields, .only = "member");
