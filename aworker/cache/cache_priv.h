/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the directory know of each other.
 */
#ifndef AWORKER_CACHE_CACHE_PRIV_H
#define AWORKER_CACHE_CACHE_PRIV_H

#include "aworker/cache/cache_store.h"

#define CACHE_PAGE	     4096u
#define CACHE_SEQUENCE_LEN   12
#define CACHE_SEQUENCE_MAX   UINT64_C(0xffffffffffff)
#define CACHE_FOLDER_FLAGS   (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY)
#define CACHE_FOLDER_MAX     (2 + CACHE_ID_LEN)
#define CACHE_PREFIX_LIVE    'c'
#define CACHE_PREFIX_DELETED 'd'

/* A deleted cache that this process still uses: the lock keeps others from removing it. */
struct cache_kept {
	int fd;
	char id[CACHE_ID_LEN + 1];
	struct cache_kept *next;
};

struct cache_store {
	int dir, lock;
	uint64_t max_bytes;
	uint64_t used;	   /* bytes of entries, as of the last look */
	uint64_t reserved; /* of drafts of this process */
	struct cache_kept *kept;
};

int cache_lock(struct cache_store *s, struct err *err);
void cache_unlock(struct cache_store *s);

const char *cache_digest_of(const char *name);
void cache_folder_name(char ret[CACHE_FOLDER_MAX + 1], char prefix, const char *id);
/* A cache that is live, or deleted and still ours. Negative errno. */
int cache_open_folder(struct cache_store *s, const char *id);
/* Whether there were any: deleted caches go before anything is refused. */
bool cache_forget_all(struct cache_store *s);

/* 0 or -ENOMEM. */
int cache_items_add(struct cache_items *items, const struct cache_item *item);
uint64_t cache_next_sequence(const struct cache_items *items);
/* Takes the descriptor. With a prefix folders, without one entries. */
int cache_scan(int fd, char prefix, const char *digest, struct cache_items *ret, struct err *err);
int cache_scan_root(struct cache_store *s, char prefix, struct cache_items *ret, struct err *err);

#endif
