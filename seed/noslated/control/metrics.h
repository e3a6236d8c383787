/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics: what both planes count, as text. The admin API has it, and a listener of its own (--metrics), which
 * answers anybody and nothing else but /healthz and /readyz.
 */
#ifndef SEED_NOSLATED_CONTROL_METRICS_H
#define SEED_NOSLATED_CONTROL_METRICS_H

#include "runtime/base/err.h"

struct control;
struct web_client;
struct web_request;
struct web_server;

/* Answers one request, in pieces. */
void metrics_answer(struct control *c, struct web_client *client, const struct web_request *r);
/* Whether requests can be served: 200 or 503. */
void metrics_answer_ready(const struct control *c, struct web_client *client);

int metrics_listen(
	struct control *c, const char *address, struct web_server **ret, struct err *err);

#endif
