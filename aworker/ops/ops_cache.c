/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins caches on disk (--cache) and JavaScript (aworker/js/cache_disk.js). The directory is opened
 * when something of it is wanted first, and closed with the loop.
 *
 * What is read or written is a stream with a number, which holds a serial and its place in a table;
 * internals.cacheReady(number) says that it is worth asking again.
 */
#include <errno.h>

#include "aworker/aio/aio.h"
#include "aworker/cache/cache_store.h"
#include "aworker/cache/cache_stream.h"
#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

/* Entries that are read or written at a time. */
#define STREAMS_MAX 128

/* What js/cache_disk.js understands; other failures are thrown. */
enum cache_code {
	CACHE_DONE = 0,
	CACHE_BUSY = -1,    /* another process changes something: once more, a little later */
	CACHE_CHANGED = -2, /* another one has: look again */
	CACHE_FULL = -3,    /* cacheWhy() has a sentence; there may be room later */
	CACHE_GONE = -4,
	CACHE_TOO_LARGE = -5, /* likewise */
};

struct cache_stream {
	struct worker *worker;
	uint64_t number; /* 0: free */
	struct cache_reader *reader;
	struct cache_writer *writer;
};

struct cache_bridge {
	struct cache_store *store;
	struct engine_value *ready;
	struct cache_stream streams[STREAMS_MAX];
	size_t n_open;
	uint64_t serial;
	struct err why; /* of the last CACHE_FULL */
};

static uint64_t size_of(const struct worker *w)
{
	return w && w->options.cache_size ? w->options.cache_size : CACHE_SIZE_DEFAULT;
}

int cache_check(struct worker *w, struct err *err)
{
	struct cache_store *store;

	if (!w->options.cache)
		return 0;
	if (cache_store_open(w->options.cache, size_of(w), &store, err) < 0)
		return err_wrap(err, "--cache");
	cache_store_close(store);
	return 0;
}

static struct cache_bridge *create(struct worker *w, struct err *err)
{
	struct cache_bridge *b;

	if (w->cache)
		return w->cache;
	if (!loop_is_open(&w->loop) || !w->options.cache) {
		err_say(err, EINVAL, "there is no cache before the worker runs");
		return NULL;
	}
	b = calloc(1, sizeof(*b));
	if (!b) {
		err_oom(err);
		return NULL;
	}
	if (cache_store_open(w->options.cache, size_of(w), &b->store, err) < 0) {
		free(b);
		return NULL;
	}
	b->ready = engine_internal_function(w->engine, "cacheReady");
	w->cache = b;
	return b;
}

static void close_stream(struct cache_bridge *b, struct cache_stream *s)
{
	cache_reader_close(s->reader);
	cache_writer_close(s->writer);
	*s = (struct cache_stream){0};
	b->n_open--;
}

void cache_bridge_destroy(struct worker *w)
{
	struct cache_bridge *b = w->cache;

	if (!b)
		return;
	for (size_t i = 0; i < STREAMS_MAX; i++)
		if (b->streams[i].number)
			close_stream(b, &b->streams[i]);
	cache_store_close(b->store);
	engine_release(w->engine, b->ready);
	free(b);
	w->cache = NULL;
}

size_t cache_bridge_running(const struct worker *w)
{
	return w->cache ? w->cache->n_open : 0;
}

static void on_ready(void *data)
{
	struct cache_stream *s = data;

	worker_call_number(s->worker, s->worker->cache->ready, (double)s->number);
}

static struct cache_stream *open_stream(struct worker *w)
{
	struct cache_bridge *b = w->cache;

	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct cache_stream *s = &b->streams[i];

		if (s->number)
			continue;
		*s = (struct cache_stream){.worker = w, .number = ++b->serial * STREAMS_MAX + i};
		b->n_open++;
		return s;
	}
	return NULL;
}

/* --- arguments and results --- */

/* The directory; NULL: something was thrown. */
static struct cache_bridge *bridge_of(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct err err = ERR_INIT;
	struct cache_bridge *b = NULL;

	if (!w)
		err_say(&err, EINVAL, "there is no cache before the worker runs");
	else
		b = create(w, &err);
	if (!b)
		op_throw(c, "TypeError", "%s", err.msg);
	return b;
}

/* NULL: there is none any more; *ret_threw says whether that was no number. */
static struct cache_stream *arg_stream(struct op_call *c, bool *ret_threw)
{
	struct worker *w = op_data(c);
	struct cache_stream *s;
	int64_t number;

	*ret_threw = op_arg_i64(c, 0, &number) < 0;
	if (*ret_threw || !w || !w->cache || number <= 0)
		return NULL;
	s = &w->cache->streams[(uint64_t)number % STREAMS_MAX];
	return s->number == (uint64_t)number ? s : NULL;
}

/* r: 0 or a negative errno, with *err. */
static int ret_code(struct op_call *c, int r, const struct err *err)
{
	struct worker *w = op_data(c);

	switch (-r) {
	case 0: op_ret_f64(c, CACHE_DONE); return 0;
	case EAGAIN: op_ret_f64(c, CACHE_BUSY); return 0;
	case ESTALE: op_ret_f64(c, CACHE_CHANGED); return 0;
	case ENOENT: op_ret_f64(c, CACHE_GONE); return 0;
	case EDQUOT:
	case ENOSPC:
	case EFBIG:
		w->cache->why = *err;
		op_ret_f64(c, r == -EFBIG ? CACHE_TOO_LARGE : CACHE_FULL);
		return 0;
	default: return op_throw(c, "TypeError", "%s", err->msg);
	}
}

static int ret_strings(struct op_call *c, const char *const *strings, const size_t *lens, size_t n)
{
	struct engine_value *v = engine_latin1_array(op_engine(c), strings, lens, n);

	if (!v)
		return op_throw(c, "RangeError", "out of memory");
	op_ret_value(c, v);
	engine_release(op_engine(c), v);
	return 0;
}

static int ret_items(struct op_call *c, const struct cache_items *items)
{
	_cleanup_free_ const char **strings = calloc(items->n + 1, sizeof(*strings));
	_cleanup_free_ size_t *lens = calloc(items->n + 1, sizeof(*lens));

	if (!strings || !lens)
		return op_throw(c, "RangeError", "out of memory");
	for (size_t i = 0; i < items->n; i++) {
		strings[i] = items->v[i].name;
		lens[i] = strlen(items->v[i].name);
	}
	return ret_strings(c, strings, lens, items->n);
}

/* --- caches --- */

/* (): [whether they are on disk, bytes of all entries] */
static int op_cache_setup(struct op_call *c)
{
	struct worker *w = op_data(c);
	const double setup[] = {w && w->options.cache ? 1 : 0, (double)size_of(w)};

	op_ret_f64_array(c, setup, ARRAY_SIZE(setup));
	return 0;
}

static int op_cache_why(struct op_call *c)
{
	struct worker *w = op_data(c);
	const char *why = w && w->cache ? w->cache->why.msg : "";

	op_ret_string(c, why, strlen(why));
	return 0;
}

/* (bytes as Latin-1) */
static int op_cache_digest(struct op_call *c)
{
	char digest[CACHE_DIGEST_LEN + 1];
	const char *text;
	size_t len;

	if (op_arg_latin1(c, 0, &text, &len) < 0)
		return -1;
	cache_digest(text, len, digest);
	op_ret_latin1(c, digest, CACHE_DIGEST_LEN);
	return 0;
}

static void put_name(struct cache_bridge *b, const char *id, struct buf *bytes, size_t *ret_len)
{
	struct err err;
	const size_t before = bytes->len;

	/* One whose name was lost is no cache: nobody can ask for it. */
	if (cache_store_name(b->store, id, bytes, &err) < 0)
		*ret_len = 0;
	else
		*ret_len = bytes->len - before;
}

/* (): ids and names in turn */
static int op_cache_list(struct op_call *c)
{
	struct cache_bridge *b = bridge_of(c);
	_cleanup_cache_items_ struct cache_items items = {0};
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const char *strings[2 * CACHE_CACHES_MAX];
	size_t lens[2 * CACHE_CACHES_MAX], at = 0, n = 0;
	struct err err = ERR_INIT;

	if (!b)
		return -1;
	if (cache_store_caches(b->store, &items, &err) < 0)
		return op_throw(c, "TypeError", "%s", err.msg);
	for (size_t i = 0; i < items.n && n < ARRAY_SIZE(strings); i++) {
		put_name(b, items.v[i].name, &bytes, &lens[n + 1]);
		if (lens[n + 1] == 0)
			continue;
		strings[n] = items.v[i].name;
		lens[n] = CACHE_ID_LEN;
		n += 2;
	}
	if (buf_failed(&bytes))
		return op_throw(c, "RangeError", "out of memory");
	/* The buffer does not move any more. */
	for (size_t i = 1; i < n; i += 2) {
		strings[i] = bytes.data + at;
		at += lens[i];
	}
	return ret_strings(c, strings, lens, n);
}

typedef int (*name_fn)(struct cache_store *s, const char *name, size_t len,
	char ret_id[CACHE_ID_LEN + 1], struct err *err);

static int by_name(struct op_call *c, name_fn fn)
{
	struct cache_bridge *b = bridge_of(c);
	char id[CACHE_ID_LEN + 1];
	struct err err = ERR_INIT;
	const char *name;
	size_t len;
	int r;

	if (!b || op_arg_latin1(c, 0, &name, &len) < 0)
		return -1;
	r = fn(b->store, name, len, id, &err);
	if (r < 0)
		return ret_code(c, r, &err);
	op_ret_latin1(c, id, CACHE_ID_LEN);
	return 0;
}

/* (name): the id of the cache, or a code */
static int op_cache_find(struct op_call *c)
{
	return by_name(c, cache_store_find);
}

static int op_cache_make(struct op_call *c)
{
	return by_name(c, cache_store_make);
}

/* (id, whether it is still in use): a code */
static int op_cache_delete(struct op_call *c)
{
	struct cache_bridge *b = bridge_of(c);
	struct err err = ERR_INIT;
	const char *id;
	size_t len;
	bool keep;

	if (!b || op_arg_latin1(c, 0, &id, &len) < 0 || op_arg_bool(c, 1, &keep) < 0)
		return -1;
	return ret_code(c, cache_store_delete(b->store, id, keep, &err), &err);
}

/* (id): a deleted one is not in use any more */
static int op_cache_forget(struct op_call *c)
{
	struct worker *w = op_data(c);
	const char *id;
	size_t len;

	if (op_arg_latin1(c, 0, &id, &len) < 0)
		return -1;
	if (w && w->cache)
		cache_store_forget(w->cache->store, id);
	return 0;
}

/* --- entries --- */

/* (id, digest or nothing): their names */
static int op_cache_entries(struct op_call *c)
{
	struct cache_bridge *b = bridge_of(c);
	_cleanup_cache_items_ struct cache_items items = {0};
	struct err err = ERR_INIT;
	const char *id, *digest = NULL;
	size_t len;

	if (!b || op_arg_latin1(c, 0, &id, &len) < 0)
		return -1;
	if (!op_arg_is_nullish(c, 1) && op_arg_latin1(c, 1, &digest, &len) < 0)
		return -1;
	if (digest && len != CACHE_DIGEST_LEN)
		return op_throw(c, "TypeError", "that is no digest");
	if (cache_store_entries(b->store, id, digest, &items, &err) < 0)
		return op_throw(c, "TypeError", "%s", err.msg);
	return ret_items(c, &items);
}

/* (id, names): a code */
static int op_cache_remove(struct op_call *c)
{
	struct cache_bridge *b = bridge_of(c);
	struct err err = ERR_INIT;
	const char *const *names;
	const size_t *lens;
	const char *id;
	size_t len, n;

	if (!b || op_arg_latin1(c, 0, &id, &len) < 0 ||
		op_arg_latin1_array(c, 1, &names, &lens, &n) < 0)
		return -1;
	return ret_code(c, cache_store_remove(b->store, id, names, n, &err), &err);
}

static int too_many(struct op_call *c, struct cache_bridge *b)
{
	err_say(&b->why, EDQUOT, "cache: at most %d entries are read or written at a time",
		STREAMS_MAX);
	op_ret_f64(c, CACHE_TOO_LARGE);
	return 0;
}

/* (id, name): a stream, or a code */
static int op_cache_open(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct cache_bridge *b = bridge_of(c);
	struct cache_stream *s;
	struct err err = ERR_INIT;
	const char *id, *name;
	struct aio *aio;
	size_t len;
	int r;

	if (!b || op_arg_latin1(c, 0, &id, &len) < 0 || op_arg_latin1(c, 1, &name, &len) < 0)
		return -1;
	s = open_stream(w);
	if (!s)
		return too_many(c, b);
	r = worker_aio(w, &aio, &err);
	if (r == 0)
		r = cache_reader_open(b->store, aio, id, name, on_ready, s, &s->reader, &err);
	if (r < 0) {
		close_stream(b, s);
		return ret_code(c, r, &err);
	}
	op_ret_f64(c, (double)s->number);
	return 0;
}

/* (stream): the strings of its head; false when it is damaged; nothing: later */
static int op_cache_head(struct op_call *c)
{
	const struct cache_head *head;
	struct err err = ERR_INIT;
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (threw)
		return -1;
	switch (s && s->reader ? cache_reader_head(s->reader, &head, &err) : CACHE_READ_FAILED) {
	case CACHE_READ_WAIT: return 0;
	case CACHE_READ_PIECE: return ret_strings(c, head->strings, head->lens, head->n);
	default: op_ret_bool(c, false); return 0;
	}
}

/* (stream): bytes of the body, true at its end, nothing: later */
static int op_cache_read(struct op_call *c)
{
	struct err err = ERR_INIT;
	const void *bytes;
	size_t len;
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (threw)
		return -1;
	if (!s || !s->reader)
		return op_throw(c, "TypeError", "cache: the entry is not open any more");
	switch (cache_reader_read(s->reader, &bytes, &len, &err)) {
	case CACHE_READ_WAIT: break;
	case CACHE_READ_PIECE: op_ret_bytes(c, bytes, len); break;
	case CACHE_READ_END: op_ret_bool(c, true); break;
	case CACHE_READ_FAILED: return op_throw(c, "TypeError", "%s", err.msg);
	}
	return 0;
}

/* (stream): whether the next piece of the body is all of it */
static int op_cache_is_short(struct op_call *c)
{
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (threw)
		return -1;
	op_ret_bool(c,
		s && s->reader && cache_reader_body_len(s->reader) <= CACHE_PIECE - CACHE_HEAD_MAX);
	return 0;
}

/* (id, digest, strings of the head): a stream, or a code */
static int op_cache_put(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct cache_bridge *b = bridge_of(c);
	struct cache_head head = {.n = 0};
	const char *const *strings;
	struct err err = ERR_INIT;
	struct cache_stream *s;
	const char *id, *digest;
	const size_t *lens;
	struct aio *aio;
	size_t len;
	int r;

	if (!b || op_arg_latin1(c, 0, &id, &len) < 0 || op_arg_latin1(c, 1, &digest, &len) < 0 ||
		op_arg_latin1_array(c, 2, &strings, &lens, &head.n) < 0)
		return -1;
	if (head.n > CACHE_STRINGS_MAX) {
		r = err_say(&err, EFBIG, "cache: at most %d headers", CACHE_STRINGS_MAX / 2);
		return ret_code(c, r, &err);
	}
	for (size_t i = 0; i < head.n; i++) {
		head.strings[i] = strings[i];
		head.lens[i] = lens[i];
	}
	s = open_stream(w);
	if (!s)
		return too_many(c, b);
	r = worker_aio(w, &aio, &err);
	if (r == 0)
		r = cache_writer_open(
			b->store, aio, id, digest, &head, on_ready, s, &s->writer, &err);
	if (r < 0) {
		close_stream(b, s);
		return ret_code(c, r, &err);
	}
	op_ret_f64(c, (double)s->number);
	return 0;
}

/* (stream, bytes): how many of them were taken, or a code */
static int op_cache_write(struct op_call *c)
{
	struct err err = ERR_INIT;
	uint8_t *bytes;
	ssize_t n;
	size_t len;
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (threw || op_arg_bytes(c, 1, &bytes, &len) < 0)
		return -1;
	if (!s || !s->writer)
		return op_throw(c, "TypeError", "cache: the entry is not open any more");
	n = cache_writer_write(s->writer, bytes, len, &err);
	if (n < 0)
		return ret_code(c, (int)n, &err);
	op_ret_f64(c, (double)n);
	return 0;
}

/* (stream): true when all is in the file, false: later; or a code */
static int op_cache_finish(struct op_call *c)
{
	struct err err = ERR_INIT;
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);
	int r;

	if (threw)
		return -1;
	if (!s || !s->writer)
		return op_throw(c, "TypeError", "cache: the entry is not open any more");
	r = cache_writer_finish(s->writer, &err);
	if (r < 0)
		return ret_code(c, r, &err);
	op_ret_bool(c, r > 0);
	return 0;
}

/* (stream, names that were there, those to replace): a code */
static int op_cache_commit(struct op_call *c)
{
	const char *const *seen, *const *replaced;
	size_t n_seen, n_replaced;
	struct err err = ERR_INIT;
	const size_t *lens;
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (threw || op_arg_latin1_array(c, 1, &seen, &lens, &n_seen) < 0 ||
		op_arg_latin1_array(c, 2, &replaced, &lens, &n_replaced) < 0)
		return -1;
	if (!s || !s->writer)
		return op_throw(c, "TypeError", "cache: the entry is not open any more");
	return ret_code(
		c, cache_writer_commit(s->writer, seen, n_seen, replaced, n_replaced, &err), &err);
}

static int op_cache_close(struct op_call *c)
{
	struct worker *w = op_data(c);
	bool threw;
	struct cache_stream *s = arg_stream(c, &threw);

	if (s)
		close_stream(w->cache, s);
	return threw ? -1 : 0;
}

const struct engine_op ops_cache[] = {
	{"cacheSetup", op_cache_setup},
	{"cacheWhy", op_cache_why},
	{"cacheDigest", op_cache_digest},
	{"cacheList", op_cache_list},
	{"cacheFind", op_cache_find},
	{"cacheMake", op_cache_make},
	{"cacheDelete", op_cache_delete},
	{"cacheForget", op_cache_forget},
	{"cacheEntries", op_cache_entries},
	{"cacheRemove", op_cache_remove},
	{"cacheOpen", op_cache_open},
	{"cacheHead", op_cache_head},
	{"cacheIsShort", op_cache_is_short},
	{"cacheRead", op_cache_read},
	{"cachePut", op_cache_put},
	{"cacheWrite", op_cache_write},
	{"cacheFinish", op_cache_finish},
	{"cacheCommit", op_cache_commit},
	{"cacheClose", op_cache_close},
	{NULL, NULL},
};
