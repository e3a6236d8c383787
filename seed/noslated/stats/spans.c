/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/stats/spans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define MAGIC	UINT64_C(0x736e617073667574)
#define VERSION 1

/* Head and tail count for ever; their difference is how many there are. */
struct ring {
	uint64_t magic, build;
	uint64_t threshold; /* traced are those below; of 2^63 */
	uint64_t head, tail;
	struct span_record records[SPANS_MAX];
};

struct spans {
	struct ring *ring;
};

static uint64_t build(void)
{
	return (uint64_t)VERSION << 32 | sizeof(struct ring);
}

/* All of its memory, there and then: a hole that cannot be filled later would be a SIGBUS. */
static int make(const char *path)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = posix_fallocate(fd, 0, sizeof(struct ring));
	if (r > 0) {
		(void)unlink(path);
		return -r;
	}
	return take_fd(&fd);
}

static int open_existing(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_size == sizeof(struct ring) ? take_fd(&fd) : -ESTALE;
}

static struct ring *map(int fd)
{
	void *p = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static bool is_sane(const struct ring *r)
{
	return r->magic == MAGIC && r->build == build() && r->head - r->tail <= SPANS_MAX;
}

static int open_ring(const char *path, struct ring **ret)
{
	_cleanup_close_ int fd = open_existing(path);
	struct ring *r;

	if (fd < 0 && fd != -ENOENT && fd != -ESTALE)
		return fd;
	r = fd >= 0 ? map(fd) : NULL;
	if (fd >= 0 && !r)
		return -errno;
	if (r && is_sane(r)) {
		*ret = r;
		return 0;
	}
	if (r)
		munmap(r, sizeof(*r));
	fd_close(&fd);
	fd = make(path);
	if (fd < 0)
		return fd;
	r = map(fd);
	if (!r)
		return -errno;
	r->magic = MAGIC;
	r->build = build();
	*ret = r;
	return 0;
}

int spans_open(const char *path, struct spans **ret, struct err *err)
{
	struct spans *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	r = open_ring(path, &s->ring);
	if (r < 0) {
		free(s);
		return err_set(err, -r, "open the traces '%s'", path);
	}
	*ret = s;
	return 0;
}

void spans_close(struct spans *s)
{
	if (!s)
		return;
	munmap(s->ring, sizeof(*s->ring));
	free(s);
}

void spans_set_ratio(struct spans *s, double ratio)
{
	const double all = 9223372036854775808.0; /* 2^63 */

	__atomic_store_n(&s->ring->threshold,
		ratio <= 0   ? 0
		: ratio >= 1 ? (uint64_t)1 << 63
			     : (uint64_t)(ratio * all),
		__ATOMIC_RELAXED);
}

bool spans_samples(const struct spans *s, uint64_t random)
{
	return random >> 1 < __atomic_load_n(&s->ring->threshold, __ATOMIC_RELAXED);
}

struct span_record *spans_reserve(struct spans *s)
{
	struct ring *r = s->ring;
	const uint64_t tail = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);

	return r->head - tail < SPANS_MAX ? &r->records[r->head % SPANS_MAX] : NULL;
}

void spans_commit(struct spans *s)
{
	__atomic_store_n(&s->ring->head, s->ring->head + 1, __ATOMIC_RELEASE);
}

const struct span_record *spans_peek(const struct spans *s, uint64_t behind)
{
	const struct ring *r = s->ring;
	const uint64_t head = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

	return behind < head - r->tail ? &r->records[(r->tail + behind) % SPANS_MAX] : NULL;
}

void spans_release(struct spans *s, uint64_t n)
{
	__atomic_store_n(&s->ring->tail, s->ring->tail + n, __ATOMIC_RELEASE);
}
