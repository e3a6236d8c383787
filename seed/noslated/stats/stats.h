/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics in shared memory: a file below RUN that one process writes and anybody reads who may read the
 * directory. It outlives its writer; the next one goes on with it, so that counters do not go backwards when
 * a plane is killed. There are two of them, of the same form: what the data plane counts and what the
 * control plane does (words.h has what is in each).
 *
 * A segment has words of 64 bits for the node, and a slot of words for each name (of a function). What a
 * reader can rely on:
 * - no word is ever seen half written, and a counter never goes backwards while its writer lives or is
 *   replaced;
 * - a slot is read of one function, never of two (a sequence count, odd while the slot changes hands);
 * - words of one slot are not of one moment: a request may be in one and not yet in the other. The number
 *   of values in a histogram is the sum of its buckets, and so consistent with them.
 *
 * A function that goes leaves its slot as one of those that are gone, where its counters still are; of
 * STATS_GONE_MAX of them the oldest one is folded into the rest, words of the segment that have all that
 * was ever counted for functions which are no more. So the sum of all slots and the rest never goes
 * backwards; only when more than STATS_GONE_MAX functions go while somebody reads may one reading have
 * some of them twice.
 *
 * Counting takes no lock, no system call, no memory and no atomic read-modify-write: the writer is one.
 */
#ifndef SEED_NOSLATED_STATS_STATS_H
#define SEED_NOSLATED_STATS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define STATS_VERSION	 1
#define STATS_NAME_MAX	 128
#define STATS_SLOTS_MAX	 12288 /* of functions there are and of those that still end */
#define STATS_GONE_MAX	 256
#define STATS_NODE_WORDS 128
#define STATS_SLOT_WORDS 256 /* that a slot has at most */
#define STATS_LABELS_MAX 44  /* names of errors */
#define STATS_LABEL_MAX	 32

struct stats;
struct stats_families;

enum stats_state {
	STATS_FREE,
	STATS_USED,
	STATS_GONE,    /* of a function that is no more; counts to the rest */
	STATS_FOLDING, /* the same, while its words move there */
};

/* Which words of a slot are gauges, and so are 0 once the function has gone. */
struct stats_form {
	uint32_t
		kind; /* what the words are: a number, and what they are called (words.h), or NULL */
	const struct stats_families *families;
	uint32_t n_words; /* of a slot */
	uint32_t gauges_at, n_gauges;
};

/* --- writing: one process --- */

/* Goes on with what is there, unless it is of another form: then it begins anew. -EBUSY: somebody writes there. */
int stats_open(
	const char *path, const struct stats_form *form, struct stats **ret, struct err *err);
/* The file stays. NULL is fine. */
void stats_close(struct stats *s);

uint64_t *stats_node(struct stats *s);
/* Of functions for which there is no slot, or none any more. */
uint64_t *stats_rest(struct stats *s);
/*
 * In which of the words for labels something of this name is counted: the same as ever, whatever its number is
 * in this build. When there are too many names the last word is for all others.
 */
unsigned stats_label(struct stats *s, const char *name);

/*
 * The words of a name, for one more user: as they were, if it has had some. NULL: there is no slot or no
 * memory for one more.
 */
uint64_t *stats_claim(struct stats *s, const char *name, const char *tenant);
/* One user less; gone with the last one. NULL is fine. */
void stats_release(struct stats *s, uint64_t *words);
/* After a start, when all that is used was claimed: what is left of a writer before is gone. */
void stats_sweep(struct stats *s);

/* --- reading: anybody; also the writer --- */

/* -ENOENT, -ESTALE: it is of another form. A writer that begins anew makes another file: stats_is_current(). */
int stats_open_reader(
	const char *path, const struct stats_form *form, struct stats **ret, struct err *err);
/* Whether `path` still is what was opened. */
bool stats_is_current(const struct stats *s, const char *path);

struct stats_copy {
	enum stats_state state; /* USED, or GONE */
	char name[STATS_NAME_MAX + 1], tenant[STATS_NAME_MAX + 1];
	uint64_t words[STATS_SLOT_WORDS]; /* those that were asked for, from 0 on */
};

/* Slots that may be used: 0 to this. */
uint32_t stats_n_slots(const struct stats *s);
/* `n` words from `first` on of slot `i`. False: nobody's. */
bool stats_read(
	const struct stats *s, uint32_t i, unsigned first, unsigned n, struct stats_copy *ret);
/* The slot of a name, by the index; false: there is none, or it comes or goes just now. */
bool stats_find(const struct stats *s, const char *name, struct stats_copy *ret);
void stats_read_node(const struct stats *s, uint64_t ret[STATS_NODE_WORDS]);
void stats_read_rest(const struct stats *s, unsigned first, unsigned n, uint64_t *ret);
/* "" when there is none. */
void stats_read_label(const struct stats *s, unsigned i, char ret[STATS_LABEL_MAX]);

#endif
