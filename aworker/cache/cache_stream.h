/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry that is read, or written, a block at a time; see cache_file.h. Whoever reads or writes
 * faster than the disk waits until ready() is called, which comes from the loop.
 */
#ifndef AWORKER_CACHE_CACHE_STREAM_H
#define AWORKER_CACHE_CACHE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "aworker/cache/cache_file.h"
#include "runtime/base/err.h"

struct aio;
struct cache_reader;
struct cache_store;
struct cache_writer;

typedef void (*cache_ready_fn)(void *data);

/* Reading of the first block starts. -ENOENT: there is no such entry. */
int cache_reader_open(struct cache_store *s, struct aio *a, const char *id, const char *name,
	cache_ready_fn ready, void *data, struct cache_reader **ret, struct err *err);
void cache_reader_close(struct cache_reader *r);

enum cache_read {
	CACHE_READ_WAIT, /* for ready() */
	CACHE_READ_PIECE,
	CACHE_READ_END,
	CACHE_READ_FAILED, /* the file cannot be read, or is damaged; *err says so */
};
/* The head, as CACHE_READ_PIECE: borrowed until the first piece of the body is asked for. */
enum cache_read cache_reader_head(
	struct cache_reader *r, const struct cache_head **ret, struct err *err);
/* Bytes of the body; only after the head. Known then. */
uint64_t cache_reader_body_len(const struct cache_reader *r);
/* The next piece of the body: borrowed until the next call. */
enum cache_read cache_reader_read(
	struct cache_reader *r, const void **ret, size_t *ret_len, struct err *err);

/*
 * A new entry of the cache `id`, known by the digest of its URL. -EAGAIN, -EDQUOT: as in
 * cache_store.h.
 */
int cache_writer_open(struct cache_store *s, struct aio *a, const char *id, const char *digest,
	const struct cache_head *head, cache_ready_fn ready, void *data, struct cache_writer **ret,
	struct err *err);
/* What has not been committed is removed. */
void cache_writer_close(struct cache_writer *w);
/*
 * Takes bytes of the body, and says how many; 0: ready() is called when it takes more. Negative errno:
 * it has failed and stays so, but for -EDQUOT, after which there may be
 * room later.
 */
ssize_t cache_writer_write(struct cache_writer *w, const void *bytes, size_t len, struct err *err);
/* The body is complete. 1: so is the file; 0: ready() will tell; negative errno: it has failed. */
int cache_writer_finish(struct cache_writer *w, struct err *err);
/* As cache_draft_commit(). */
int cache_writer_commit(struct cache_writer *w, const char *const *seen, size_t n_seen,
	const char *const *replaced, size_t n_replaced, struct err *err);

#endif
