/* SPDX-License-Identifier: Apache-2.0 */
/* Who has which slot. Only the writer is here; it may be killed at any point, and the next one goes on. */
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/stats/stats_priv.h"
#include "seed/noslated/stats/word.h"

/* Readers that see an odd count, or another one after than before, read again. */
static void begin_change(struct stats_head *h)
{
	__atomic_store_n(&h->seq, h->seq | 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Behind what was done before, also for a writer that comes after one that was killed. */
static void set_state(struct stats_head *h, enum stats_state state)
{
	__atomic_store_n(&h->state, state, __ATOMIC_RELEASE);
}

static void end_change(struct stats_head *h)
{
	__atomic_store_n(&h->seq, (h->seq | 1) + 1, __ATOMIC_RELEASE);
}

/* --- the index: linear probing, without tombstones --- */

static uint32_t place_of(const struct stats *s, const char *name, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (STATS_BUCKETS - 1);

	for (; s->index[at]; at = (at + 1) & (STATS_BUCKETS - 1)) {
		const struct stats_head *h = &s->heads[s->index[at] - 1];

		if (h->hash == hash && streq(h->name, name))
			break;
	}
	return at;
}

static void index_remove(struct stats *s, const struct stats_head *h)
{
	uint32_t hole = place_of(s, h->name, h->hash), at = hole;

	/* What was pushed aside by it moves up. */
	for (;;) {
		uint32_t home;

		at = (at + 1) & (STATS_BUCKETS - 1);
		if (!s->index[at])
			break;
		home = (uint32_t)s->heads[s->index[at] - 1].hash & (STATS_BUCKETS - 1);
		if (((at - home) & (STATS_BUCKETS - 1)) < ((at - hole) & (STATS_BUCKETS - 1)))
			continue;
		s->index[hole] = s->index[at];
		hole = at;
	}
	s->index[hole] = 0;
}

/* --- slots that are gone --- */

static void add_gone(struct stats *s, uint32_t slot)
{
	struct stats_header *all = s->header;

	s->heads[slot].next = STATS_NO_SLOT;
	if (all->n_gone > 0)
		s->heads[all->gone_last].next = slot;
	else
		all->gone = slot;
	all->gone_last = slot;
	all->n_gone++;
}

static void remove_gone(struct stats *s, uint32_t slot)
{
	struct stats_header *all = s->header;
	uint32_t *at = &all->gone, before = STATS_NO_SLOT;

	while (*at != slot) {
		before = *at;
		at = &s->heads[*at].next;
	}
	*at = s->heads[slot].next;
	if (all->gone_last == slot)
		all->gone_last = before;
	all->n_gone--;
}

static bool is_gauge(const struct stats_header *f, uint32_t word)
{
	return word >= f->gauges_at && word < f->gauges_at + f->n_gauges;
}

static void clear_gauges(struct stats *s, uint32_t slot)
{
	const struct stats_header *f = s->header;

	for (uint32_t i = 0; i < f->n_gauges; i++)
		stats_set(&stats_words_of(s, slot)[f->gauges_at + i], 0);
}

/* A writer that dies here has counted one word twice at most. */
static void move_words(struct stats *s, uint32_t slot)
{
	uint64_t *words = stats_words_of(s, slot);

	for (uint32_t i = 0; i < s->header->n_words; i++) {
		if (!is_gauge(s->header, i) && words[i] > 0)
			stats_add(&s->header->rest[i], words[i]);
		stats_set(&words[i], 0);
	}
}

static void fold(struct stats *s, uint32_t slot)
{
	struct stats_head *h = &s->heads[slot];

	index_remove(s, h);
	begin_change(h);
	set_state(h, STATS_FOLDING);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	move_words(s, slot);
	set_state(h, STATS_FREE);
	h->next = s->header->free;
	s->header->free = slot;
	end_change(h);
}

static void fold_oldest(struct stats *s)
{
	const uint32_t slot = s->header->gone;

	remove_gone(s, slot);
	fold(s, slot);
}

/* --- slots that are used --- */

static uint32_t take_free(struct stats *s)
{
	struct stats_header *all = s->header;
	uint32_t slot = all->free;

	if (slot != STATS_NO_SLOT) {
		all->free = s->heads[slot].next;
		return slot;
	}
	if (all->n_slots < STATS_SLOTS_MAX && stats_fill_slot(s, all->n_slots) == 0) {
		slot = all->n_slots;
		__atomic_store_n(&all->n_slots, slot + 1, __ATOMIC_RELEASE);
		return slot;
	}
	if (all->n_gone == 0)
		return STATS_NO_SLOT;
	fold_oldest(s);
	return take_free(s);
}

static void put_name(struct stats_head *h, const char *name, const char *tenant, uint64_t hash)
{
	begin_change(h);
	h->hash = hash;
	strcpy(h->name, name);
	strcpy(h->tenant, tenant);
	set_state(h, STATS_USED);
	end_change(h);
}

uint64_t *stats_claim(struct stats *s, const char *name, const char *tenant)
{
	const uint64_t hash = stats_hash(name);
	uint32_t at, slot;
	struct stats_head *h;

	if (strlen(name) > STATS_NAME_MAX || strlen(tenant) > STATS_NAME_MAX)
		return NULL;
	at = place_of(s, name, hash);
	if (s->index[at]) {
		slot = s->index[at] - 1;
		h = &s->heads[slot];
		if (h->state == STATS_GONE)
			remove_gone(s, slot);
		h->refs++;
		if (h->state == STATS_GONE || !streq(h->tenant, tenant))
			put_name(h, name, tenant, hash);
		return stats_words_of(s, slot);
	}
	slot = take_free(s);
	if (slot == STATS_NO_SLOT)
		return NULL;
	h = &s->heads[slot];
	h->refs = 1;
	put_name(h, name, tenant, hash);
	/* Folding one may have moved the place. */
	s->index[place_of(s, name, hash)] = slot + 1;
	return stats_words_of(s, slot);
}

static void let_go(struct stats *s, uint32_t slot)
{
	struct stats_head *h = &s->heads[slot];

	begin_change(h);
	clear_gauges(s, slot);
	set_state(h, STATS_GONE);
	end_change(h);
	add_gone(s, slot);
	if (s->header->n_gone > STATS_GONE_MAX)
		fold_oldest(s);
}

void stats_release(struct stats *s, uint64_t *words)
{
	uint32_t slot;

	if (!words)
		return;
	slot = (uint32_t)((size_t)(words - s->words) / s->header->n_words);
	assert(s->heads[slot].refs > 0);
	if (--s->heads[slot].refs == 0)
		let_go(s, slot);
}

void stats_sweep(struct stats *s)
{
	for (uint32_t i = 0; i < s->header->n_slots; i++)
		if (s->heads[i].state == STATS_USED && s->heads[i].refs == 0)
			let_go(s, i);
}

/* --- after a writer before --- */

static void rebuild_one(struct stats *s, uint32_t slot)
{
	struct stats_head *h = &s->heads[slot];

	if (h->state > STATS_GONE) {
		move_words(s, slot);
		h->state = STATS_FREE;
	}
	h->refs = 0;
	if (h->seq & 1)
		end_change(h);
	if (h->state == STATS_FREE) {
		h->next = s->header->free;
		s->header->free = slot;
		return;
	}
	clear_gauges(s, slot);
	s->index[place_of(s, h->name, h->hash)] = slot + 1;
	if (h->state == STATS_GONE)
		add_gone(s, slot);
}

void stats_rebuild(struct stats *s)
{
	struct stats_header *all = s->header;

	memset(s->index, 0, STATS_BUCKETS * sizeof(*s->index));
	all->free = STATS_NO_SLOT;
	all->n_gone = 0;
	if (all->n_slots > STATS_SLOTS_MAX)
		all->n_slots = STATS_SLOTS_MAX;
	for (uint32_t i = 0; i < all->n_slots; i++)
		rebuild_one(s, i);
}
