/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/settings.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/base/err.h"

#define AT(field)    offsetof(struct policy_settings, field)
#define SECONDS(n)   ((n)*POLICY_NS_PER_S)
#define COUNT_MAX    1000000000
#define TIMES_MAX    1e6
#define QUEUE_MAX    1000000
#define TURF_IDLE_S  300
#define FIXED_IDLE_S 600
#define CLOUD_IDLE_S 300

static const char *const scales[] = {"queue", "target", "forecast", NULL};
static const char *const dispatches[] = {"least-requests", "round-robin", NULL};
static const char *const shrinks[] = {"lcc", "fifo", "filo", NULL};

const struct key settings_keys[] = {
	{"concurrency", KEY_COUNT, AT(concurrency), 1, COUNT_MAX, NULL},
	{"min", KEY_COUNT, AT(min), 0, COUNT_MAX, NULL},
	{"max", KEY_COUNT, AT(max), 1, COUNT_MAX, NULL},
	{"disposable", KEY_BOOL, AT(disposable), 0, 0, NULL},
	{"queue", KEY_COUNT, AT(queue_max), 0, COUNT_MAX, NULL},
	{"wait", KEY_DURATION, AT(queue_ns), 0, 0, NULL},
	{"idle", KEY_DURATION, AT(idle_ns), 0, 0, NULL},
	{"rate", KEY_NUMBER, AT(rate), 0, COUNT_MAX, NULL},
	{"burst", KEY_NUMBER, AT(burst), 0, COUNT_MAX, NULL},
	{"memory", KEY_BYTES, AT(memory), 0, 0, NULL},
	{"ejected-after", KEY_COUNT, AT(ejected_after), 0, COUNT_MAX, NULL},
	{"scale", KEY_WORD, AT(scale), 0, 0, scales},
	{"dispatch", KEY_WORD, AT(dispatch), 0, 0, dispatches},
	{"shrink", KEY_WORD, AT(shrink), 0, 0, shrinks},
	{"utilisation", KEY_NUMBER, AT(target.utilisation), 0.01, 1, NULL},
	{"panic", KEY_NUMBER, AT(target.panic), 1, TIMES_MAX, NULL},
	{"tick", KEY_DURATION, AT(target.tick_ns), 0, 0, NULL},
	{"stable-window", KEY_DURATION, AT(target.stable_ns), 0, 0, NULL},
	{"panic-window", KEY_DURATION, AT(target.panic_ns), 0, 0, NULL},
	{"grace", KEY_DURATION, AT(target.grace_ns), 0, 0, NULL},
	{"up", KEY_NUMBER, AT(target.up), 1, TIMES_MAX, NULL},
	{"down", KEY_NUMBER, AT(target.down), 1, TIMES_MAX, NULL},
	{"busy", KEY_DURATION, AT(busy_ns), 0, 0, NULL},
	{"shed", KEY_DURATION, AT(shed_ns), 0, 0, NULL},
	{"breaker-failures", KEY_COUNT, AT(breaker.failures), 0, COUNT_MAX, NULL},
	{"breaker-percent", KEY_COUNT, AT(breaker.percent), 0, 100, NULL},
	{"breaker-window", KEY_DURATION, AT(breaker.window_ns), 0, 0, NULL},
	{"breaker-open", KEY_DURATION, AT(breaker.open_ns), 0, 0, NULL},
	{"tenant-running", KEY_COUNT, AT(tenant.running), 0, COUNT_MAX, NULL},
	{"tenant-workers", KEY_COUNT, AT(tenant.workers), 0, COUNT_MAX, NULL},
	{"tenant-memory", KEY_BYTES, AT(tenant.memory), 0, 0, NULL},
	{"tenant-rate", KEY_NUMBER, AT(tenant.rate), 0, COUNT_MAX, NULL},
	{"tenant-burst", KEY_NUMBER, AT(tenant.burst), 0, COUNT_MAX, NULL},
	{"tenant-weight", KEY_COUNT, AT(tenant.weight), 0, COUNT_MAX, NULL},
};
const size_t settings_n_keys = ARRAY_SIZE(settings_keys);

static const struct {
	const char *name, *about;
	enum policy_scale scale;
	uint64_t idle_ns;
	unsigned concurrency; /* 0: as the command line says */
} known[] = {
	{"turf", "a worker for each request that waits, and for those that are expected soon",
		POLICY_SCALE_FORECAST, SECONDS(TURF_IDLE_S), 0},
	{"keep-alive", "a worker for each request that waits; idle ones stay for ten minutes",
		POLICY_SCALE_QUEUE, SECONDS(FIXED_IDLE_S), 0},
	{"kpa", "Knative's autoscaler with its defaults", POLICY_SCALE_TARGET,
		SECONDS(FIXED_IDLE_S), 0},
	{"lambda",
		"one request a worker, whatever the concurrency; idle ones stay for five minutes",
		POLICY_SCALE_QUEUE, SECONDS(CLOUD_IDLE_S), 1},
};

const char *settings_known(size_t n)
{
	return n < ARRAY_SIZE(known) ? known[n].name : NULL;
}

const char *settings_about(size_t n)
{
	return known[n].about;
}

int settings_check(const struct policy_settings *s, const char *what, struct err *err)
{
	if (s->min > s->max)
		return err_say(err, EINVAL, "%s: min is more than max", what);
	if (!s->target.tick_ns || s->target.panic_ns < s->target.tick_ns ||
		s->target.stable_ns < s->target.panic_ns)
		return err_say(err, EINVAL,
			"%s: expected 0 < tick <= panic-window <= stable-window", what);
	return 0;
}

int settings_parse(const char *spec, unsigned concurrency, struct settings *ret, struct err *err)
{
	const size_t len = keys_name_len(spec);
	char what[SETTINGS_NAME_MAX + 16];
	size_t i = 0;
	int r;

	while (i < ARRAY_SIZE(known) &&
		(strlen(known[i].name) != len || strncmp(known[i].name, spec, len) != 0))
		i++;
	if (i == ARRAY_SIZE(known))
		return err_say(err, EINVAL,
			"--policy '%s': expected turf, keep-alive, kpa or lambda", spec);
	if (strlen(spec) >= sizeof(ret->name))
		return err_say(
			err, EINVAL, "--policy: more than %d characters", SETTINGS_NAME_MAX - 1);
	snprintf(what, sizeof(what), "--policy %s", known[i].name);
	snprintf(ret->name, sizeof(ret->name), "%s", spec);
	ret->values = (struct policy_settings){
		.concurrency = known[i].concurrency ?: concurrency,
		.max = COUNT_MAX,
		.queue_max = QUEUE_MAX,
		.queue_ns = SECONDS(300),
		.idle_ns = known[i].idle_ns,
		.scale = known[i].scale,
		.target = POLICY_TARGET_DEFAULT,
	};
	r = keys_parse(spec, settings_keys, settings_n_keys, &ret->values, what, err);
	return r < 0 ? r : settings_check(&ret->values, what, err);
}
