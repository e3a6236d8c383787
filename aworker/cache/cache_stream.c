/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/cache/cache_stream.h"

#include <errno.h>
#include <sys/types.h>

#include "aworker/aio/aio.h"
#include "aworker/cache/cache_store.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

_Static_assert(CACHE_BLOCK % AIO_ALIGN == 0, "blocks are read past the page cache");

static int fail_with(int code, struct err *err)
{
	if (code == EDQUOT || code == ENOSPC)
		return err_say(err, EDQUOT, "cache: there is no room for the entry");
	if (code == EFBIG)
		return err_say(err, EFBIG, "cache: the entry is too large");
	if (code == EBADMSG)
		return err_say(err, EBADMSG, "cache: the file of the entry is damaged");
	return err_set(err, code, "cache: the file of the entry");
}

/* --- reading --- */

struct cache_reader {
	struct aio_job *job;
	int fd;
	uint64_t size;	/* of the file */
	uint64_t given; /* bytes of the entry that the caller has had */
	uint64_t total; /* of the entry */
	uint32_t index; /* of the block that is in the buffer, or will be */
	uint32_t len;	/* bytes of the entry in it */
	bool running, has_block, has_head;
	int failure; /* errno */
	struct cache_head head;
	size_t head_len;
	cache_ready_fn ready;
	void *data;
};

static char *payload(struct cache_reader *r)
{
	return (char *)aio_job_bytes(r->job) + CACHE_BLOCK_HEADER;
}

/* Whether the first block is that of an entry which is as long as the file. */
static bool take_first(struct cache_reader *r, const struct cache_block *b)
{
	if (cache_file_size(b->total) != r->size ||
		!cache_head_parse(payload(r), b->head_len, &r->head) ||
		!cache_head_is_entry(&r->head))
		return false;
	r->total = b->total;
	r->head_len = r->given = b->head_len;
	r->has_head = true;
	return true;
}

/* Of the others each but the last is full. */
static bool fits(const struct cache_reader *r, const struct cache_block *b)
{
	const uint64_t left = r->total - (uint64_t)b->index * CACHE_PIECE;

	return b->len == (left < CACHE_PIECE ? left : CACHE_PIECE);
}

static void on_block(void *data, ssize_t n)
{
	struct cache_reader *r = data;
	struct cache_block b;

	r->running = false;
	if (n < 0)
		r->failure = (int)-n;
	else if (!cache_block_check(aio_job_bytes(r->job), (size_t)n, r->index, &b) ||
		 !(r->index == 0 ? take_first(r, &b) : fits(r, &b)))
		r->failure = EBADMSG;
	else
		r->len = b.len;
	r->has_block = r->failure == 0;
	r->ready(r->data);
}

static void read_block(struct cache_reader *r)
{
	r->running = true;
	r->has_block = false;
	aio_read(r->job, r->fd, CACHE_BLOCK, (uint64_t)r->index * CACHE_BLOCK, on_block, r);
}

int cache_reader_open(struct cache_store *s, struct aio *a, const char *id, const char *name,
	cache_ready_fn ready, void *data, struct cache_reader **ret, struct err *err)
{
	struct cache_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return err_oom(err);
	r->ready = ready;
	r->data = data;
	r->fd = cache_store_open_entry(s, id, name, &r->size);
	if (r->fd < 0) {
		const int code = -r->fd;

		free(r);
		return err_set(err, code, "cache: open an entry");
	}
	r->job = aio_job_create(a, CACHE_BLOCK);
	if (!r->job) {
		cache_reader_close(r);
		return err_oom(err);
	}
	read_block(r);
	*ret = r;
	return 0;
}

void cache_reader_close(struct cache_reader *r)
{
	if (!r)
		return;
	aio_job_destroy(r->job);
	fd_close(&r->fd);
	free(r);
}

enum cache_read cache_reader_head(
	struct cache_reader *r, const struct cache_head **ret, struct err *err)
{
	if (r->failure) {
		fail_with(r->failure, err);
		return CACHE_READ_FAILED;
	}
	if (!r->has_head)
		return CACHE_READ_WAIT;
	*ret = &r->head;
	return CACHE_READ_PIECE;
}

uint64_t cache_reader_body_len(const struct cache_reader *r)
{
	return r->total - r->head_len;
}

enum cache_read cache_reader_read(
	struct cache_reader *r, const void **ret, size_t *ret_len, struct err *err)
{
	const uint64_t start = (uint64_t)r->index * CACHE_PIECE;

	if (r->failure) {
		fail_with(r->failure, err);
		return CACHE_READ_FAILED;
	}
	if (r->running || !r->has_head)
		return CACHE_READ_WAIT;
	if (r->given == r->total)
		return CACHE_READ_END;
	if (r->given == start + r->len) {
		r->index++;
		read_block(r);
		return CACHE_READ_WAIT;
	}
	*ret = payload(r) + (r->given - start);
	*ret_len = (size_t)(start + r->len - r->given);
	r->given = start + r->len;
	return CACHE_READ_PIECE;
}

/* --- writing --- */

struct cache_writer {
	struct cache_store *store;
	struct aio_job *job;
	char *first; /* the block that is written last */
	struct cache_draft draft;
	uint64_t total;
	uint32_t index, len; /* of the block that is being filled */
	uint32_t head_len, first_len;
	bool running, ended, sealed, complete;
	int failure; /* errno */
	cache_ready_fn ready;
	void *data;
};

static char *current(struct cache_writer *w)
{
	return (w->index == 0 ? w->first : (char *)aio_job_bytes(w->job)) + CACHE_BLOCK_HEADER;
}

static void write_next(struct cache_writer *w);

static void on_written(void *data, ssize_t n)
{
	struct cache_writer *w = data;

	w->running = false;
	if (n < 0) {
		w->failure = (int)-n;
		w->ready(w->data);
		return;
	}
	w->complete = w->sealed;
	w->index++;
	w->len = 0;
	if (w->ended && !w->complete)
		write_next(w);
	else
		w->ready(w->data);
}

/* The block that is full, or the last one; behind that the first. */
static void write_next(struct cache_writer *w)
{
	struct cache_block b = {.index = w->index, .len = w->len};
	char *block = aio_job_bytes(w->job);

	if (w->index == 0 || w->len == 0) {
		w->sealed = true;
		b = (struct cache_block){
			.total = w->total, .head_len = w->head_len, .len = w->first_len};
		memcpy(block + CACHE_BLOCK_HEADER, w->first + CACHE_BLOCK_HEADER, b.len);
	}
	cache_block_seal(block, &b);
	w->running = true;
	aio_write(w->job, w->draft.fd, CACHE_BLOCK_HEADER + b.len, (uint64_t)b.index * CACHE_BLOCK,
		on_written, w);
}

static int reserve(struct cache_writer *w)
{
	return cache_draft_reserve(w->store, &w->draft, CACHE_BLOCK);
}

static bool put_head(struct cache_writer *w, const struct cache_head *head)
{
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	if (!cache_head_put(&bytes, head->strings, head->lens, head->n) || buf_failed(&bytes))
		return false;
	memcpy(w->first + CACHE_BLOCK_HEADER, bytes.data, bytes.len);
	w->head_len = w->len = w->first_len = (uint32_t)bytes.len;
	w->total = bytes.len;
	return true;
}

int cache_writer_open(struct cache_store *s, struct aio *a, const char *id, const char *digest,
	const struct cache_head *head, cache_ready_fn ready, void *data, struct cache_writer **ret,
	struct err *err)
{
	struct cache_writer *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!w)
		return err_oom(err);
	w->store = s;
	w->ready = ready;
	w->data = data;
	w->draft.fd = -1;
	w->first = malloc(CACHE_BLOCK);
	w->job = aio_job_create(a, CACHE_BLOCK);
	if (!w->first || !w->job)
		r = err_oom(err);
	if (r == 0 && !put_head(w, head))
		r = err_say(err, EFBIG, "cache: the headers are more than %d bytes or %d strings",
			CACHE_HEAD_MAX, CACHE_STRINGS_MAX);
	if (r == 0)
		r = cache_draft_open(s, id, digest, &w->draft, err);
	if (r == 0 && (r = reserve(w)) < 0)
		fail_with(-r, err);
	if (r < 0) {
		cache_writer_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void cache_writer_close(struct cache_writer *w)
{
	if (!w)
		return;
	aio_job_destroy(w->job);
	cache_draft_close(w->store, &w->draft);
	free(w->first);
	free(w);
}

/* A disk that is full may not be so when it is tried again; what was to be written is still there. */
static int tell_failure(struct cache_writer *w, struct err *err)
{
	const int r = fail_with(w->failure, err);

	if (r == -EDQUOT)
		w->failure = 0;
	return r;
}

/* Whether there is room in a block now; a full one is on its way then. */
static bool has_room(struct cache_writer *w)
{
	if (w->len < CACHE_PIECE)
		return true;
	if (w->index > 0) {
		write_next(w);
		return false;
	}
	/* The first one waits. */
	w->index = 1;
	w->len = 0;
	return true;
}

ssize_t cache_writer_write(struct cache_writer *w, const void *bytes, size_t len, struct err *err)
{
	size_t taken = 0, n;
	int r;

	while (!w->failure && taken < len && !w->running && has_room(w)) {
		/* There may be room later. */
		r = w->len == 0 && w->index > 0 ? reserve(w) : 0;
		if (r < 0)
			return taken ? (ssize_t)taken : fail_with(-r, err);
		n = CACHE_PIECE - w->len;
		if (n > len - taken)
			n = len - taken;
		if (w->total + n > CACHE_ENTRY_MAX) {
			w->failure = EFBIG;
			break;
		}
		memcpy(current(w) + w->len, (const char *)bytes + taken, n);
		w->len += (uint32_t)n;
		w->total += n;
		taken += n;
		if (w->index == 0)
			w->first_len = w->len;
	}
	return w->failure ? tell_failure(w, err) : (ssize_t)taken;
}

int cache_writer_finish(struct cache_writer *w, struct err *err)
{
	if (w->failure)
		return tell_failure(w, err);
	w->ended = true;
	if (!w->complete && !w->running)
		write_next(w);
	return w->complete;
}

int cache_writer_commit(struct cache_writer *w, const char *const *seen, size_t n_seen,
	const char *const *replaced, size_t n_replaced, struct err *err)
{
	if (!w->complete)
		return err_say(err, EINVAL, "cache: the entry is not complete");
	return cache_draft_commit(w->store, &w->draft, seen, n_seen, replaced, n_replaced, err);
}
