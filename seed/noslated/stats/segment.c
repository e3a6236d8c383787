/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a segment: made, opened, mapped. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/stats/stats_priv.h"
#include "seed/noslated/stats/words.h"

#define FILE_MODE 0644

static size_t pages(size_t bytes)
{
	return (bytes + STATS_PAGE - 1) / STATS_PAGE * STATS_PAGE;
}

static size_t index_at(void)
{
	return pages(sizeof(struct stats_header));
}

static size_t heads_at(void)
{
	return index_at() + pages(STATS_BUCKETS * sizeof(uint32_t));
}

static size_t words_at(void)
{
	return heads_at() + pages(STATS_SLOTS_MAX * sizeof(struct stats_head));
}

static size_t size_of(const struct stats_form *form)
{
	return words_at() + pages((size_t)STATS_SLOTS_MAX * form->n_words * sizeof(uint64_t));
}

static uint64_t hash_parts(uint64_t hash, const uint64_t *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ parts[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_families(uint64_t hash, const struct stats_family *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t parts[] = {stats_hash(f[i].name), f[i].type, f[i].first, f[i].n};

		hash = hash_parts(hash, parts, ARRAY_SIZE(parts));
	}
	return hash;
}

/* What the words are, so that a build that has them elsewhere does not go on with others. */
static uint64_t build_of(const struct stats_form *form)
{
	const struct stats_families *all = form->families;
	const uint64_t parts[] = {STATS_VERSION, form->kind, form->n_words, form->gauges_at,
		form->n_gauges, sizeof(struct stats_header), sizeof(struct stats_head)};
	uint64_t hash = hash_parts(stats_hash(""), parts, ARRAY_SIZE(parts));

	if (all)
		hash = hash_families(hash, all->node, all->n_node);
	return all ? hash_families(hash, all->function, all->n_function) : hash;
}

static int map(struct stats *s, const struct stats_form *form, int protection)
{
	char *base;

	s->size = size_of(form);
	base = mmap(NULL, s->size, protection, MAP_SHARED, s->fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	s->header = (struct stats_header *)(void *)base;
	s->index = (uint32_t *)(void *)(base + index_at());
	s->heads = (struct stats_head *)(void *)(base + heads_at());
	s->words = (uint64_t *)(void *)(base + words_at());
	return 0;
}

void stats_close(struct stats *s)
{
	if (!s)
		return;
	if (s->header)
		munmap(s->header, s->size);
	fd_close(&s->fd);
	free(s);
}

/* Memory there and then, or the error: a hole that cannot be filled later would be a SIGBUS. */
static int fill(int fd, size_t at, size_t len)
{
	int r;

	do
		r = fallocate(fd, 0, (off_t)at, (off_t)len);
	while (r < 0 && errno == EINTR);
	return r < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

int stats_fill_slot(struct stats *s, uint32_t slot)
{
	const size_t words = s->header->n_words * sizeof(uint64_t);
	const int r = fill(
		s->fd, heads_at() + slot * sizeof(struct stats_head), sizeof(struct stats_head));

	return r < 0 ? r : fill(s->fd, words_at() + slot * words, words);
}

static int note_file(struct stats *s)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return S_ISREG(st.st_mode) ? (st.st_size > INT32_MAX ? -EFBIG : (int)st.st_size) : -EINVAL;
}

/* 0; -ENOENT; -EBUSY: somebody writes there; -ESTALE: it is none of this form. */
static int open_existing(
	const char *path, const struct stats_form *form, bool writes, struct stats *s)
{
	int r;

	s->fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0)
		return -errno;
	r = note_file(s);
	if (r < 0)
		return r;
	if (writes && flock(s->fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	if ((size_t)r != size_of(form))
		return -ESTALE;
	r = map(s, form, writes ? PROT_READ | PROT_WRITE : PROT_READ);
	if (r < 0)
		return r;
	return s->header->magic == STATS_MAGIC && s->header->build == build_of(form) ? 0 : -ESTALE;
}

/* The old file, if any, stays what it is for those who have it. */
static int make_new(const char *path, const struct stats_form *form, struct stats *s)
{
	int r;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (s->fd < 0)
		return -errno;
	if (flock(s->fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(s->fd, (off_t)size_of(form)) < 0)
		return -errno;
	r = fill(s->fd, 0, heads_at());
	if (r == 0)
		r = note_file(s);
	if (r >= 0)
		r = map(s, form, PROT_READ | PROT_WRITE);
	if (r < 0)
		return r;
	s->header->n_words = form->n_words;
	s->header->gauges_at = form->gauges_at;
	s->header->n_gauges = form->n_gauges;
	s->header->build = build_of(form);
	__atomic_store_n(&s->header->magic, STATS_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

static struct stats *new_stats(struct err *err)
{
	struct stats *s = calloc(1, sizeof(*s));

	if (s)
		s->fd = -1;
	else
		err_oom(err);
	return s;
}

int stats_open(const char *path, const struct stats_form *form, struct stats **ret, struct err *err)
{
	struct stats *s = new_stats(err);
	int r;

	if (!s)
		return -err->code;
	assert(form->n_words <= STATS_SLOT_WORDS);
	r = open_existing(path, form, true, s);
	if (r == -ESTALE || r == -ENOENT) {
		stats_close(s);
		s = new_stats(err);
		if (!s)
			return -err->code;
		r = make_new(path, form, s);
		if (r < 0)
			(void)unlink(path);
	}
	if (r < 0) {
		stats_close(s);
		return err_set(err, -r, "open the statistics '%s'", path);
	}
	stats_rebuild(s);
	*ret = s;
	return 0;
}

int stats_open_reader(
	const char *path, const struct stats_form *form, struct stats **ret, struct err *err)
{
	struct stats *s = new_stats(err);
	int r;

	if (!s)
		return -err->code;
	r = open_existing(path, form, false, s);
	if (r == 0) {
		*ret = s;
		return 0;
	}
	stats_close(s);
	return r == -ESTALE ? err_say(err, ESTALE, "the statistics '%s' are of another form", path)
			    : err_set(err, -r, "open the statistics '%s'", path);
}

bool stats_is_current(const struct stats *s, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode;
}
