/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private memory is saved as it is, library text included, so that a start needs no other
 * file. Longer runs of zeros are left out and become anonymous memory, which costs nothing
 * until it is touched.
 */
#include "seed/image_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/core_file.h"
#include "seed/image.h"

#define SOURCES_MAX 64

/* A run of zeros that is not worth a mapping of its own is saved. */
#define ZERO_RUN ((size_t)64 << 10)

static_assert(CORE_PIECE % ZERO_RUN == 0, "runs are looked at one by one");

/*
 * Up to this length what is only read in a file beside its code is mapped with the code: a
 * library becomes two areas of memory instead of four. Every fork copies all areas, and among
 * thousands of clones each takes longer. What code could be found in a few megabytes of
 * constants does not count beside that of the engine.
 */
#define MIXED_MAX ((size_t)2 << 20)

/* --- what is saved --- */

static int add_piece(
	struct core_file *c, uint64_t start, size_t len, uint32_t flags, struct err *err)
{
	if (core_read(c, start, len, err) < 0)
		return -err->code;
	for (size_t at = 0; at < len; at += ZERO_RUN) {
		size_t n = len - at < ZERO_RUN ? len - at : ZERO_RUN;
		bool filled = n < ZERO_RUN || !core_is_zero(c->piece + at, n);

		if (core_add(c, start + at, n, filled, flags, err) < 0)
			return -err->code;
	}
	return 0;
}

/* Both are of one file, and lie side by side. */
static bool adjoin(const struct core_region *a, const struct core_region *b)
{
	return a->end == b->start && a->path && b->path && streq(a->path, b->path);
}

static bool is_beside_code(const struct core_file *c, size_t i)
{
	const struct core_region *r = c->regions;
	size_t first = i, last = i;

	while (first > 0 && adjoin(&r[first - 1], &r[first]))
		first--;
	while (last + 1 < c->n_regions && adjoin(&r[last], &r[last + 1]))
		last++;
	while (first <= last && !(r[first].flags & PF_X))
		first++;
	return first <= last;
}

static uint32_t choose_flags(const struct core_file *c, size_t i)
{
	const struct core_region *r = &c->regions[i];
	const bool mixed = r->flags == PF_R && r->end - r->start <= MIXED_MAX;

	return mixed && is_beside_code(c, i) ? PF_R | PF_X : r->flags;
}

static int add_region(struct core_file *c, size_t i, struct err *err)
{
	const struct core_region *r = &c->regions[i];
	const uint32_t flags = choose_flags(c, i);

	if (!(r->flags & PF_R))
		return core_add(c, r->start, r->end - r->start, false, r->flags, err);
	for (uint64_t at = r->start; at < r->end; at += CORE_PIECE) {
		size_t len = r->end - at < CORE_PIECE ? (size_t)(r->end - at) : CORE_PIECE;

		if (add_piece(c, at, len, flags, err) < 0)
			return -err->code;
	}
	return 0;
}

/* --- notes --- */

/* By it debuggers find where the program was put. The vdso it tells of is not saved. */
static int put_auxv(struct buf *notes, pid_t pid, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	Elf64_auxv_t *v;
	char path[32];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	if (file_read(AT_FDCWD, path, FILE_VALUE_MAX, &text, &len, err) < 0)
		return -err->code;
	v = (Elf64_auxv_t *)text;
	for (size_t i = 0; i < len / sizeof(*v); i++)
		if (v[i].a_type == AT_SYSINFO_EHDR)
			v[i].a_type = AT_IGNORE;
	elfcore_put_note(notes, "CORE", NT_AUXV, text, len);
	return 0;
}

static int put_files(struct buf *notes, const struct core_file *c, struct err *err)
{
	_cleanup_free_ struct elfcore_file *files = calloc(c->n_regions, sizeof(*files));
	size_t n = 0;

	if (!files)
		return err_oom(err);
	for (size_t i = 0; i < c->n_regions; i++) {
		const struct core_region *r = &c->regions[i];

		if (r->path)
			files[n++] = (struct elfcore_file){
				r->start, r->end, r->offset / ELFCORE_PAGE, r->path};
	}
	elfcore_put_files(notes, files, n);
	return 0;
}

static int put_sources(struct buf *notes, const struct core_file *c, struct err *err)
{
	static struct image_source sources[SOURCES_MAX];
	const char *last = "";
	size_t n = 0;

	for (size_t i = 0; i < c->n_regions; i++) {
		const char *path = c->regions[i].path;
		struct image_source *s = &sources[n];
		struct stat st;

		/* The regions of one file lie side by side. */
		if (!path || streq(path, last))
			continue;
		last = path;
		if (n == SOURCES_MAX || strlen(path) >= sizeof(s->path))
			return err_say(
				err, E2BIG, "'%s': one file too many, or its path too long", path);
		if (stat(path, &st) < 0)
			return err_set(err, errno, "stat '%s'", path);
		*s = (struct image_source){
			.inode = st.st_ino,
			.size = (uint64_t)st.st_size,
			.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 +
				    (uint64_t)st.st_mtim.tv_nsec,
		};
		strcpy(s->path, path);
		n++;
	}
	elfcore_put_note(notes, IMAGE_NOTE, IMAGE_NOTE_SOURCES, sources, n * sizeof(*sources));
	return 0;
}

static int put_notes(struct buf *notes, const struct core_file *c, pid_t pid,
	const struct user_regs_struct *regs, const struct image_process *process, struct err *err)
{
	static const unsigned char no_digest[IMAGE_DIGEST_LEN];

	core_put_registers(notes, pid, regs);
	elfcore_put_note(notes, IMAGE_NOTE, IMAGE_NOTE_PROCESS, process, sizeof(*process));
	elfcore_put_note(notes, IMAGE_NOTE, IMAGE_NOTE_DIGEST, no_digest, sizeof(no_digest));
	if (put_auxv(notes, pid, err) < 0 || put_sources(notes, c, err) < 0 ||
		put_files(notes, c, err) < 0)
		return -err->code;
	return 0;
}

static int write_all(struct core_file *c, int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, struct err *err)
{
	_cleanup_buf_ struct buf notes = BUF_INIT;
	_cleanup_buf_ struct buf head = BUF_INIT;

	for (size_t i = 0; i < c->n_regions; i++)
		if (add_region(c, i, err) < 0)
			return -err->code;
	if (put_notes(&notes, c, pid, regs, process, err) < 0)
		return -err->code;
	return core_write(c, fd, &notes, &head, err);
}

int image_write(int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, struct err *err)
{
	struct core_file *c;
	int r = core_open(pid, &c, err);

	if (r < 0)
		return r;
	r = write_all(c, fd, pid, regs, process, err);
	core_close(c);
	return r;
}
