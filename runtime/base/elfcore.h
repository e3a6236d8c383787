/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ELF cores of 64-bit processes, written and read: memory as PT_LOAD segments,
 * everything else as notes (elf(5), core(5), System V ABI, "Note Section").
 *
 * The reader works on bytes in place, allocates nothing and calls nothing, so that a
 * program without libc can link it; it trusts no byte. It reads what kernels, gdb and
 * we write; a core that was cut off can be read as far as it goes.
 */
#ifndef RUNTIME_BASE_ELFCORE_H
#define RUNTIME_BASE_ELFCORE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

#define ELFCORE_PAGE 4096u

/* Segments of one core, 64 times what the kernel lets a process map by default. */
#define ELFCORE_SEGMENTS_MAX (1u << 22)

struct elfcore_segment {
	uint64_t start;	 /* address */
	uint64_t size;	 /* in memory */
	uint64_t filled; /* how much of it the file has; the rest is zero */
	uint64_t offset; /* in the file */
	uint32_t flags;	 /* PF_R, PF_W, PF_X */
};

struct elfcore_note {
	const char *name; /* "CORE", "LINUX", ...; not NUL-terminated for sure */
	size_t name_len;
	uint32_t type; /* NT_* */
	const void *data;
	size_t len;
	size_t header, next; /* where to go on, for elfcore_next_note() */
};

/* What a range of addresses was mapped from. */
struct elfcore_file {
	uint64_t start, end; /* addresses */
	uint64_t page;	     /* of the file, where the range begins */
	const char *path;
};

/* --- writing --- */

/* Appends a note. `name` goes with its NUL, as everybody writes it. */
void elfcore_put_note(
	struct buf *notes, const char *name, uint32_t type, const void *data, size_t len);

/* Appends the NT_FILE note of these ranges. */
void elfcore_put_files(struct buf *notes, const struct elfcore_file *files, size_t n);

/*
 * Makes everything that stands before the memory: headers, notes, and zeros up to a page.
 * Decides where each segment's `filled` bytes go, one behind the other on whole pages, and
 * stores that in its `offset`. -EINVAL for addresses and sizes off page bounds, -E2BIG for
 * too many segments, -ENOMEM.
 */
int elfcore_make_head(struct elfcore_segment *segments, size_t n, const struct buf *notes,
	struct buf *ret, struct err *err);

/* --- reading --- */

struct elfcore {
	const unsigned char *data; /* borrowed: the beginning of the file, or all of it */
	size_t len;
	size_t n_headers;
	size_t headers; /* offset of the program headers */
};

/*
 * Checks the file header and that all program headers are there. NULL, or what is wrong.
 * `data` has to hold the headers and notes; segments may be elsewhere.
 */
const char *elfcore_open(struct elfcore *ret, const void *data, size_t len);

/*
 * The first or next segment; *at is 0 at first and is moved on. False behind the last.
 * Nothing is promised about addresses, sizes and offsets but that none of them overflows
 * when they are added; `filled` is no more than `size`.
 */
bool elfcore_next_segment(const struct elfcore *core, size_t *at, struct elfcore_segment *ret);

/*
 * The first or next note of the core, in the order of the file; *note is zeroed at first.
 * False behind the last good one.
 */
bool elfcore_next_note(const struct elfcore *core, struct elfcore_note *note);

/* The first note of that name and type. */
bool elfcore_find_note(
	const struct elfcore *core, const char *name, uint32_t type, struct elfcore_note *ret);

/* The entries of an NT_FILE note, one after the other. */
struct elfcore_files {
	const unsigned char *data;
	size_t len;
	uint64_t n, i; /* how many, and which comes next */
	size_t text;   /* where its path is */
};

void elfcore_files_begin(struct elfcore_files *files, const struct elfcore_note *note);

/* False behind the last good one. `path` lies in the note and is NUL-terminated. */
bool elfcore_next_file(struct elfcore_files *files, struct elfcore_file *ret);

#endif
