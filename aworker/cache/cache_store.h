/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that caches are in. What is here blocks, but only on names: whole files are the
 * business of cache_stream.h.
 *
 *   lock               who changes a name holds it, never while waiting for anything
 *   c-SEQUENCE-DIGEST/ a cache: digest of its name; in it `name`, which has the name, and entries
 *   d-...              the same, deleted while somebody still uses it
 *     SEQUENCE-DIGEST-PAGES  an entry: digest of its URL, its size in pages of 4 KiB
 *   t-RANDOM           an entry that is being written, locked by who does
 *
 * Sequence numbers are the order in which things were made. Names that are not ours are ignored.
 * Several processes may use one directory. Of what another one has left unfinished nothing stays.
 * Between the removal of an entry and the coming of the one that replaces it others see none: never
 * both, and never an old one after a crash.
 *
 * The directory is opened once, and all else by a name in it without following links, so nothing
 * leads out of it. What is no regular file of the right size is no entry.
 */
#ifndef AWORKER_CACHE_CACHE_STORE_H
#define AWORKER_CACHE_CACHE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

#define CACHE_SIZE_DEFAULT (64ull << 20) /* bytes of all entries */
#define CACHE_CACHES_MAX   128		 /* in a directory */
#define CACHE_ENTRIES_MAX  4096		 /* of all caches in it */
#define CACHE_SCAN_MAX	   65536	 /* names that are looked at in one directory */
#define CACHE_NAME_MAX	   1024		 /* UTF-16 code units of a cache's name */
#define CACHE_ID_LEN	   45		 /* "SEQUENCE-DIGEST" */
#define CACHE_DIGEST_LEN   32
#define CACHE_ENTRY_LEN	   (CACHE_ID_LEN + 9)
#define CACHE_TMP_LEN	   18

/* Beyond a negative errno: EAGAIN, another process holds the lock; EDQUOT, a limit is reached. */

struct cache_store;

/* A cache or an entry of one. */
struct cache_item {
	uint64_t sequence, bytes;
	char name[CACHE_ENTRY_LEN + 1];
};

/* In the order of their sequence; cache_items_finish() frees them. */
struct cache_items {
	struct cache_item *v;
	size_t n;
};
void cache_items_finish(struct cache_items *items);
#define _cleanup_cache_items_ _cleanup_(cache_items_finish)

/* Makes the directory where there is none. */
int cache_store_open(
	const char *path, uint64_t max_bytes, struct cache_store **ret, struct err *err);
void cache_store_close(struct cache_store *s);

/* Of a URL, and of a cache's name. */
void cache_digest(const void *bytes, size_t len, char ret[CACHE_DIGEST_LEN + 1]);

/* The caches that are not deleted; a cache's name is appended to *ret, -ENOENT when it has none. */
int cache_store_caches(struct cache_store *s, struct cache_items *ret, struct err *err);
int cache_store_name(struct cache_store *s, const char *id, struct buf *ret, struct err *err);
/* The cache of that name: -ENOENT when there is none, or made then. */
int cache_store_find(struct cache_store *s, const char *name, size_t len,
	char ret_id[CACHE_ID_LEN + 1], struct err *err);
int cache_store_make(struct cache_store *s, const char *name, size_t len,
	char ret_id[CACHE_ID_LEN + 1], struct err *err);
/* `keep`: it can be used until cache_store_forget() or the end. -ENOENT: there is none. */
int cache_store_delete(struct cache_store *s, const char *id, bool keep, struct err *err);
void cache_store_forget(struct cache_store *s, const char *id);

/* Entries with that digest, all of them without one. None when there is no such cache. */
int cache_store_entries(struct cache_store *s, const char *id, const char *digest,
	struct cache_items *ret, struct err *err);
/* A descriptor to read, or a negative errno; of what may not be an entry -ENOENT. */
int cache_store_open_entry(
	struct cache_store *s, const char *id, const char *name, uint64_t *ret_size);
/* Entries of these names, those that are there. */
int cache_store_remove(
	struct cache_store *s, const char *id, const char *const *names, size_t n, struct err *err);

/* --- what is being written --- */

struct cache_draft {
	char tmp[CACHE_TMP_LEN + 1]; /* "": none */
	char digest[CACHE_DIGEST_LEN + 1];
	char id[CACHE_ID_LEN + 1];
	int fd;
	uint64_t reserved; /* bytes, of the quota */
};

int cache_draft_open(struct cache_store *s, const char *id, const char *digest,
	struct cache_draft *ret, struct err *err);
/* `bytes` more. -EDQUOT: there is no room for them; -EFBIG: not in an empty directory either. */
int cache_draft_reserve(struct cache_store *s, struct cache_draft *d, uint64_t bytes);
/*
 * The file is complete: it becomes an entry, in the place of `replaced`. -ESTALE: there are others
 * with its digest than `seen`, so the caller has to look again.
 */
int cache_draft_commit(struct cache_store *s, struct cache_draft *d, const char *const *seen,
	size_t n_seen, const char *const *replaced, size_t n_replaced, struct err *err);
/* Removes what has not become an entry; nothing happens when there is none. */
void cache_draft_close(struct cache_store *s, struct cache_draft *d);

#endif
