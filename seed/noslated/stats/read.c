/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/stats/stats_priv.h"

/* A writer that was killed while a slot changed leaves it odd until the next one comes. */
#define TRIES 1000

uint64_t *stats_node(struct stats *s)
{
	return s->header->node;
}

uint64_t *stats_rest(struct stats *s)
{
	return s->header->rest;
}

unsigned stats_label(struct stats *s, const char *name)
{
	unsigned i = 0;

	assert(strlen(name) < STATS_LABEL_MAX);
	while (i < STATS_LABELS_MAX - 1 && *s->header->labels[i] &&
		!streq(s->header->labels[i], name))
		i++;
	strcpy(s->header->labels[i], i < STATS_LABELS_MAX - 1 ? name : "others");
	return i;
}

static void copy_words(const uint64_t *from, uint64_t *to, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* False: it has changed meanwhile. */
static bool try_read(
	const struct stats *s, uint32_t i, unsigned first, unsigned n, struct stats_copy *ret)
{
	const struct stats_head *h = &s->heads[i];
	const uint32_t seq = __atomic_load_n(&h->seq, __ATOMIC_ACQUIRE);

	if (seq & 1)
		return false;
	ret->state = (enum stats_state)h->state;
	memcpy(ret->name, h->name, STATS_NAME_MAX);
	memcpy(ret->tenant, h->tenant, STATS_NAME_MAX);
	ret->name[STATS_NAME_MAX] = ret->tenant[STATS_NAME_MAX] = '\0';
	copy_words(stats_words_of(s, i) + first, ret->words, n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&h->seq, __ATOMIC_RELAXED) == seq;
}

uint32_t stats_n_slots(const struct stats *s)
{
	const uint32_t n = __atomic_load_n(&s->header->n_slots, __ATOMIC_ACQUIRE);

	return n < STATS_SLOTS_MAX ? n : STATS_SLOTS_MAX;
}

bool stats_read(
	const struct stats *s, uint32_t i, unsigned first, unsigned n, struct stats_copy *ret)
{
	for (int tries = 0; tries < TRIES; tries++)
		if (try_read(s, i, first, n, ret))
			return ret->state == STATS_USED || ret->state == STATS_GONE;
	return false;
}

bool stats_find(const struct stats *s, const char *name, struct stats_copy *ret)
{
	uint32_t at = (uint32_t)stats_hash(name) & (STATS_BUCKETS - 1);

	for (unsigned i = 0; i < STATS_BUCKETS; i++, at = (at + 1) & (STATS_BUCKETS - 1)) {
		const uint32_t slot = __atomic_load_n(&s->index[at], __ATOMIC_RELAXED);

		if (slot == 0 || slot > STATS_SLOTS_MAX)
			return false;
		if (stats_read(s, slot - 1, 0, s->header->n_words, ret) && streq(ret->name, name))
			return true;
	}
	return false;
}

void stats_read_node(const struct stats *s, uint64_t ret[STATS_NODE_WORDS])
{
	copy_words(s->header->node, ret, STATS_NODE_WORDS);
}

void stats_read_rest(const struct stats *s, unsigned first, unsigned n, uint64_t *ret)
{
	copy_words(s->header->rest + first, ret, n);
}

void stats_read_label(const struct stats *s, unsigned i, char ret[STATS_LABEL_MAX])
{
	memcpy(ret, s->header->labels[i], STATS_LABEL_MAX);
	ret[STATS_LABEL_MAX - 1] = '\0';
}
