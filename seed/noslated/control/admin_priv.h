/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the admin API: admin.c has the table of all that can be asked, and who answers. */
#ifndef SEED_NOSLATED_CONTROL_ADMIN_PRIV_H
#define SEED_NOSLATED_CONTROL_ADMIN_PRIV_H

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/web/request.h"
#include "seed/noslated/web/server.h"

/* One request. All of it is borrowed for the call, but for the client. */
struct admin_call {
	struct control *control;
	struct web_client *client;
	const struct web_request *request;
	struct web_parts parts; /* of the path */
};

/* A mistake of who asks, or what kept it from being done: each line of `errors`, or the one of `err`. */
void admin_refuse(const struct admin_call *call, const struct buf *errors, const struct err *err);
/* That the path names; NULL when there is none, which was answered then. */
const struct profile_function *admin_function(const struct admin_call *call);

/* --- admin_apply.c --- */
/* Each answers, now or later. */
void admin_apply(const struct admin_call *call, const char *how, const char *text, size_t len);
/* `event`: what is told of the function (enum event_kind), or -1. */
void admin_change(const struct admin_call *call, const char *how, int event,
	void (*f)(struct profile_function *f, const void *arg), const void *arg);

/* --- admin_node.c --- */
void admin_get_health(const struct admin_call *call);
void admin_get_ready(const struct admin_call *call);
void admin_get_metrics(const struct admin_call *call);
void admin_get_version(const struct admin_call *call);
void admin_get_node(const struct admin_call *call);
void admin_put_node_drained(const struct admin_call *call);
/* The only member of the body: {"drained": true}. */
int admin_read_drained(const struct admin_call *call, bool *ret, struct err *err);

/* --- admin_functions.c --- */
void admin_get_functions(const struct admin_call *call);
void admin_put_functions(const struct admin_call *call);
void admin_get_function(const struct admin_call *call);
void admin_put_replicas(const struct admin_call *call);
void admin_put_drained(const struct admin_call *call);

/* --- admin_sets.c --- */
void admin_get_sets(const struct admin_call *call);
void admin_get_set(const struct admin_call *call);
void admin_post_rollback(const struct admin_call *call);

/* --- admin_status.c --- */
void admin_get_status(const struct admin_call *call);
/* Of one function, as a value of a larger text. */
void admin_write_status(
	const struct control *c, const struct profile_function *f, struct json_writer *w);
/* What all of them had to do in the last moments, as a member; nothing when that is not known. */
void admin_write_recent(const struct control *c, struct json_writer *w);

/* --- admin_workers.c --- */
void admin_get_workers(const struct admin_call *call);
/* Those of one function, or of all when that is NULL, as an array. */
void admin_write_workers(const struct control *c, const char *function, struct json_writer *w);

/* --- admin_events.c --- */
void admin_get_events(const struct admin_call *call);
void admin_write_event(struct json_writer *w, const struct event *e);

/* --- admin_log.c --- */
void admin_get_log(const struct admin_call *call);

#endif
