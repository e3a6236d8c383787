/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes traced requests from the ring and posts them to a collector, some at a time (OTLP over HTTP). This is
 * the control plane's work: the data plane writes a record and goes on, and who is slow here is never in the way
 * of a request. While the collector does not answer they stay in the ring; what the ring does not hold is
 * dropped, and counted there.
 */
#ifndef SEED_NOSLATED_CONTROL_OTLP_EXPORT_H
#define SEED_NOSLATED_CONTROL_OTLP_EXPORT_H

#include <uv.h>

#include "runtime/base/err.h"

struct otlp_export;
struct spans;
struct stats_control_node;

#define OTLP_BATCH_MAX	  256	/* requests of one post */
#define OTLP_FLUSH_MS	  500	/* how long they may wait for others */
#define OTLP_LIMIT_MS	  10000 /* for one post and its answer */
#define OTLP_ANSWER_MAX	  65536
#define OTLP_AGAIN_MS	  1000 /* after a failure; twice as long after the next one */
#define OTLP_AGAIN_MAX_MS 30000
#define OTLP_TRIES_MAX	  6 /* of one batch, which is lost then */
#define OTLP_PATH	  "/v1/traces"

struct otlp_options {
	const char *url;	/* of the collector; NULL: nothing is exported */
	const char *traces_url; /* the same, of traces alone: nothing goes behind its path */
	const char *service;
};

/* All is borrowed. -EINVAL for a URL that is none. */
int otlp_export_open(uv_loop_t *loop, const struct otlp_options *options, struct spans *spans,
	struct stats_control_node *counts, struct otlp_export **ret, struct err *err);
/* At once; what the ring has the next control plane exports. NULL is fine. */
void otlp_export_close(struct otlp_export *e);

#endif
