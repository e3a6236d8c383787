/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that was started from a base image has the image's file mapped privately.
 * What of that it has not changed is known by the page map, so that neither the memory nor
 * the file has to be read for it. The rest is either changed, or new, or gone.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"
#include "seed/core_file.h"
#include "seed/image_digest.h"
#include "seed/state.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_FILE	(1ull << 61)

#define PIECE_PAGES (CORE_PIECE / ELFCORE_PAGE)

/* Addresses below are the loader's (aworker/image/loader.c), which no image has anything at. */
#define LOWEST (1ull << 32)

/*
 * What lies between two pieces that are saved is saved, too, when it is no more than this: a
 * mapping costs more than the pages of a file that nobody touches.
 */
#define JOIN_GAP (16 * (uint64_t)ELFCORE_PAGE)

/* Spans of the page map, of 8 bytes a page, that are read by one call. */
#define LOOK_GAP (512 * (uint64_t)ELFCORE_PAGE)

struct base {
	struct elfcore_segment segments[CORE_SEGMENTS_MAX];
	size_t n;
	struct state_head head;
	uint64_t inode;
	char bytes[IMAGE_HEAD_MAX];
};

/* Where a piece of memory stands to the base. */
struct place {
	const struct elfcore_segment *segment; /* NULL: the base has nothing there */
	bool is_base; /* the same mapping as the base's, with the same rights */
	bool is_zero; /* ... of which the file has nothing */
	uint64_t end; /* where this is not so any more */
};

/* What a segment must have in common with one that it becomes part of. */
struct mark {
	size_t region;
	const struct elfcore_segment *base;
};

struct job {
	struct base *base;
	struct core_file *core;
	uint64_t entries[PIECE_PAGES];
	struct mark marks[CORE_SEGMENTS_MAX]; /* of each of the core's segments */
	struct buf gone;
};

/* --- the base --- */

static int by_address(const void *a, const void *b)
{
	const struct elfcore_segment *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int read_base(int fd, const unsigned char *id, struct base *b, struct err *err)
{
	struct image_process process;
	struct elfcore_segment s;
	struct elfcore core;
	struct stat st;
	size_t at = 0;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat");
	if (image_read_head(fd, b->bytes, &core, err) < 0)
		return -err->code;
	if (!image_take_note(&core, IMAGE_NOTE, IMAGE_NOTE_PROCESS, &process, sizeof(process)))
		return err_say(err, EINVAL, "a core, but no base image");
	if (memcmp(process.id, id, sizeof(process.id)) != 0)
		return err_say(err, ESTALE, "not the one that the worker was started from");
	while (elfcore_next_segment(&core, &at, &s)) {
		if (b->n == CORE_SEGMENTS_MAX)
			return err_say(err, E2BIG, "more than %d segments", CORE_SEGMENTS_MAX);
		b->segments[b->n++] = s;
	}
	qsort(b->segments, b->n, sizeof(s), by_address);
	b->inode = st.st_ino;
	b->head.version = STATE_VERSION;
	memcpy(b->head.base, process.id, sizeof(process.id));
	return 0;
}

/* The first that ends behind the address; NULL behind the last. */
static const struct elfcore_segment *segment_behind(const struct base *b, uint64_t address)
{
	size_t low = 0, high = b->n;

	while (low < high) {
		size_t i = (low + high) / 2;

		if (b->segments[i].start + b->segments[i].size <= address)
			low = i + 1;
		else
			high = i;
	}
	return low < b->n ? &b->segments[low] : NULL;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct place place_of(const struct base *b, const struct core_region *r, uint64_t address)
{
	const struct elfcore_segment *s = segment_behind(b, address);
	struct place p = {.end = r->end};
	uint64_t in;

	if (!s)
		return p;
	if (s->start > address) {
		p.end = min(r->end, s->start);
		return p;
	}
	in = address - s->start;
	p.segment = s;
	p.is_zero = in >= s->filled;
	p.end = min(r->end, s->start + (p.is_zero ? s->size : s->filled));
	p.is_base = r->flags == s->flags &&
		    (p.is_zero ? r->inode == 0
			       : r->inode == b->inode &&
					    r->offset + (address - r->start) == s->offset + in);
	return p;
}

/* --- what is saved --- */

static bool is_same(const struct mark *a, const struct mark *b)
{
	return a->region == b->region && a->base == b->base;
}

static int add(struct job *j, const struct core_region *r, const struct place *p, uint64_t start,
	uint64_t size, bool filled, struct err *err)
{
	struct core_file *c = j->core;
	const struct mark mark = {(size_t)(r - c->regions), p->segment};
	const size_t n = c->n_segments;

	if (n == CORE_SEGMENTS_MAX)
		return err_say(err, E2BIG, "memory: more than %d pieces", CORE_SEGMENTS_MAX);
	if (n > 0 && is_same(&j->marks[n - 1], &mark))
		(void)core_add(c, start, size, filled, r->flags, err);
	else
		c->segments[c->n_segments++] = (struct elfcore_segment){.start = start,
			.size = size,
			.filled = filled ? size : 0,
			.flags = r->flags};
	j->marks[c->n_segments - 1] = mark;
	return 0;
}

static bool is_changed(uint64_t entry)
{
	return entry & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED) && !(entry & PAGEMAP_FILE);
}

/* One page: nothing of it, its contents, or that it is zero. */
static int add_page(struct job *j, const struct core_region *r, const struct place *p,
	uint64_t start, uint64_t entry, const unsigned char *data, struct err *err)
{
	bool changed = is_changed(entry);

	if (p->is_base && (!changed || (p->is_zero && core_is_zero(data, ELFCORE_PAGE))))
		return 0;
	/* Of another file or with other rights, an unchanged page has contents nonetheless. */
	return add(j, r, p, start, ELFCORE_PAGE, changed || r->inode, err);
}

static int read_entries(struct job *j, uint64_t start, size_t pages, struct err *err)
{
	const size_t len = pages * sizeof(j->entries[0]);
	ssize_t n = pread(j->core->pagemap, j->entries, len,
		(off_t)(start / ELFCORE_PAGE * sizeof(j->entries[0])));

	if (n != (ssize_t)len)
		return err_set(err, n < 0 ? errno : EIO, "read the page map at %#lx", start);
	return 0;
}

static bool some_changed(const struct job *j, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (is_changed(j->entries[i]))
			return true;
	return false;
}

static int add_piece(struct job *j, const struct core_region *r, const struct place *p,
	uint64_t start, size_t len, struct err *err)
{
	const size_t pages = len / ELFCORE_PAGE;

	if (read_entries(j, start, pages, err) < 0)
		return -err->code;
	if (!some_changed(j, pages)) {
		if (p->is_base)
			return 0;
	} else if (core_read(j->core, start, len, err) < 0) {
		return -err->code;
	}
	for (size_t i = 0; i < pages; i++)
		if (add_page(j, r, p, start + i * ELFCORE_PAGE, j->entries[i],
			    j->core->piece + i * ELFCORE_PAGE, err) < 0)
			return -err->code;
	return 0;
}

static int add_part(struct job *j, const struct core_region *r, const struct place *p,
	uint64_t start, struct err *err)
{
	for (uint64_t at = start; at < p->end; at += CORE_PIECE)
		if (add_piece(j, r, p, at, min(CORE_PIECE, p->end - at), err) < 0)
			return -err->code;
	return 0;
}

static int add_region(struct job *j, const struct core_region *r, struct err *err)
{
	if (r->is_heap && r->start < LOWEST)
		return err_say(err, ENOTSUP, "the kernel could not be told to do without a heap");
	if (r->start < LOWEST || r->is_stack)
		return 0;
	for (uint64_t at = r->start; at < r->end;) {
		struct place p = place_of(j->base, r, at);

		/* What the runtime has mapped for this start is not the worker's: plan, hooks. */
		if ((p.segment || !r->inode) && add_part(j, r, &p, at, err) < 0)
			return -err->code;
		at = p.end;
	}
	return 0;
}

/* --- what is gone --- */

static void put_range(struct buf *to, uint64_t start, uint64_t end)
{
	const struct state_range r = {start, end - start};

	if (end > start)
		buf_put(to, &r, sizeof(r));
}

static void find_gone(struct job *j)
{
	const struct core_file *c = j->core;
	size_t i = 0;

	for (size_t n = 0; n < j->base->n; n++) {
		const struct elfcore_segment *s = &j->base->segments[n];
		const uint64_t end = s->start + s->size;
		uint64_t at = s->start;

		while (i > 0 && c->regions[i - 1].end > at)
			i--;
		for (; i < c->n_regions && c->regions[i].start < end; i++) {
			if (c->regions[i].start > at)
				put_range(&j->gone, at, c->regions[i].start);
			if (c->regions[i].end > at)
				at = c->regions[i].end;
		}
		put_range(&j->gone, at, end);
	}
}

/* --- fewer segments --- */

/* Whether the two become one when what lies between them is saved, too. */
static bool may_join(const struct job *j, size_t i, size_t next, uint64_t gap)
{
	const struct elfcore_segment *a = &j->core->segments[i], *b = &j->core->segments[next];

	return a->filled && b->filled && is_same(&j->marks[i], &j->marks[next]) &&
	       b->start - (a->start + a->size) <= gap;
}

/* A short run of zeros between two that are filled is filled, too. */
static size_t skip_zeros(const struct job *j, size_t i, uint64_t gap)
{
	const struct elfcore_segment *s = &j->core->segments[i];

	return i + 1 < j->core->n_segments && !s->filled && s->size <= gap ? i + 1 : i;
}

static void join(struct job *j, uint64_t gap)
{
	struct core_file *c = j->core;
	size_t n = 0;

	for (size_t i = 0; i < c->n_segments; i++) {
		size_t next = skip_zeros(j, i, gap);

		if (n > 0 && may_join(j, n - 1, next, gap)) {
			struct elfcore_segment *last = &c->segments[n - 1];
			const struct elfcore_segment *s = &c->segments[next];

			last->size = last->filled = s->start + s->size - last->start;
			i = next;
			continue;
		}
		c->segments[n] = c->segments[i];
		j->marks[n++] = j->marks[i];
	}
	c->n_segments = n;
}

/* --- the file --- */

static void put_ranges(struct buf *notes, uint32_t type, const struct buf *ranges)
{
	notes->failed |= buf_failed(ranges);
	elfcore_put_note(notes, STATE_NOTE, type, ranges->data, ranges->len);
}

static void put_base(const struct base *base, struct buf *notes)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	_cleanup_buf_ struct buf look = BUF_INIT;
	uint64_t start = 0, end = 0;

	for (size_t i = 0; i < base->n; i++) {
		const struct elfcore_segment *s = &base->segments[i];

		put_range(&all, s->start, s->start + s->size);
		if (!(s->flags & PF_W))
			continue;
		if (s->start - end > LOOK_GAP) {
			put_range(&look, start, end);
			start = s->start;
		}
		end = s->start + s->size;
	}
	put_range(&look, start, end);
	put_ranges(notes, STATE_NOTE_BASE, &all);
	put_ranges(notes, STATE_NOTE_LOOK, &look);
}

static int check_size(const struct core_file *c, struct err *err)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->n_segments; i++)
		bytes += c->segments[i].filled;
	return bytes <= STATE_MEMORY_MAX
		       ? 0
		       : err_say(err, E2BIG, "it has changed %llu MiB, at most %llu are possible",
				 (unsigned long long)(bytes >> 20), STATE_MEMORY_MAX >> 20);
}

static int write_all(
	struct job *j, int fd, pid_t pid, const struct user_regs_struct *regs, struct err *err)
{
	static const unsigned char no_digest[IMAGE_DIGEST_LEN];
	_cleanup_buf_ struct buf notes = BUF_INIT;
	_cleanup_buf_ struct buf head = BUF_INIT;

	for (size_t i = 0; i < j->core->n_regions; i++)
		if (add_region(j, &j->core->regions[i], err) < 0)
			return -err->code;
	if (check_size(j->core, err) < 0)
		return -err->code;
	find_gone(j);
	join(j, JOIN_GAP);
	for (uint64_t gap = 2 * JOIN_GAP; j->core->n_segments > STATE_EXTENTS && gap <= CORE_PIECE;
		gap *= 2)
		join(j, gap);
	core_put_registers(&notes, pid, regs);
	put_base(j->base, &notes);
	elfcore_put_note(
		&notes, STATE_NOTE, STATE_NOTE_HEAD, &j->base->head, sizeof(j->base->head));
	put_ranges(&notes, STATE_NOTE_GONE, &j->gone);
	elfcore_put_note(&notes, IMAGE_NOTE, IMAGE_NOTE_DIGEST, no_digest, sizeof(no_digest));
	return core_write(j->core, fd, &notes, &head, err) < 0 ? -err->code : image_seal(fd, err);
}

int state_write(int fd, pid_t pid, const struct user_regs_struct *regs, int base_fd,
	const unsigned char id[IMAGE_ID_LEN], struct err *err)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (j)
		j->base = calloc(1, sizeof(*j->base));
	if (!j || !j->base) {
		free(j);
		return err_oom(err);
	}
	r = read_base(base_fd, id, j->base, err);
	if (r < 0)
		err_wrap(err, "base image");
	else
		r = core_open(pid, &j->core, err);
	if (r == 0)
		r = write_all(j, fd, pid, regs, err);
	core_close(j->core);
	buf_finish(&j->gone);
	free(j->base);
	free(j);
	return r;
}
