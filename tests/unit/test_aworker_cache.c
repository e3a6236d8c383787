/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/cache/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aworker/aio/aio.h"
#include "aworker/cache/cache_store.h"
#include "aworker/cache/cache_stream.h"
#include "aworker/loop.h"
#include "tests/unit/unit.h"

static struct err err;

/* --- files --- */

static const char *const good[] = {"https://h/a?b#c", "GET", "200", "OK", "default", "", "",
	"1700000000000", "2", "cookie", "a=b", "vary", "cookie", "x", ""};

static struct cache_head head_of(const char *const *strings, size_t n)
{
	struct cache_head h = {.n = n};

	for (size_t i = 0; i < n; i++) {
		h.strings[i] = strings[i];
		h.lens[i] = strlen(strings[i]);
	}
	return h;
}

START_TEST(heads_come_back)
{
	const struct cache_head h = head_of(good, ARRAY_SIZE(good));
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	struct cache_head read;

	ck_assert(cache_head_put(&bytes, h.strings, h.lens, h.n));
	ck_assert(cache_head_parse(bytes.data, bytes.len, &read));
	ck_assert_uint_eq(read.n, h.n);
	for (size_t i = 0; i < h.n; i++) {
		ck_assert_uint_eq(read.lens[i], h.lens[i]);
		ck_assert_mem_eq(read.strings[i], h.strings[i], h.lens[i]);
	}
	ck_assert(cache_head_is_entry(&read));
	/* Cut anywhere but between two strings it is none; there it is another one. */
	for (size_t len = 0; len < bytes.len; len++)
		if (cache_head_parse(bytes.data, len, &read))
			ck_assert_uint_lt(read.n, h.n);
}
END_TEST

START_TEST(what_is_no_entry_is_none)
{
	static const struct {
		size_t at;
		const char *value;
	} bad[] = {{0, "https://h/\x7f"}, {0, "https://h/ "}, {1, ""}, {1, "GE T"}, {2, "99"},
		{2, "600"}, {2, "-1"}, {2, "0200"}, {2, ""}, {3, "O\nK"}, {4, "other"}, {4, ""},
		{5, "a\r"}, {6, "11"}, {7, ""}, {7, "1e3"}, {7, "12345678901234567"}, {8, "1"},
		{8, "8"}, {8, ""}, {8, "-2"}, {9, ""}, {9, "Cookie"}, {9, "a b"}, {9, "a:"},
		{10, "a\nb: c"}, {12, "a\r"}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cache_head h = head_of(good, ARRAY_SIZE(good));

		ck_assert(cache_head_is_entry(&h));
		h.strings[bad[i].at] = bad[i].value;
		h.lens[bad[i].at] = strlen(bad[i].value);
		ck_assert_msg(!cache_head_is_entry(&h), "%zu '%s'", bad[i].at, bad[i].value);
	}
	for (size_t n = 0; n < ARRAY_SIZE(good); n++) {
		const struct cache_head h = head_of(good, n);

		ck_assert(cache_head_is_entry(&h) == (n == 11 || n == 13));
	}
}
END_TEST

START_TEST(heads_are_limited)
{
	static char large[CACHE_HEAD_MAX + 1];
	static const char *strings[CACHE_STRINGS_MAX + 1];
	static size_t lens[CACHE_STRINGS_MAX + 1];
	_cleanup_buf_ struct buf bytes = BUF_INIT;

	for (size_t i = 0; i <= CACHE_STRINGS_MAX; i++)
		strings[i] = large;
	ck_assert(cache_head_put(&bytes, strings, lens, CACHE_STRINGS_MAX));
	ck_assert(!cache_head_put(&bytes, strings, lens, CACHE_STRINGS_MAX + 1));
	lens[0] = CACHE_HEAD_MAX - 3;
	ck_assert(!cache_head_put(&bytes, strings, lens, 1));
	lens[0] = CACHE_HEAD_MAX - 4;
	ck_assert(cache_head_put(&bytes, strings, lens, 1));
	lens[0] = SIZE_MAX;
	ck_assert(!cache_head_put(&bytes, strings, lens, 1));
}
END_TEST

START_TEST(every_bit_of_a_block_counts)
{
	unsigned char block[CACHE_BLOCK_HEADER + 20] = {0};
	const struct cache_block b = {.total = 20, .head_len = 8, .len = 20};
	struct cache_block read;

	cache_block_seal(block, &b);
	ck_assert(cache_block_check(block, sizeof(block), 0, &read));
	ck_assert(!cache_block_check(block, sizeof(block), 1, &read));
	for (size_t i = 0; i < 8 * sizeof(block); i++) {
		block[i / 8] ^= 1 << i % 8;
		ck_assert(!cache_block_check(block, sizeof(block), 0, &read));
		block[i / 8] ^= 1 << i % 8;
	}
	for (size_t len = 0; len < sizeof(block); len++)
		ck_assert(!cache_block_check(block, len, 0, &read));
	ck_assert_uint_eq(cache_file_size(0), CACHE_BLOCK_HEADER);
	ck_assert_uint_eq(cache_file_size(CACHE_PIECE), CACHE_BLOCK);
	ck_assert_uint_eq(cache_file_size(CACHE_PIECE + 1), CACHE_BLOCK + CACHE_BLOCK_HEADER + 1);
}
END_TEST

/* --- the directory, and streams --- */

static char dir[] = "cache-XXXXXX";
static struct cache_store *store;
static struct loop loop;
static struct aio *aio;
static bool is_ready;

static struct cache_store *open_store(uint64_t max)
{
	struct cache_store *s;

	ck_assert_msg(cache_store_open(dir, max, &s, &err) == 0, "%s", err.msg);
	return s;
}

static void setup(uint64_t max)
{
	strcpy(dir, "cache-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	store = open_store(max);
	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_int_eq(aio_create(&loop, &aio, &err), 0);
}

static void teardown(void)
{
	char command[64];

	cache_store_close(store);
	aio_destroy(aio);
	loop_close(&loop);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void on_ready(void *data UNUSED)
{
	is_ready = true;
	loop_stop(&loop);
}

static void wait_ready(void)
{
	is_ready = false;
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert(is_ready);
}

/* Of `len` bytes 'x', up to where it can be committed. A negative errno. */
static int write_entry(const char *id, size_t len, struct cache_writer **ret)
{
	const struct cache_head h = head_of(good, ARRAY_SIZE(good));
	char digest[CACHE_DIGEST_LEN + 1], piece[1000];
	int r;

	memset(piece, 'x', sizeof(piece));
	cache_digest(good[0], strlen(good[0]), digest);
	r = cache_writer_open(store, aio, id, digest, &h, on_ready, NULL, ret, &err);
	while (r == 0 && len > 0) {
		ssize_t n = cache_writer_write(
			*ret, piece, len < sizeof(piece) ? len : sizeof(piece), &err);

		if (n < 0)
			r = (int)n;
		else if (n == 0)
			wait_ready();
		else
			len -= (size_t)n;
	}
	while (r == 0 && (r = cache_writer_finish(*ret, &err)) == 0)
		wait_ready();
	return r < 0 ? r : 0;
}

static void list(const char *id, struct cache_items *items)
{
	ck_assert_int_eq(cache_store_entries(store, id, NULL, items, &err), 0);
}

static size_t read_entry(const char *id, const char *name)
{
	struct cache_reader *r;
	const struct cache_head *h;
	const void *bytes;
	size_t sum = 0, n;

	ck_assert_int_eq(cache_reader_open(store, aio, id, name, on_ready, NULL, &r, &err), 0);
	ck_assert_int_eq(cache_reader_head(r, &h, &err), CACHE_READ_WAIT);
	wait_ready();
	ck_assert_int_eq(cache_reader_head(r, &h, &err), CACHE_READ_PIECE);
	ck_assert_uint_eq(h->n, ARRAY_SIZE(good));
	for (;;) {
		switch (cache_reader_read(r, &bytes, &n, &err)) {
		case CACHE_READ_WAIT: wait_ready(); continue;
		case CACHE_READ_PIECE:
			for (size_t i = 0; i < n; i++)
				ck_assert_int_eq(((const char *)bytes)[i], 'x');
			sum += n;
			continue;
		case CACHE_READ_END: break;
		default: ck_abort_msg("%s", err.msg);
		}
		break;
	}
	ck_assert_uint_eq(sum, cache_reader_body_len(r));
	cache_reader_close(r);
	return sum;
}

START_TEST(entries_come_back)
{
	static const size_t sizes[] = {
		0, 1, CACHE_PIECE - 200, CACHE_PIECE, 2 * CACHE_PIECE, 200000};
	char id[CACHE_ID_LEN + 1];

	setup(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_make(store, "n", 1, id, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_cache_items_ struct cache_items before = {0}, after = {0};
		const char *old;
		struct cache_writer *w;

		list(id, &before);
		old = before.n ? before.v[0].name : "";
		ck_assert_int_eq(write_entry(id, sizes[i], &w), 0);
		ck_assert_int_eq(cache_writer_commit(w, &old, before.n, &old, before.n, &err), 0);
		cache_writer_close(w);
		list(id, &after);
		ck_assert_uint_eq(after.n, 1);
		ck_assert_uint_eq(read_entry(id, after.v[0].name), sizes[i]);
	}
	teardown();
}
END_TEST

START_TEST(who_has_not_seen_all_looks_again)
{
	_cleanup_cache_items_ struct cache_items items = {0};
	char id[CACHE_ID_LEN + 1];
	struct cache_writer *one, *two;

	setup(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_make(store, "n", 1, id, &err), 0);
	ck_assert_int_eq(write_entry(id, 10, &one), 0);
	ck_assert_int_eq(write_entry(id, 20, &two), 0);
	ck_assert_int_eq(cache_writer_commit(one, NULL, 0, NULL, 0, &err), 0);
	ck_assert_int_eq(cache_writer_commit(two, NULL, 0, NULL, 0, &err), -ESTALE);
	cache_writer_close(two);
	cache_writer_close(one);
	list(id, &items);
	ck_assert_uint_eq(items.n, 1);
	ck_assert_uint_eq(read_entry(id, items.v[0].name), 10);
	teardown();
}
END_TEST

START_TEST(names_are_compared_in_full)
{
	char id[CACHE_ID_LEN + 1], other[CACHE_ID_LEN + 1], again[CACHE_ID_LEN + 1];
	struct cache_store *second;

	setup(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_find(store, "../x", 4, id, &err), -ENOENT);
	ck_assert_int_eq(cache_store_make(store, "../x", 4, id, &err), 0);
	ck_assert_int_eq(cache_store_make(store, "../y", 4, other, &err), 0);
	ck_assert_str_ne(id, other);
	second = open_store(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_make(second, "../x", 4, again, &err), 0);
	ck_assert_str_eq(id, again);
	ck_assert_int_eq(cache_store_delete(second, id, false, &err), 0);
	ck_assert_int_eq(cache_store_find(store, "../x", 4, id, &err), -ENOENT);
	ck_assert_int_eq(cache_store_delete(store, again, false, &err), -ENOENT);
	ck_assert_int_eq(cache_store_delete(store, "../../etc", false, &err), -ENOENT);
	ck_assert_int_eq(cache_store_make(second, "", CACHE_NAME_MAX * 2 + 2, id, &err), -EDQUOT);
	cache_store_close(second);
	teardown();
}
END_TEST

START_TEST(there_is_a_limit)
{
	char id[CACHE_ID_LEN + 1];
	struct cache_writer *w, *other;

	setup(3 * CACHE_BLOCK);
	ck_assert_int_eq(cache_store_make(store, "n", 1, id, &err), 0);
	ck_assert_int_eq(write_entry(id, 4 * CACHE_BLOCK, &w), -EFBIG);
	cache_writer_close(w);
	ck_assert_int_eq(write_entry(id, CACHE_BLOCK, &w), 0);
	ck_assert_int_eq(write_entry(id, CACHE_BLOCK, &other), -EDQUOT);
	/* It goes on where there is room. */
	cache_writer_close(w);
	ck_assert_int_eq(cache_writer_write(other, "x", 1, &err), 1);
	cache_writer_close(other);
	teardown();
}
END_TEST

START_TEST(a_lock_that_is_held_is_told)
{
	char id[CACHE_ID_LEN + 1], path[32];
	struct cache_writer *w;
	int lock;

	setup(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_make(store, "n", 1, id, &err), 0);
	snprintf(path, sizeof(path), "%s/lock", dir);
	lock = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX), 0);
	ck_assert_int_eq(cache_store_make(store, "m", 1, id, &err), -EAGAIN);
	ck_assert_int_eq(write_entry(id, 1, &w), -EAGAIN);
	close(lock);
	ck_assert_int_eq(cache_store_make(store, "m", 1, id, &err), 0);
	teardown();
}
END_TEST

START_TEST(closing_at_any_moment)
{
	char id[CACHE_ID_LEN + 1];
	struct cache_reader *r;
	struct cache_writer *w;
	static char body[CACHE_BLOCK * 2];
	_cleanup_cache_items_ struct cache_items items = {0};

	setup(CACHE_SIZE_DEFAULT);
	ck_assert_int_eq(cache_store_make(store, "n", 1, id, &err), 0);
	ck_assert_int_eq(write_entry(id, 200000, &w), 0);
	ck_assert_int_eq(cache_writer_commit(w, NULL, 0, NULL, 0, &err), 0);
	cache_writer_close(w);
	list(id, &items);
	ck_assert_int_eq(
		cache_reader_open(store, aio, id, items.v[0].name, on_ready, NULL, &r, &err), 0);
	cache_reader_close(r);
	ck_assert_int_eq(write_entry(id, 0, &w), 0);
	ck_assert_int_ge(cache_writer_write(w, body, sizeof(body), &err), 0);
	cache_writer_close(w);
	is_ready = false;
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert(!is_ready);
	teardown();
}
END_TEST

UNIT_MAIN("aworker_cache", heads_come_back, what_is_no_entry_is_none, heads_are_limited,
	every_bit_of_a_block_counts, entries_come_back, who_has_not_seen_all_looks_again,
	names_are_compared_in_full, there_is_a_limit, a_lock_that_is_held_is_told,
	closing_at_any_moment)
