/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a segment lies in its file: a header, the index, the heads of all slots, their words. Each part begins
 * at a page, and pages that nobody has used are holes.
 */
#ifndef SEED_NOSLATED_STATS_STATS_PRIV_H
#define SEED_NOSLATED_STATS_STATS_PRIV_H

#include "seed/noslated/stats/stats.h"

#define STATS_MAGIC   UINT64_C(0x7374617466727574)
#define STATS_PAGE    4096
#define STATS_BUCKETS 32768 /* of the index: a power of 2, well above STATS_SLOTS_MAX */
#define STATS_NO_SLOT UINT32_MAX

/* A slot's; `next` is of the list of gone or free ones. All but `seq` and `state` changes only while odd. */
struct stats_head {
	uint32_t seq, state;
	uint32_t refs, next;
	uint64_t hash;
	char name[STATS_NAME_MAX + 8], tenant[STATS_NAME_MAX + 8];
};

struct stats_header {
	uint64_t magic, build;
	uint32_t n_words, gauges_at, n_gauges;
	uint32_t n_slots;		  /* that were ever used */
	uint32_t free;			  /* list; STATS_NO_SLOT: empty */
	uint32_t gone, gone_last, n_gone; /* the oldest first */
	uint64_t node[STATS_NODE_WORDS];
	uint64_t rest[STATS_SLOT_WORDS];
	char labels[STATS_LABELS_MAX][STATS_LABEL_MAX];
};

struct stats {
	struct stats_header *header;
	uint32_t *index; /* slot + 1; 0: empty */
	struct stats_head *heads;
	uint64_t *words;
	size_t size;
	int fd;
	uint64_t device, inode;
};

static inline uint64_t *stats_words_of(const struct stats *s, uint32_t slot)
{
	return s->words + (size_t)slot * s->header->n_words;
}

static inline uint64_t stats_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

/* --- segment.c --- */
/* Memory for a slot that was never used: 0 or a negative errno. */
int stats_fill_slot(struct stats *s, uint32_t slot);

/* --- slots.c --- */
/* The index and the lists, from the states of the slots; what was being done when a writer died is ended. */
void stats_rebuild(struct stats *s);

#endif
