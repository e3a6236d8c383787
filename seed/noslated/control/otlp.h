/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traced requests as OTLP in JSON (opentelemetry-proto, ExportTraceServiceRequest). A request is a span of kind
 * server, and below it what it spent its time with: waiting, the start of its worker, the worker's answer.
 */
#ifndef SEED_NOSLATED_CONTROL_OTLP_H
#define SEED_NOSLATED_CONTROL_OTLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct buf;
struct span_record;
struct json_writer;

/* Who we are: service.name, host.name. */
void otlp_begin(struct json_writer *w, const char *service, const char *host);
void otlp_put(struct json_writer *w, const struct span_record *r);
void otlp_end(struct json_writer *w);

/* What a collector answers, by HTTP; the text ends in a NUL that is not counted. */
struct otlp_answer {
	int status;	   /* 0: that is no answer */
	uint64_t rejected; /* spans that it did not take: "partialSuccess" */
};

/* Whether nothing more comes; what says so in no way lasts until the connection ends. */
bool otlp_answer_is_whole(const char *text, size_t len);
void otlp_parse_answer(const char *text, size_t len, struct otlp_answer *ret);

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
