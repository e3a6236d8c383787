/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traced requests on their way from the data plane to whoever exports them: a ring in a file below RUN, with
 * one writer and one reader, either of which may be killed and come again. Nobody waits: what finds no room
 * is dropped, and the writer counts it.
 *
 * A record is one request; the exporter makes its spans. Ids are text, as traceparent and OTLP have them.
 */
#ifndef SEED_NOSLATED_STATS_SPANS_H
#define SEED_NOSLATED_STATS_SPANS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define SPANS_FILE	"spans" /* below RUN */
#define SPANS_MAX	2048	/* of the ring; a power of 2 */
#define SPANS_TRACE_LEN 32
#define SPANS_ID_LEN	16

struct span_ids {
	char trace[SPANS_TRACE_LEN], parent[SPANS_ID_LEN]; /* parent "000..." of none */
	char server[SPANS_ID_LEN], upstream[SPANS_ID_LEN];
};

/* Times are nanoseconds since 1970; 0: it did not come to that. Texts are cut when they are longer. */
struct span_record {
	struct span_ids ids;
	uint64_t begun, arrived, sent, first, ended;
	uint64_t start_begun, start_ended; /* of its worker, when it waited for that */
	uint64_t in, out;
	uint32_t status;
	bool queued;
	char method[16], path[128], error[32], client[48], request_id[65];
	char function[129], worker[65];
};

struct spans;

/* Makes the file unless it is there and of this build. */
int spans_open(const char *path, struct spans **ret, struct err *err);
void spans_close(struct spans *s);

/* Of requests that belong to no trace yet a share of 0 to 1 is traced. */
void spans_set_ratio(struct spans *s, double ratio);
/* Whether one with these 64 bits of its trace's id is. */
bool spans_samples(const struct spans *s, uint64_t random);

/* Where the next record is to be written, or NULL: there is no room. */
struct span_record *spans_reserve(struct spans *s);
void spans_commit(struct spans *s);

/* The oldest record, or NULL; it stays until it is released. */
const struct span_record *spans_peek(const struct spans *s, uint64_t behind);
/* The `n` oldest ones are done with. */
void spans_release(struct spans *s, uint64_t n);

#endif
