/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests are traced: those whose client says so (traceparent with the sampled flag), and a share of
 * those that belong to no trace. The worker gets a traceparent whose parent is our span of the way to it;
 * what is known at the end goes to a ring (stats/spans.h), from which the control plane exports it.
 */
#include <string.h>
#include <time.h>

#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/word.h"

/* Of "00-TRACE-PARENT-FLAGS". */
#define TRACE_AT  3
#define PARENT_AT (TRACE_AT + SPANS_TRACE_LEN + 1)
#define FLAGS_AT  (PARENT_AT + SPANS_ID_LEN + 1)

void data_use_spans(struct data_plane *d, struct spans *spans)
{
	d->spans = spans;
}

static bool is_sampled(const char *trace)
{
	/* The last bit of its last hexadecimal digit. */
	return strchr("13579bdfBDF", trace[FLAGS_AT + 1]) != NULL;
}

static uint64_t make_id(struct ids *ids, char id[SPANS_ID_LEN])
{
	char made[IDS_MADE + 1];

	ids_make(ids, made);
	memcpy(id, made, SPANS_ID_LEN);
	/* The last digits are as random as all others, and are not in the id. */
	return strtoull(made + SPANS_ID_LEN, NULL, 16);
}

void trace_begin(struct client *c, const struct head *h)
{
	struct data_plane *d = c->plane;
	const struct head_field *f = head_find(h, FIELD_TRACEPARENT);
	struct span_ids *t = &c->trace;
	char made[IDS_MADE + 1];

	c->has_parent = f && ids_trace_is_sane(f->value.at, f->value.len);
	if (c->has_parent) {
		c->traced = is_sampled(f->value.at);
		memcpy(t->trace, f->value.at + TRACE_AT, SPANS_TRACE_LEN);
		memcpy(t->parent, f->value.at + PARENT_AT, SPANS_ID_LEN);
	} else {
		ids_make(&d->ids, made);
		memcpy(t->trace, made, SPANS_TRACE_LEN);
		memset(t->parent, '0', SPANS_ID_LEN);
	}
	if (!c->has_parent)
		c->traced = spans_samples(d->spans, make_id(&d->ids, t->server));
	else if (c->traced)
		make_id(&d->ids, t->server);
	if (c->traced)
		make_id(&d->ids, t->upstream);
}

const char *trace_parent(const struct client *c, char to[IDS_TRACE + 1])
{
	strcpy(to, "00-");
	memcpy(to + TRACE_AT, c->trace.trace, SPANS_TRACE_LEN);
	to[PARENT_AT - 1] = '-';
	memcpy(to + PARENT_AT, c->trace.upstream, SPANS_ID_LEN);
	strcpy(to + FLAGS_AT - 1, "-01");
	return to;
}

static void put(char *to, size_t size, const char *text, size_t len)
{
	const size_t n = len < size - 1 ? len : size - 1;

	memcpy(to, text, n);
	to[n] = '\0';
}

#define PUT(to, text) put(to, sizeof(to), text, strlen(text))

/* Of the wall clock; 0 stays 0. */
static uint64_t since_1970(uint64_t ns, uint64_t offset)
{
	return ns ? ns + offset : 0;
}

static void put_times(const struct client *c, uint64_t now, struct span_record *r)
{
	const bool cold = measure_is_cold(c);
	struct timespec t;
	uint64_t offset;

	clock_gettime(CLOCK_REALTIME, &t);
	offset = (uint64_t)t.tv_sec * POLICY_NS_PER_S + (uint64_t)t.tv_nsec - now;
	r->begun = since_1970(c->begun_ns, offset);
	r->arrived = since_1970(c->arrived_ns, offset);
	r->sent = since_1970(c->sent_ns, offset);
	r->first = since_1970(c->first_ns, offset);
	r->ended = since_1970(now, offset);
	r->start_begun = since_1970(cold ? c->worker->start_ns : 0, offset);
	r->start_ended = since_1970(cold ? c->worker->ready_ns : 0, offset);
}

void trace_end(struct client *c, uint64_t now)
{
	struct data_plane *d = c->plane;
	struct span_record *r;

	if (!c->traced)
		return;
	c->traced = false;
	r = spans_reserve(d->spans);
	if (d->counts)
		stats_add(r ? &d->counts->spans : &d->counts->spans_dropped, 1);
	if (!r)
		return;
	r->ids = c->trace;
	put_times(c, now, r);
	r->in = client_received(c);
	r->out = c->s.sent - c->out_at;
	r->status = (uint32_t)(c->status ? c->status : data_error_row(c->error)->status);
	r->queued = c->queued;
	put(r->method, sizeof(r->method), c->s.in ? c->s.in + c->method_at : "",
		c->s.in ? c->method_len : 0);
	put(r->path, sizeof(r->path), c->s.in ? c->s.in + c->path_at : "",
		c->s.in ? c->path_len : 0);
	PUT(r->error, c->error ? data_error_row(c->error)->name : "");
	PUT(r->client, c->address);
	PUT(r->request_id, c->id);
	PUT(r->function, c->function ? c->function->name : "");
	PUT(r->worker, c->worker ? c->worker->name : "");
	spans_commit(d->spans);
}
