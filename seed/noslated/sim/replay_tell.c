/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy is told, by lines of a record. */
#include "seed/noslated/sim/replay_priv.h"

#include <errno.h>
#include <inttypes.h>

#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "seed/noslated/sim/replay_read.h"

static const char *const list_names[LISTS] = {"function", "request", "worker"};

/* The thing that has the line's number; NULL: it has none, or nothing has it. */
static void *find(const struct replay *p, const struct json_node *n, int list, struct err *err)
{
	const struct list *l = &p->lists[list];
	uint64_t number;

	if (json_need_u64(n, list_names[list], &number, err) < 0)
		return NULL;
	if (number < l->n && l->v[number])
		return l->v[number];
	err_say(err, EINVAL, "there is no %s %" PRIu64, list_names[list], number);
	return NULL;
}

/* The number of one that is new. */
static int expect_new(
	struct replay *p, const struct json_node *n, int list, uint64_t *ret, struct err *err)
{
	int r = json_need_u64(n, list_names[list], ret, err);

	if (r < 0)
		return r;
	if (*ret != p->lists[list].n || *ret > REPLAY_NUMBER_MAX)
		return err_say(err, EINVAL, "%s %" PRIu64 " where %" PRIu64 " is next",
			list_names[list], *ret, p->lists[list].n);
	return 0;
}

/* --- what the policy is told --- */

static int in_add(struct replay *p, const struct json_node *n, struct err *err)
{
	struct policy_settings settings;
	struct policy_function *f;
	const char *tenant;
	uint64_t number;
	int r = expect_new(p, n, FUNCTIONS, &number, err);

	if (r == 0)
		r = json_need_str(n, "tenant", &tenant, err);
	if (r == 0)
		r = replay_read_settings(n, &settings, err);
	if (r < 0)
		return r;
	f = policy_add(p->policy, tenant, &settings, (void *)(uintptr_t)number, p->now);
	return f && replay_list_add(&p->lists[FUNCTIONS], f) == 0 ? 0 : err_oom(err);
}

static int in_change(struct replay *p, const struct json_node *n, struct err *err)
{
	struct policy_settings settings;
	struct policy_function *f = find(p, n, FUNCTIONS, err);

	if (!f || replay_read_settings(n, &settings, err) < 0)
		return -err->code;
	policy_change(f, &settings, p->now);
	return 0;
}

static int in_remove(struct replay *p, const struct json_node *n, struct err *err)
{
	struct policy_function *f = find(p, n, FUNCTIONS, err);

	if (!f)
		return -err->code;
	p->lists[FUNCTIONS].v[(uintptr_t)policy_function_data(f)] = NULL;
	policy_remove(f, p->now);
	return 0;
}

static int in_arrive(struct replay *p, const struct json_node *n, struct err *err)
{
	struct policy_function *f = find(p, n, FUNCTIONS, err);
	struct request *request;
	uint64_t number;

	if (!f || expect_new(p, n, REQUESTS, &number, err) < 0)
		return -err->code;
	request = calloc(1, sizeof(*request));
	if (!request || replay_list_add(&p->lists[REQUESTS], request) < 0) {
		free(request);
		return err_oom(err);
	}
	request->number = number;
	request->policy.arrived_ns = p->now;
	policy_arrive(f, &request->policy, p->now);
	return 0;
}

static int in_leave(struct replay *p, const struct json_node *n, struct err *err)
{
	struct request *request = find(p, n, REQUESTS, err);

	if (!request)
		return -err->code;
	if (request->policy.worker)
		return err_say(err, EINVAL, "request %" PRIu64 " does not wait", request->number);
	policy_leave(&request->policy, p->now);
	replay_is_over(p, request);
	return 0;
}

static int in_done(struct replay *p, const struct json_node *n, struct err *err)
{
	struct request *request = find(p, n, REQUESTS, err);
	bool failed;

	if (!request || json_need_bool(n, "failed", &failed, err) < 0)
		return -err->code;
	if (!request->policy.worker)
		return err_say(err, EINVAL, "request %" PRIu64 " does not run", request->number);
	((struct worker *)policy_worker_data(request->policy.worker))->running--;
	policy_done(&request->policy, failed ? POLICY_FAILED : POLICY_SERVED, p->now);
	replay_is_over(p, request);
	return 0;
}

static int in_ready(struct replay *p, const struct json_node *n, struct err *err)
{
	const struct worker *w = find(p, n, WORKERS, err);

	if (!w)
		return -err->code;
	policy_ready(w->policy, p->now);
	return 0;
}

static int in_measure(struct replay *p, const struct json_node *n, struct err *err)
{
	const struct worker *w = find(p, n, WORKERS, err);
	uint64_t memory;

	if (!w || json_need_u64(n, "memory", &memory, err) < 0)
		return -err->code;
	policy_measure(w->policy, memory, p->now);
	return 0;
}

static int in_gone(struct replay *p, const struct json_node *n, struct err *err)
{
	struct worker *w = find(p, n, WORKERS, err);

	if (!w)
		return -err->code;
	for (uint64_t i = 0; w->running > 0 && i < p->lists[REQUESTS].n; i++) {
		struct request *request = p->lists[REQUESTS].v[i];

		if (request && request->policy.worker == w->policy) {
			replay_is_over(p, request);
			w->running--;
		}
	}
	p->lists[WORKERS].v[w->number] = NULL;
	policy_gone(w->policy, p->now);
	free(w);
	return 0;
}

static int in_tick(struct replay *p, const struct json_node *n, struct err *err)
{
	policy_tick(p->policy, p->now);
	return 0;
}

static const struct {
	const char *name;
	int (*tell)(struct replay *p, const struct json_node *n, struct err *err);
} inputs[] = {
	{"add", in_add},
	{"change", in_change},
	{"remove", in_remove},
	{"arrive", in_arrive},
	{"leave", in_leave},
	{"done", in_done},
	{"ready", in_ready},
	{"measure", in_measure},
	{"gone", in_gone},
	{"tick", in_tick},
};

int replay_tell(struct replay *p, const char *what, const struct json_node *n, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++)
		if (streq(inputs[i].name, what))
			return inputs[i].tell(p, n, err);
	return err_say(err, EINVAL, "in: '%s' is not known", what);
}
