/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: what has happened, as JSON lines; with "follow" also what will. */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/rfc3339.h"
#include "seed/noslated/control/admin_priv.h"

struct follower {
	struct admin_events *all;
	struct follower *next, **prev;
	struct web_client *client;
	uint64_t next_number;
	bool follows;
	char function[WEB_VALUE_MAX]; /* "": of any */
};

void admin_events_changed(void *arg)
{
	struct admin_events *all = arg;
	struct follower *f = all->first, *next;

	for (; f; f = next) {
		next = f->next;
		web_stream_wake(f->client);
	}
}

void admin_write_event(struct json_writer *w, const struct event *e)
{
	const struct timespec t = {
		.tv_sec = e->time_ms / 1000, .tv_nsec = e->time_ms % 1000 * 1000000};
	char when[RFC3339_MAX];

	json_write_object_begin(w);
	json_write_member_u64(w, "number", e->number);
	json_write_member_str(w, "time", rfc3339_nanoseconds(&t, when));
	json_write_member_str(w, "kind", event_kind_name(e->kind));
	if (*e->function)
		json_write_member_str(w, "function", e->function);
	if (*e->worker)
		json_write_member_str(w, "worker", e->worker);
	json_write_member_str(w, "text", e->text);
	json_write_object_end(w);
}

/* Those that were overwritten before they could be sent. */
static void write_lost(struct buf *out, uint64_t first, uint64_t last)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_write_object_begin(&w);
	json_write_member_str(&w, "kind", "lost");
	json_write_member_u64(&w, "from", first);
	json_write_member_u64(&w, "to", last);
	json_write_object_end(&w);
	buf_puts(out, "\n");
}

static enum web_stream pull(void *arg, struct buf *out)
{
	struct follower *f = arg;
	const struct events *events = f->all->control->events;
	const uint64_t first = events_first(events);
	const struct event *e;

	if (f->next_number < first) {
		write_lost(out, f->next_number, first - 1);
		f->next_number = first;
	}
	while (out->len < WEB_PIECE / 2 && (e = events_get(events, f->next_number))) {
		struct json_writer w;

		f->next_number++;
		if (*f->function && !streq(f->function, e->function))
			continue;
		json_writer_init(&w, out, false);
		admin_write_event(&w, e);
		buf_puts(out, "\n");
	}
	return f->follows || f->next_number <= events_last(events) ? WEB_STREAM_MORE
								   : WEB_STREAM_END;
}

static void on_gone(void *arg)
{
	struct follower *f = arg;

	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	free(f);
}

static const struct web_source source = {pull, on_gone};

static void enter(struct admin_events *all, struct follower *f)
{
	f->all = all;
	f->next = all->first;
	f->prev = &all->first;
	if (f->next)
		f->next->prev = &f->next;
	all->first = f;
}

/* Without "since" from the oldest one on; a number that is not reached yet is one of a daemon before us. */
static uint64_t begin_at(const struct events *events, uint64_t since)
{
	if (since == 0 || since > events_last(events))
		return events_first(events);
	return since + 1;
}

void admin_get_events(const struct admin_call *call)
{
	const char *query = call->request->query;
	struct follower *f = calloc(1, sizeof(*f));
	uint64_t since = 0, follow = 0;
	struct err err = ERR_INIT;

	if (!f || web_query_number(query, "since", UINT64_MAX, &since, &err) < 0 ||
		web_query_number(query, "follow", 1, &follow, &err) < 0 ||
		web_query_get(query, "function", f->function, &err) < 0) {
		web_fail(call->client, f ? 400 : 503, f ? err.msg : "there is no memory left");
		free(f);
		return;
	}
	f->client = call->client;
	f->follows = follow;
	f->next_number = begin_at(call->control->events, since);
	enter(&call->control->followers, f);
	web_stream(call->client, WEB_JSON_LINES, &source, f);
}
