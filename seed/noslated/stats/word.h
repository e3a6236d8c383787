/* SPDX-License-Identifier: Apache-2.0 */
/* A word that one process counts in and others read meanwhile: an ordinary store, which is never torn. */
#ifndef SEED_NOSLATED_STATS_WORD_H
#define SEED_NOSLATED_STATS_WORD_H

#include <stdint.h>

static inline void stats_set(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, n, __ATOMIC_RELAXED);
}

static inline void stats_add(uint64_t *word, uint64_t n)
{
	stats_set(word, *word + n);
}

#endif
