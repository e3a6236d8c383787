/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "seed/noslated/sim/record.h"
#include "seed/noslated/sim/replay_priv.h"
#include "seed/noslated/sim/replay_read.h"

static const char *const verbs[] = {"start", "stop", "send", "refuse", NULL};

static int bad(const struct replay *p, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int bad(const struct replay *p, struct err *err, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_say(err, EINVAL, "%s:%lu: %s", p->path, p->line, text);
}

/* The place before a sentence that has none yet. */
static int at_line(const struct replay *p, struct err *err)
{
	return err_wrap(err, "%s:%lu", p->path, p->line);
}

int replay_list_add(struct list *l, void *thing)
{
	if (l->n == l->cap) {
		const uint64_t cap = l->cap ? l->cap * 2 : 64;
		void **v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = thing;
	return 0;
}

/* --- what the policy says now --- */

static void decide(struct replay *p, enum verb verb, uint64_t a, uint64_t b)
{
	if (p->n_made == p->cap_made) {
		const size_t cap = p->cap_made ? p->cap_made * 2 : 64;
		struct decision *made = reallocarray(p->made, cap, sizeof(*made));

		if (!made) {
			p->failed = -ENOMEM;
			return;
		}
		p->made = made;
		p->cap_made = cap;
	}
	p->made[p->n_made++] = (struct decision){verb, a, b};
}

static bool on_start(void *host, struct policy_worker *w)
{
	struct replay *p = host;
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker || replay_list_add(&p->lists[WORKERS], worker) < 0) {
		free(worker);
		p->failed = -ENOMEM;
		return false;
	}
	worker->policy = w;
	worker->number = p->lists[WORKERS].n - 1;
	policy_worker_set_data(w, worker);
	decide(p, START, worker->number,
		(uint64_t)(uintptr_t)policy_function_data(policy_worker_function(w)));
	return true;
}

static void on_stop(void *host, struct policy_worker *w)
{
	const struct worker *worker = policy_worker_data(w);

	if (worker)
		decide(host, STOP, worker->number, 0);
}

static void on_send(void *host, struct policy_request *r, struct policy_worker *w)
{
	struct worker *worker = policy_worker_data(w);

	if (!worker)
		return;
	worker->running++;
	decide(host, SEND, ((struct request *)r)->number, worker->number);
}

void replay_is_over(struct replay *p, struct request *r)
{
	p->lists[REQUESTS].v[r->number] = NULL;
	r->next = p->over;
	p->over = r;
}

static void on_refuse(void *host, struct policy_request *r, enum policy_refusal why)
{
	decide(host, REFUSE, ((struct request *)r)->number, why);
	replay_is_over(host, (struct request *)r);
}

static const struct policy_ops ops = {
	.start = on_start, .stop = on_stop, .send = on_send, .refuse = on_refuse};

/* --- the record --- */

static int sentence(const struct decision *d, char *to, size_t size)
{
	switch (d->verb) {
	case START:
		return snprintf(
			to, size, "start worker %" PRIu64 " of function %" PRIu64, d->a, d->b);
	case STOP: return snprintf(to, size, "stop worker %" PRIu64, d->a);
	case SEND:
		return snprintf(
			to, size, "send request %" PRIu64 " to worker %" PRIu64, d->a, d->b);
	case REFUSE:
		return snprintf(
			to, size, "refuse request %" PRIu64 " (%s)", d->a, record_refusals[d->b]);
	}
	return 0;
}

static int differs(const struct replay *p, const struct decision *was, const struct decision *now,
	struct err *err)
{
	char recorded[80] = "nothing", decided[80] = "nothing";

	if (was)
		sentence(was, recorded, sizeof(recorded));
	if (now)
		sentence(now, decided, sizeof(decided));
	return bad(p, err, "recorded: %s; now: %s", recorded, decided);
}

static int read_decision(const struct json_node *n, struct decision *ret, struct err *err)
{
	int verb = 0, why = 0;
	int r = replay_read_word(n, "out", verbs, &verb, err);

	ret->verb = (enum verb)verb;
	ret->b = 0;
	if (r == 0)
		r = json_need_u64(
			n, verb == START || verb == STOP ? "worker" : "request", &ret->a, err);
	if (r == 0 && verb == START)
		r = json_need_u64(n, "function", &ret->b, err);
	else if (r == 0 && verb == SEND)
		r = json_need_u64(n, "worker", &ret->b, err);
	else if (r == 0 && verb == REFUSE) {
		r = replay_read_word(n, "why", record_refusals, &why, err);
		ret->b = (uint64_t)why;
	}
	return r;
}

static int take_out(struct replay *p, const struct json_node *n, struct err *err)
{
	struct decision was;
	const struct decision *now = p->next_made < p->n_made ? &p->made[p->next_made++] : NULL;

	if (read_decision(n, &was, err) < 0)
		return at_line(p, err);
	p->count.decisions++;
	if (!now || now->verb != was.verb || now->a != was.a || now->b != was.b)
		return differs(p, &was, now, err);
	return 0;
}

/* Whatever was decided has to have been told of by now. */
static int settle(struct replay *p, struct err *err)
{
	if (p->next_made < p->n_made)
		return differs(p, NULL, &p->made[p->next_made], err);
	p->n_made = p->next_made = 0;
	while (p->over) {
		struct request *r = p->over;

		p->over = r->next;
		free(r);
	}
	return 0;
}

static int take_in(struct replay *p, const struct json_node *n, struct err *err)
{
	const char *what;
	uint64_t now = 0;
	int r = settle(p, err);

	if (r < 0)
		return r;
	if (json_need_u64(n, "t", &now, err) < 0 || json_need_str(n, "in", &what, err) < 0)
		return at_line(p, err);
	if (now < p->now)
		return bad(p, err, "time goes back");
	p->now = now;
	p->count.events++;
	if (replay_tell(p, what, n, err) < 0)
		return at_line(p, err);
	return p->failed ? err_oom(err) : 0;
}

static int take_head(struct replay *p, const struct json_node *n, struct err *err)
{
	struct policy_limits limits = {0};

	if (replay_read_head(n, &limits, err) < 0)
		return at_line(p, err);
	p->policy = policy_create(&ops, p, &limits);
	return p->policy ? 0 : err_oom(err);
}

static int take_line(struct replay *p, const char *text, size_t len, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *root;

	p->line++;
	if (len > REPLAY_LINE_MAX)
		return bad(p, err, "more than %d bytes", REPLAY_LINE_MAX);
	if (json_parse(text, len, &doc, err) < 0 || json_is_object(json_root(doc), err) < 0)
		return at_line(p, err);
	root = json_root(doc);
	if (p->line == 1)
		return take_head(p, root, err);
	return json_get(root, "out") ? take_out(p, root, err) : take_in(p, root, err);
}

static void replay_finish(struct replay *p)
{
	policy_destroy(p->policy);
	for (uint64_t i = 0; i < p->lists[REQUESTS].n; i++)
		free(p->lists[REQUESTS].v[i]);
	for (uint64_t i = 0; i < p->lists[WORKERS].n; i++)
		free(p->lists[WORKERS].v[i]);
	for (int i = 0; i < LISTS; i++)
		free(p->lists[i].v);
	while (p->over) {
		struct request *r = p->over;

		p->over = r->next;
		free(r);
	}
	free(p->made);
}

int replay_run(const char *path, struct replay_count *ret, struct err *err)
{
	_cleanup_(replay_finish) struct replay p = {.path = path};
	FILE *file = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r = 0;

	if (!file)
		return err_set(err, errno, "open '%s'", path);
	while (r == 0 && (len = getline(&line, &cap, file)) >= 0)
		r = take_line(&p, line, (size_t)len, err);
	if (r == 0 && ferror(file))
		r = err_set(err, errno, "read '%s'", path);
	if (r == 0 && p.line == 0)
		r = err_say(err, EINVAL, "%s: is empty", path);
	if (r == 0)
		r = settle(&p, err);
	fclose(file);
	if (r == 0)
		*ret = p.count;
	return r;
}
