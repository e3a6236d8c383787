/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries that are being written, and what of the quota is left for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aworker/cache/cache_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

struct usage {
	uint64_t bytes, entries;
};

static int add_usage(struct cache_store *s, char prefix, struct usage *u, struct err *err)
{
	_cleanup_cache_items_ struct cache_items caches = {0};
	int r = cache_scan_root(s, prefix, &caches, err);

	for (size_t i = 0; r == 0 && i < caches.n; i++) {
		_cleanup_cache_items_ struct cache_items entries = {0};
		char name[CACHE_FOLDER_MAX + 1];
		int fd;

		cache_folder_name(name, prefix, caches.v[i].name);
		fd = openat(s->dir, name, CACHE_FOLDER_FLAGS);
		if (fd < 0)
			continue;
		r = cache_scan(fd, 0, NULL, &entries, err);
		u->entries += entries.n;
		for (size_t k = 0; k < entries.n; k++)
			u->bytes += entries.v[k].bytes;
	}
	return r;
}

/* What the entries take, but for those that will be replaced. With the lock. */
static int measure(struct cache_store *s, const struct cache_items *replaced, struct usage *ret,
	struct err *err)
{
	struct usage u = {0};
	int r = add_usage(s, CACHE_PREFIX_LIVE, &u, err);

	if (r == 0)
		r = add_usage(s, CACHE_PREFIX_DELETED, &u, err);
	for (size_t i = 0; i < replaced->n; i++)
		u.bytes -= replaced->v[i].bytes < u.bytes ? replaced->v[i].bytes : u.bytes;
	u.entries -= replaced->n < u.entries ? replaced->n : u.entries;
	*ret = u;
	return r;
}

static int make_tmp(struct cache_store *s, struct cache_draft *d, struct err *err)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(err, errno, "cache: random numbers");
	snprintf(d->tmp, sizeof(d->tmp), "t-%016" PRIx64, number);
	d->fd = openat(s->dir, d->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->fd < 0) {
		d->tmp[0] = '\0';
		return err_set(err, errno, "cache: make a file");
	}
	(void)flock(d->fd, LOCK_SH | LOCK_NB);
	return 0;
}

/* What all entries take but those that the draft may replace. */
static int measure_for(struct cache_store *s, const char *id, const char *digest, struct usage *ret,
	struct err *err)
{
	_cleanup_cache_items_ struct cache_items same = {0};

	if (cache_store_entries(s, id, digest, &same, err) < 0 || measure(s, &same, ret, err) < 0)
		return -err->code;
	s->used = ret->bytes;
	return 0;
}

int cache_draft_open(struct cache_store *s, const char *id, const char *digest,
	struct cache_draft *ret, struct err *err)
{
	struct cache_draft d = {.fd = -1};
	struct usage u;
	int r;

	if (strlen(id) != CACHE_ID_LEN || strlen(digest) != CACHE_DIGEST_LEN)
		return err_say(err, EINVAL, "cache: '%s' is none", id);
	r = cache_lock(s, err);
	if (r < 0)
		return r;
	r = measure_for(s, id, digest, &u, err);
	if (r == 0 && u.entries >= CACHE_ENTRIES_MAX && cache_forget_all(s))
		r = measure_for(s, id, digest, &u, err);
	if (r == 0 && u.entries >= CACHE_ENTRIES_MAX)
		r = err_say(err, EDQUOT, "cache: at most %d entries", CACHE_ENTRIES_MAX);
	if (r == 0)
		r = make_tmp(s, &d, err);
	cache_unlock(s);
	if (r < 0)
		return r;
	strcpy(d.id, id);
	strcpy(d.digest, digest);
	*ret = d;
	return 0;
}

static bool is_room(const struct cache_store *s, uint64_t bytes)
{
	return s->used + s->reserved + bytes <= s->max_bytes;
}

int cache_draft_reserve(struct cache_store *s, struct cache_draft *d, uint64_t bytes)
{
	struct usage u;
	struct err err;

	if (d->reserved + bytes > s->max_bytes)
		return -EFBIG;
	/* Entries may have gone since the last look. */
	if (!is_room(s, bytes)) {
		(void)cache_forget_all(s);
		if (measure_for(s, d->id, d->digest, &u, &err) < 0 || !is_room(s, bytes))
			return -EDQUOT;
	}
	s->reserved += bytes;
	d->reserved += bytes;
	return 0;
}

static bool are_those(const struct cache_items *items, const char *const *names, size_t n)
{
	if (items->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!streq(items->v[i].name, names[i]))
			return false;
	return true;
}

static void pick(
	const struct cache_items *from, const char *const *names, size_t n, struct cache_items *ret)
{
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < n; k++)
			if (streq(from->v[i].name, names[k]) &&
				cache_items_add(ret, &from->v[i]) == 0)
				break;
}

static int check_quota(
	struct cache_store *s, const struct cache_items *replaced, uint64_t bytes, struct err *err)
{
	struct usage u;
	int r = measure(s, replaced, &u, err);

	if (r < 0)
		return r;
	if (u.entries >= CACHE_ENTRIES_MAX)
		return err_say(err, EDQUOT, "cache: at most %d entries", CACHE_ENTRIES_MAX);
	if (u.bytes + bytes > s->max_bytes)
		return err_say(err, EDQUOT, "cache: it is full");
	return 0;
}

/* With the lock. */
static int commit(struct cache_store *s, struct cache_draft *d, int dir,
	const struct cache_items *all, const struct cache_items *replaced, struct err *err)
{
	char name[CACHE_ENTRY_LEN + 1];
	struct stat st;
	uint64_t pages;
	int r;

	if (fstat(d->fd, &st) < 0)
		return err_set(err, errno, "cache: look at a file");
	pages = ((uint64_t)st.st_size + CACHE_PAGE - 1) / CACHE_PAGE;
	r = check_quota(s, replaced, pages * CACHE_PAGE, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < replaced->n; i++)
		(void)unlinkat(dir, replaced->v[i].name, 0);
	snprintf(name, sizeof(name), "%012" PRIx64 "-%s-%08" PRIx32,
		cache_next_sequence(all) & CACHE_SEQUENCE_MAX, d->digest, (uint32_t)pages);
	if (renameat(s->dir, d->tmp, dir, name) < 0)
		return err_set(err, errno, "cache: name an entry");
	d->tmp[0] = '\0';
	return 0;
}

int cache_draft_commit(struct cache_store *s, struct cache_draft *d, const char *const *seen,
	size_t n_seen, const char *const *replaced, size_t n_replaced, struct err *err)
{
	_cleanup_cache_items_ struct cache_items all = {0}, same = {0}, gone = {0};
	_cleanup_close_ int dir = cache_open_folder(s, d->id);
	int r;

	if (dir < 0)
		return err_say(err, ENOENT, "cache: it was deleted meanwhile");
	r = cache_lock(s, err);
	if (r < 0)
		return r;
	r = cache_store_entries(s, d->id, NULL, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (memcmp(cache_digest_of(all.v[i].name), d->digest, CACHE_DIGEST_LEN) == 0)
			r = cache_items_add(&same, &all.v[i]) < 0 ? err_oom(err) : 0;
	if (r == 0 && !are_those(&same, seen, n_seen))
		r = -ESTALE;
	if (r == 0) {
		pick(&same, replaced, n_replaced, &gone);
		r = commit(s, d, dir, &all, &gone, err);
	}
	cache_unlock(s);
	return r;
}

void cache_draft_close(struct cache_store *s, struct cache_draft *d)
{
	if (d->tmp[0])
		(void)unlinkat(s->dir, d->tmp, 0);
	d->tmp[0] = '\0';
	fd_close(&d->fd);
	s->reserved -= d->reserved;
	d->reserved = 0;
}
