/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics as text: OpenMetrics 1.0, or the format of Prometheus before it (0.0.4). The text is made in
 * pieces, so that neither memory nor time of one grows with the number of functions.
 *
 * Samples of a function have the labels function and tenant; what was counted for functions that are no more
 * has STATS_TEXT_REMOVED for both, which can be no name. A histogram without a value is left out, as is a
 * counter by a label (of an error, of a class) that is 0.
 */
#ifndef SEED_NOSLATED_STATS_TEXT_H
#define SEED_NOSLATED_STATS_TEXT_H

#include <stdbool.h>

#include "seed/noslated/stats/words.h"

struct buf;

#define STATS_TEXT_REMOVED   "(removed)"
#define STATS_TEXT_TYPE	     "text/plain; version=0.0.4; charset=utf-8"
#define STATS_TEXT_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

struct stats_text {
	const struct stats *s;
	const struct stats_families *families;
	bool open; /* OpenMetrics */
	/* its own */
	size_t at;     /* of the node's families, then of functions' */
	uint32_t slot; /* of the family: the next one */
	bool begun;
	uint64_t removed[STATS_SLOT_WORDS]; /* of the family */
	struct stats_copy copy;
};

/* All is borrowed until the last piece. */
void stats_text_begin(struct stats_text *t, const struct stats *s,
	const struct stats_families *families, bool open);
/* Appends until `out` has about `enough` bytes; always something. False: this was the last piece. */
bool stats_text_next(struct stats_text *t, struct buf *out, size_t enough);

/* Whether the value of an Accept header prefers OpenMetrics to plain text. */
bool stats_text_wants_open(const char *accept);
/* Appends a label's value with its quotes. */
void stats_text_put_value(struct buf *out, const char *value);

#endif
