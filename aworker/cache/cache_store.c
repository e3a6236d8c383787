/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/cache/cache_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "aworker/cache/cache_file.h"
#include "aworker/cache/cache_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define LOCK_NAME  "lock"
#define NAME_NAME  "name"
#define PAGES_LEN  8
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

void cache_digest(const void *bytes, size_t len, char ret[CACHE_DIGEST_LEN + 1])
{
	const XXH128_hash_t h = XXH3_128bits(bytes, len);

	snprintf(ret, CACHE_DIGEST_LEN + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64,
		(uint64_t)h.low64);
}

/* --- names --- */

static bool hex(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		const char c = s[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

/* "SEQUENCE-DIGEST" and what follows it. */
static bool parse_id(const char *name, uint64_t *ret_sequence)
{
	uint64_t digest;

	return strnlen(name, CACHE_ID_LEN) == CACHE_ID_LEN &&
	       hex(name, CACHE_SEQUENCE_LEN, ret_sequence) && name[CACHE_SEQUENCE_LEN] == '-' &&
	       hex(name + CACHE_SEQUENCE_LEN + 1, CACHE_DIGEST_LEN, &digest);
}

static bool parse_entry(const char *name, struct cache_item *ret)
{
	uint64_t pages;

	if (strlen(name) != CACHE_ENTRY_LEN || !parse_id(name, &ret->sequence) ||
		name[CACHE_ID_LEN] != '-' || !hex(name + CACHE_ID_LEN + 1, PAGES_LEN, &pages))
		return false;
	ret->bytes = pages * CACHE_PAGE;
	strcpy(ret->name, name);
	return true;
}

static bool parse_cache(const char *name, char prefix, struct cache_item *ret)
{
	if (name[0] != prefix || name[1] != '-' || strlen(name) != CACHE_FOLDER_MAX ||
		!parse_id(name + 2, &ret->sequence))
		return false;
	ret->bytes = 0;
	strcpy(ret->name, name + 2);
	return true;
}

const char *cache_digest_of(const char *name)
{
	return name + CACHE_SEQUENCE_LEN + 1;
}

void cache_folder_name(char ret[CACHE_FOLDER_MAX + 1], char prefix, const char *id)
{
	snprintf(ret, CACHE_FOLDER_MAX + 1, "%c-%s", prefix, id);
}

/* --- lists --- */

void cache_items_finish(struct cache_items *items)
{
	free_clear(&items->v);
	items->n = 0;
}

static int by_sequence(const void *a, const void *b)
{
	const struct cache_item *x = a, *y = b;

	if (x->sequence != y->sequence)
		return x->sequence < y->sequence ? -1 : 1;
	return strcmp(x->name, y->name);
}

int cache_items_add(struct cache_items *items, const struct cache_item *item)
{
	struct cache_item *v;

	/* Grown to powers of two. */
	if ((items->n & (items->n - 1)) == 0) {
		v = realloc(items->v, (items->n ? items->n * 2 : 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		items->v = v;
	}
	items->v[items->n++] = *item;
	return 0;
}

static bool is_wanted(const char *name, char prefix, const char *digest, struct cache_item *ret)
{
	if (prefix)
		return parse_cache(name, prefix, ret);
	return parse_entry(name, ret) &&
	       (!digest || memcmp(cache_digest_of(ret->name), digest, CACHE_DIGEST_LEN) == 0);
}

int cache_scan(int fd, char prefix, const char *digest, struct cache_items *ret, struct err *err)
{
	struct cache_item item;
	struct dirent *e;
	size_t n = 0;
	int r = 0;
	DIR *d = fdopendir(fd);

	if (!d) {
		r = err_set(err, errno, "cache: read a directory");
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(d))) {
		if (n++ == CACHE_SCAN_MAX)
			r = err_say(err, EDQUOT, "cache: more than %d names in a directory",
				CACHE_SCAN_MAX);
		else if (is_wanted(e->d_name, prefix, digest, &item) &&
			 cache_items_add(ret, &item) < 0)
			r = err_oom(err);
	}
	if (r == 0 && errno)
		r = err_set(err, errno, "cache: read a directory");
	closedir(d);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_sequence);
	return r;
}

int cache_scan_root(struct cache_store *s, char prefix, struct cache_items *ret, struct err *err)
{
	int fd = openat(s->dir, ".", CACHE_FOLDER_FLAGS);

	return fd < 0 ? err_set(err, errno, "cache: open its directory")
		      : cache_scan(fd, prefix, NULL, ret, err);
}

int cache_open_folder(struct cache_store *s, const char *id)
{
	char name[CACHE_FOLDER_MAX + 1];
	uint64_t sequence;
	int fd;

	if (strlen(id) != CACHE_ID_LEN || !parse_id(id, &sequence))
		return -ENOENT;
	cache_folder_name(name, CACHE_PREFIX_LIVE, id);
	fd = openat(s->dir, name, CACHE_FOLDER_FLAGS);
	if (fd >= 0)
		return fd;
	for (struct cache_kept *k = s->kept; k; k = k->next)
		if (streq(k->id, id))
			return openat(k->fd, ".", CACHE_FOLDER_FLAGS);
	return -ENOENT;
}

int cache_store_caches(struct cache_store *s, struct cache_items *ret, struct err *err)
{
	return cache_scan_root(s, CACHE_PREFIX_LIVE, ret, err);
}

int cache_store_entries(struct cache_store *s, const char *id, const char *digest,
	struct cache_items *ret, struct err *err)
{
	int fd = cache_open_folder(s, id);

	return fd < 0 ? 0 : cache_scan(fd, 0, digest, ret, err);
}

/* --- the lock --- */

int cache_lock(struct cache_store *s, struct err *err)
{
	while (flock(s->lock, LOCK_EX | LOCK_NB) < 0)
		if (errno != EINTR)
			return err_set(err, errno == EWOULDBLOCK ? EAGAIN : errno,
				"cache: lock its directory");
	return 0;
}

void cache_unlock(struct cache_store *s)
{
	flock(s->lock, LOCK_UN);
}

/* Whether nobody uses it any more. */
static bool is_left(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

static void remove_folder(struct cache_store *s, const char *folder)
{
	int fd = openat(s->dir, folder, CACHE_FOLDER_FLAGS);
	struct dirent *e;
	DIR *d;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(d)))
		(void)unlinkat(fd, e->d_name, 0);
	closedir(d);
	(void)unlinkat(s->dir, folder, AT_REMOVEDIR);
}

static void sweep_one(struct cache_store *s, const char *name)
{
	struct cache_item item;
	_cleanup_close_ int fd = -1;
	uint64_t number;

	if (parse_cache(name, CACHE_PREFIX_DELETED, &item)) {
		fd = openat(s->dir, name, CACHE_FOLDER_FLAGS);
		if (fd >= 0 && is_left(fd))
			remove_folder(s, name);
	} else if (strlen(name) == CACHE_TMP_LEN && name[0] == 't' && name[1] == '-' &&
		   hex(name + 2, CACHE_TMP_LEN - 2, &number)) {
		fd = openat(s->dir, name, OPEN_FLAGS);
		if (fd >= 0 && is_left(fd))
			(void)unlinkat(s->dir, name, 0);
	}
}

/* What processes that have ended left behind. With the lock. */
static void sweep(struct cache_store *s)
{
	int fd = openat(s->dir, ".", CACHE_FOLDER_FLAGS);
	struct dirent *e;
	size_t n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(&fd);
		return;
	}
	while (n++ < CACHE_SCAN_MAX && (e = readdir(d)))
		sweep_one(s, e->d_name);
	closedir(d);
}

void cache_store_forget(struct cache_store *s, const char *id)
{
	char deleted[CACHE_FOLDER_MAX + 1];

	for (struct cache_kept **at = &s->kept; *at; at = &(*at)->next) {
		struct cache_kept *k = *at;

		if (!streq(k->id, id))
			continue;
		*at = k->next;
		cache_folder_name(deleted, CACHE_PREFIX_DELETED, k->id);
		remove_folder(s, deleted);
		close(k->fd);
		free(k);
		return;
	}
}

bool cache_forget_all(struct cache_store *s)
{
	const bool any = s->kept;

	while (s->kept) {
		char id[CACHE_ID_LEN + 1];

		strcpy(id, s->kept->id);
		cache_store_forget(s, id);
	}
	return any;
}

/* --- open, close --- */

static int open_lock(struct cache_store *s, const char *path, struct err *err)
{
	struct stat st;

	s->lock = openat(s->dir, LOCK_NAME,
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (s->lock < 0 || fstat(s->lock, &st) < 0)
		return err_set(err, errno, "%s/" LOCK_NAME, path);
	return S_ISREG(st.st_mode) ? 0
				   : err_say(err, EINVAL, "%s/" LOCK_NAME ": it is no file", path);
}

int cache_store_open(
	const char *path, uint64_t max_bytes, struct cache_store **ret, struct err *err)
{
	struct cache_store *s = calloc(1, sizeof(*s));
	struct err busy;
	int r = 0;

	if (!s)
		return err_oom(err);
	s->lock = -1;
	s->max_bytes = max_bytes;
	if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EROFS)
		r = err_set(err, errno, "make '%s'", path);
	s->dir = r < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	if (r == 0 && s->dir < 0)
		r = err_set(err, errno, "%s", path);
	if (r == 0)
		r = open_lock(s, path, err);
	if (r < 0) {
		cache_store_close(s);
		return r;
	}
	/* When another one holds the lock that one has done so, or the next one will. */
	if (cache_lock(s, &busy) == 0) {
		sweep(s);
		cache_unlock(s);
	}
	*ret = s;
	return 0;
}

void cache_store_close(struct cache_store *s)
{
	if (!s)
		return;
	(void)cache_forget_all(s);
	fd_close(&s->lock);
	fd_close(&s->dir);
	free(s);
}

/* --- caches --- */

int cache_store_name(struct cache_store *s, const char *id, struct buf *ret, struct err *err)
{
	_cleanup_close_ int dir = cache_open_folder(s, id);
	_cleanup_close_ int fd = dir < 0 ? -1 : openat(dir, NAME_NAME, OPEN_FLAGS);
	char block[CACHE_BLOCK_HEADER + 2 * CACHE_NAME_MAX + 16];
	struct cache_block b;
	ssize_t n = fd < 0 ? -1 : read(fd, block, sizeof(block));

	if (n < 0 || !cache_block_check(block, (size_t)n, 0, &b) || b.len > 2 * CACHE_NAME_MAX + 2)
		return err_say(err, ENOENT, "cache: one has no name");
	buf_put(ret, block + CACHE_BLOCK_HEADER, b.len);
	return buf_failed(ret) ? err_oom(err) : 0;
}

/* Whether a cache has that name, and not only its digest. */
static bool is_called(
	struct cache_store *s, const struct cache_item *cache, const char *name, size_t len)
{
	_cleanup_buf_ struct buf own = BUF_INIT;
	struct err err;

	return cache_store_name(s, cache->name, &own, &err) == 0 && own.len == len &&
	       memcmp(own.data, name, len) == 0;
}

static const struct cache_item *find(
	struct cache_store *s, const struct cache_items *caches, const char *name, size_t len)
{
	char digest[CACHE_DIGEST_LEN + 1];

	cache_digest(name, len, digest);
	for (size_t i = 0; i < caches->n; i++)
		if (memcmp(cache_digest_of(caches->v[i].name), digest, CACHE_DIGEST_LEN) == 0 &&
			is_called(s, &caches->v[i], name, len))
			return &caches->v[i];
	return NULL;
}

int cache_store_find(struct cache_store *s, const char *name, size_t len,
	char ret_id[CACHE_ID_LEN + 1], struct err *err)
{
	_cleanup_cache_items_ struct cache_items live = {0};
	const struct cache_item *found;
	int r = cache_scan_root(s, CACHE_PREFIX_LIVE, &live, err);

	if (r < 0)
		return r;
	found = find(s, &live, name, len);
	if (!found)
		return err_say(err, ENOENT, "cache: none has that name");
	strcpy(ret_id, found->name);
	return 0;
}

uint64_t cache_next_sequence(const struct cache_items *items)
{
	return items->n ? items->v[items->n - 1].sequence + 1 : 1;
}

static int write_name(int dir, const char *name, size_t len, struct err *err)
{
	char block[CACHE_BLOCK_HEADER + 2 * CACHE_NAME_MAX + 2];
	const struct cache_block b = {.total = len, .len = (uint32_t)len};
	_cleanup_close_ int fd = -1;
	int r;

	memcpy(block + CACHE_BLOCK_HEADER, name, len);
	cache_block_seal(block, &b);
	fd = openat(dir, NAME_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, block, CACHE_BLOCK_HEADER + len);
	return r < 0 ? err_set(err, -r, "cache: write a name") : 0;
}

/* First as a deleted one, which nobody sees; should we end in between, the next one sweeps it. */
static int make_folder(
	struct cache_store *s, const char *id, const char *name, size_t len, struct err *err)
{
	char hidden[CACHE_FOLDER_MAX + 1], shown[CACHE_FOLDER_MAX + 1];
	_cleanup_close_ int dir = -1;
	int r = 0;

	cache_folder_name(hidden, CACHE_PREFIX_DELETED, id);
	cache_folder_name(shown, CACHE_PREFIX_LIVE, id);
	if (mkdirat(s->dir, hidden, 0700) < 0)
		return err_set(err, errno, "cache: make a directory");
	dir = openat(s->dir, hidden, CACHE_FOLDER_FLAGS);
	if (dir < 0)
		r = err_set(err, errno, "cache: open a directory");
	if (r == 0)
		r = write_name(dir, name, len, err);
	if (r == 0 && renameat(s->dir, hidden, s->dir, shown) < 0)
		r = err_set(err, errno, "cache: rename a directory");
	if (r < 0)
		remove_folder(s, hidden);
	return r;
}

/* With the lock. */
static int make(struct cache_store *s, const char *name, size_t len, char ret_id[CACHE_ID_LEN + 1],
	struct err *err)
{
	_cleanup_cache_items_ struct cache_items live = {0}, deleted = {0};
	char digest[CACHE_DIGEST_LEN + 1];
	const struct cache_item *found;
	uint64_t sequence;

	if (cache_scan_root(s, CACHE_PREFIX_LIVE, &live, err) < 0 ||
		cache_scan_root(s, CACHE_PREFIX_DELETED, &deleted, err) < 0)
		return -err->code;
	found = find(s, &live, name, len);
	if (found) {
		strcpy(ret_id, found->name);
		return 0;
	}
	if (live.n + deleted.n >= CACHE_CACHES_MAX)
		return err_say(err, EDQUOT, "cache: at most %d caches", CACHE_CACHES_MAX);
	sequence = cache_next_sequence(&live);
	if (cache_next_sequence(&deleted) > sequence)
		sequence = cache_next_sequence(&deleted);
	cache_digest(name, len, digest);
	snprintf(ret_id, CACHE_ID_LEN + 1, "%012" PRIx64 "-%s", sequence & CACHE_SEQUENCE_MAX,
		digest);
	return make_folder(s, ret_id, name, len, err);
}

int cache_store_make(struct cache_store *s, const char *name, size_t len,
	char ret_id[CACHE_ID_LEN + 1], struct err *err)
{
	int r;

	if (len > 2 * CACHE_NAME_MAX + 1)
		return err_say(
			err, EDQUOT, "cache: a name has at most %d characters", CACHE_NAME_MAX);
	r = cache_lock(s, err);
	if (r < 0)
		return r;
	r = make(s, name, len, ret_id, err);
	if (r == -EDQUOT && cache_forget_all(s))
		r = make(s, name, len, ret_id, err);
	cache_unlock(s);
	return r;
}

static bool keep(struct cache_store *s, const char *id)
{
	struct cache_kept *k = calloc(1, sizeof(*k));

	if (!k)
		return false;
	k->fd = cache_open_folder(s, id);
	if (k->fd < 0 || flock(k->fd, LOCK_SH | LOCK_NB) < 0) {
		if (k->fd >= 0)
			close(k->fd);
		free(k);
		return false;
	}
	strcpy(k->id, id);
	k->next = s->kept;
	s->kept = k;
	return true;
}

int cache_store_delete(struct cache_store *s, const char *id, bool used, struct err *err)
{
	char live[CACHE_FOLDER_MAX + 1], deleted[CACHE_FOLDER_MAX + 1];
	uint64_t sequence;
	int r;

	if (strlen(id) != CACHE_ID_LEN || !parse_id(id, &sequence))
		return err_say(err, ENOENT, "cache: '%s' is none", id);
	r = cache_lock(s, err);
	if (r < 0)
		return r;
	cache_folder_name(live, CACHE_PREFIX_LIVE, id);
	cache_folder_name(deleted, CACHE_PREFIX_DELETED, id);
	if (used)
		used = keep(s, id);
	if (renameat(s->dir, live, s->dir, deleted) < 0)
		r = err_set(err, errno, "cache: delete one");
	if (r < 0 && used) {
		/* Nothing is kept that was not deleted. */
		struct cache_kept *k = s->kept;

		s->kept = k->next;
		close(k->fd);
		free(k);
	} else if (r == 0 && !used) {
		remove_folder(s, deleted);
	}
	cache_unlock(s);
	return r;
}

/* --- entries --- */

int cache_store_open_entry(
	struct cache_store *s, const char *id, const char *name, uint64_t *ret_size)
{
	_cleanup_close_ int dir = cache_open_folder(s, id);
	_cleanup_close_ int fd = -1;
	struct cache_item item;
	struct stat st;

	if (dir < 0 || !parse_entry(name, &item))
		return -ENOENT;
	fd = openat(dir, name, OPEN_FLAGS);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE ? -errno : -ENOENT;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		(uint64_t)st.st_size > cache_file_size(CACHE_ENTRY_MAX))
		return -ENOENT;
	*ret_size = (uint64_t)st.st_size;
	return take_fd(&fd);
}

static void remove_entries(int dir, const char *const *names, size_t n)
{
	struct cache_item item;

	for (size_t i = 0; i < n; i++)
		if (parse_entry(names[i], &item))
			(void)unlinkat(dir, names[i], 0);
}

int cache_store_remove(
	struct cache_store *s, const char *id, const char *const *names, size_t n, struct err *err)
{
	_cleanup_close_ int dir = cache_open_folder(s, id);

	if (dir < 0)
		return 0;
	if (cache_lock(s, err) < 0)
		return -err->code;
	remove_entries(dir, names, n);
	cache_unlock(s);
	return 0;
}
