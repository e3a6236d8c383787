/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traced requests as OTLP in JSON (opentelemetry-proto, ExportTraceServiceRequest). A request is a span of kind
 * server, and below it what it spent its time with: waiting, the start of its worker, the worker's answer.
 */
#ifndef SEED_NOSLATED_CONTROL_OTLP_H
#define SEED_NOSLATED_CONTROL_OTLP_H

#include <stddef.h>

#include "runtime/base/err.h"

struct buf;
struct span_record;
struct json_writer;

/* Who we are: service.name, host.name. */
void otlp_begin(struct json_writer *w, const char *service, const char *host);
void otlp_put(struct json_writer *w, const struct span_record *r);
void otlp_end(struct json_writer *w);

/* What a collector did not take of a request whose answer was 200: "partialSuccess"; 0: nothing. */
unsigned long long otlp_rejected(const char *text, size_t len);

/* Where a collector listens. */
#define OTLP_HOST_MAX 64
#define OTLP_PATH_MAX 256
struct otlp_url {
	char host[OTLP_HOST_MAX]; /* an address */
	char path[OTLP_PATH_MAX];
	int port;
};

/*
 * http://ADDRESS[:PORT][/PATH]; `append` goes behind the path, as to a base URL. Names of hosts would have to be
 * asked for, and https is not spoken: a collector is on the node, or a proxy of it.
 */
int otlp_parse_url(const char *text, const char *append, struct otlp_url *ret, struct err *err);

#endif
