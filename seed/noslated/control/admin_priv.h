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

/* 400 with each line of `errors`. */
void admin_refuse(const struct admin_call *call, const struct buf *errors);

/* --- admin_node.c --- */
void admin_get_health(const struct admin_call *call);
void admin_get_version(const struct admin_call *call);

/* --- admin_functions.c --- */
void admin_get_functions(const struct admin_call *call);
void admin_put_functions(const struct admin_call *call);

/* --- admin_workers.c --- */
void admin_get_workers(const struct admin_call *call);

#endif
