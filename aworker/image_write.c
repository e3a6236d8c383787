/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private memory is saved as it is, library text included, so that a start needs no other
 * file. Longer runs of zeros are left out and become anonymous memory, which costs nothing
 * until it is touched. Shared memory would tie copies together: there must be none.
 */
#include "aworker/image_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/elfcore.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/image.h"

#define MAPS_MAX ((size_t)4 << 20)

/* What an engine that has warmed up maps is some hundred. */
#define REGIONS_MAX  4096
#define SEGMENTS_MAX 16384
#define SOURCES_MAX  64

/* A run of zeros that is not worth a mapping of its own is saved. */
#define ZERO_RUN ((size_t)64 << 10)

/* How much is read and looked at in one piece; a multiple of ZERO_RUN. */
#define PIECE ((size_t)1 << 20)

struct region {
	uint64_t start, end, offset;
	uint32_t flags;
	const char *path; /* NULL: of no file */
};

struct image {
	char *maps; /* owned; regions point into it */
	struct region regions[REGIONS_MAX];
	size_t n_regions;
	struct elfcore_segment segments[SEGMENTS_MAX];
	size_t n_segments;
	int memory; /* /proc/PID/mem */
	unsigned char piece[PIECE];
};

/* --- what there is --- */

/* The kernel maps these into every process; their contents are not ours to bring. */
static bool is_kernels(const char *name)
{
	return str_after(name, "[vdso") || str_after(name, "[vvar") || str_after(name, "[vsyscall");
}

/* "START-END rwxp OFFSET MAJ:MIN INODE      PATH" */
static int read_region(struct image *im, char *line, struct err *err)
{
	struct region r = {.flags = 0};
	char rights[5];
	int at = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &r.start, &r.end, rights, &r.offset, &at) !=
			4 ||
		at == 0)
		return err_say(err, EPROTO, "memory map: '%s' has an unknown form", line);
	if (is_kernels(line + at))
		return 0;
	if (rights[3] != 'p')
		return err_say(err, ENOTSUP, "memory map: '%s' is shared", line);
	if (im->n_regions == REGIONS_MAX)
		return err_say(err, E2BIG, "memory map: more than %d regions", REGIONS_MAX);
	r.flags = (rights[0] == 'r' ? PF_R : 0u) | (rights[1] == 'w' ? PF_W : 0u) |
		  (rights[2] == 'x' ? PF_X : 0u);
	r.path = line[at] == '/' ? line + at : NULL;
	im->regions[im->n_regions++] = r;
	return 0;
}

static int read_regions(struct image *im, pid_t pid, struct err *err)
{
	char path[32], *save = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	if (file_read(AT_FDCWD, path, MAPS_MAX, &im->maps, &len, err) < 0)
		return -err->code;
	for (char *l = strtok_r(im->maps, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (read_region(im, l, err) < 0)
			return -err->code;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	im->memory = open(path, O_RDONLY | O_CLOEXEC);
	return im->memory < 0 ? err_set(err, errno, "open '%s'", path) : 0;
}

/* --- what of it is saved --- */

static int add_segment(struct image *im, uint64_t start, uint64_t size, bool filled, uint32_t flags,
	struct err *err)
{
	struct elfcore_segment *last = im->n_segments ? &im->segments[im->n_segments - 1] : NULL;

	if (last && last->start + last->size == start && last->flags == flags &&
		(last->filled > 0) == filled) {
		last->size += size;
		last->filled += filled ? size : 0;
		return 0;
	}
	if (im->n_segments == SEGMENTS_MAX)
		return err_say(err, E2BIG, "memory: more than %d pieces", SEGMENTS_MAX);
	im->segments[im->n_segments++] = (struct elfcore_segment){
		.start = start, .size = size, .filled = filled ? size : 0, .flags = flags};
	return 0;
}

static int read_memory(struct image *im, uint64_t start, size_t len, struct err *err)
{
	ssize_t n = pread(im->memory, im->piece, len, (off_t)start);

	if (n != (ssize_t)len)
		return err_set(err, n < 0 ? errno : EIO, "read memory at %#lx", start);
	return 0;
}

static bool is_zero(const unsigned char *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int add_piece(struct image *im, uint64_t start, size_t len, uint32_t flags, struct err *err)
{
	if (read_memory(im, start, len, err) < 0)
		return -err->code;
	for (size_t at = 0; at < len; at += ZERO_RUN) {
		size_t n = len - at < ZERO_RUN ? len - at : ZERO_RUN;
		bool filled = n < ZERO_RUN || !is_zero(im->piece + at, n);

		if (add_segment(im, start + at, n, filled, flags, err) < 0)
			return -err->code;
	}
	return 0;
}

static int add_region(struct image *im, const struct region *r, struct err *err)
{
	if (!(r->flags & PF_R))
		return add_segment(im, r->start, r->end - r->start, false, r->flags, err);
	for (uint64_t at = r->start; at < r->end; at += PIECE) {
		size_t len = r->end - at < PIECE ? (size_t)(r->end - at) : PIECE;

		if (add_piece(im, at, len, r->flags, err) < 0)
			return -err->code;
	}
	return 0;
}

/* --- notes --- */

static void put_registers(struct buf *notes, pid_t pid, const struct user_regs_struct *regs)
{
	struct elf_prstatus status = {.pr_pid = pid};

	static_assert(sizeof(status.pr_reg) == sizeof(*regs), "registers as gdb wants them");
	memcpy(&status.pr_reg, regs, sizeof(*regs));
	elfcore_put_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status));
}

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

static int put_files(struct buf *notes, const struct image *im, struct err *err)
{
	_cleanup_free_ struct elfcore_file *files = calloc(im->n_regions, sizeof(*files));
	size_t n = 0;

	if (!files)
		return err_oom(err);
	for (size_t i = 0; i < im->n_regions; i++) {
		const struct region *r = &im->regions[i];

		if (r->path)
			files[n++] = (struct elfcore_file){
				r->start, r->end, r->offset / ELFCORE_PAGE, r->path};
	}
	elfcore_put_files(notes, files, n);
	return 0;
}

static int put_sources(struct buf *notes, const struct image *im, struct err *err)
{
	static struct image_source sources[SOURCES_MAX];
	const char *last = "";
	size_t n = 0;

	for (size_t i = 0; i < im->n_regions; i++) {
		const char *path = im->regions[i].path;
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

/* --- the file --- */

static int write_at(int fd, const void *data, size_t len, uint64_t offset, struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "write");
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_segments(struct image *im, int fd, struct err *err)
{
	for (size_t i = 0; i < im->n_segments; i++) {
		const struct elfcore_segment *s = &im->segments[i];

		for (uint64_t at = 0; at < s->filled; at += PIECE) {
			size_t len = s->filled - at < PIECE ? (size_t)(s->filled - at) : PIECE;

			if (read_memory(im, s->start + at, len, err) < 0 ||
				write_at(fd, im->piece, len, s->offset + at, err) < 0)
				return -err->code;
		}
	}
	return 0;
}

static int make_head(struct image *im, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, struct buf *ret, struct err *err)
{
	static const struct image_touched none[IMAGE_TOUCHED_MAX];
	_cleanup_buf_ struct buf notes = BUF_INIT;

	put_registers(&notes, pid, regs);
	elfcore_put_note(&notes, IMAGE_NOTE, IMAGE_NOTE_PROCESS, process, sizeof(*process));
	elfcore_put_note(&notes, IMAGE_NOTE, IMAGE_NOTE_TOUCHED, none, sizeof(none));
	if (put_auxv(&notes, pid, err) < 0 || put_sources(&notes, im, err) < 0 ||
		put_files(&notes, im, err) < 0 ||
		elfcore_make_head(im->segments, im->n_segments, &notes, ret, err) < 0)
		return -err->code;
	if (ret->len > IMAGE_HEAD_MAX)
		return err_say(err, E2BIG, "its headers are longer than %u bytes", IMAGE_HEAD_MAX);
	return 0;
}

static uint64_t find_touched(const struct buf *head)
{
	struct elfcore_note note;
	struct elfcore core;

	if (elfcore_open(&core, head->data, head->len) ||
		!elfcore_find_note(&core, IMAGE_NOTE, IMAGE_NOTE_TOUCHED, &note))
		BUG("the note that was just written is missing");
	return (uint64_t)((const char *)note.data - head->data);
}

static int write_image(struct image *im, int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, uint64_t *ret_touched, struct err *err)
{
	_cleanup_buf_ struct buf head = BUF_INIT;

	if (read_regions(im, pid, err) < 0)
		return -err->code;
	for (size_t i = 0; i < im->n_regions; i++)
		if (add_region(im, &im->regions[i], err) < 0)
			return -err->code;
	if (make_head(im, pid, regs, process, &head, err) < 0 ||
		write_at(fd, head.data, head.len, 0, err) < 0 || write_segments(im, fd, err) < 0)
		return -err->code;
	*ret_touched = find_touched(&head);
	return 0;
}

int image_write(int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, uint64_t *ret_touched, struct err *err)
{
	struct image *im = calloc(1, sizeof(*im));
	int r;

	if (!im)
		return err_oom(err);
	im->memory = -1;
	r = write_image(im, fd, pid, regs, process, ret_touched, err);
	fd_close(&im->memory);
	free(im->maps);
	free(im);
	return r;
}
