/* SPDX-License-Identifier: Apache-2.0 */
/* Cores are read as they were written, foreign and damaged ones as far as they go. */
#include <errno.h>

#include "runtime/base/buf.h"
#include "runtime/base/elfcore.h"
#include "runtime/base/err.h"
#include "tests/unit/unit.h"

static struct err err;

static struct elfcore must_open(const void *data, size_t len)
{
	struct elfcore core;
	const char *wrong = elfcore_open(&core, data, len);

	ck_assert_msg(!wrong, "%s", wrong);
	return core;
}

static void refuse(const void *data, size_t len, const char *why)
{
	struct elfcore core;
	const char *wrong = elfcore_open(&core, data, len);

	ck_assert_msg(wrong != NULL, "not refused: %s", why);
	ck_assert_str_eq(wrong, why);
}

static const struct elfcore_segment two[] = {
	{.start = 0x10000000, .size = 0x3000, .filled = 0x1000, .flags = PF_R | PF_X},
	{.start = 0x7fffffff0000, .size = 0x2000, .filled = 0x2000, .flags = PF_R | PF_W},
};

static struct buf example(void)
{
	static const struct elfcore_file files[] = {
		{0x1000, 0x3000, 0, "/usr/bin/one"}, {0x5000, 0x6000, 7, ""}};
	_cleanup_buf_ struct buf notes = BUF_INIT;
	struct elfcore_segment segments[ARRAY_SIZE(two)];
	struct buf head = BUF_INIT;

	memcpy(segments, two, sizeof(two));
	elfcore_put_note(&notes, "CORE", NT_PRSTATUS, "registers", 9);
	elfcore_put_note(&notes, "turf", 1, "", 0);
	elfcore_put_files(&notes, files, ARRAY_SIZE(files));
	ck_assert_int_eq(elfcore_make_head(segments, ARRAY_SIZE(two), &notes, &head, &err), 0);
	ck_assert_uint_eq(head.len % ELFCORE_PAGE, 0);
	ck_assert_uint_eq(segments[0].offset, head.len);
	ck_assert_uint_eq(segments[1].offset, head.len + 0x1000);
	return head;
}

START_TEST(what_is_written_is_read)
{
	_cleanup_buf_ struct buf head = example();
	struct elfcore core = must_open(head.data, head.len);
	struct elfcore_segment s;
	struct elfcore_note note = {.next = 0};
	struct elfcore_files files;
	struct elfcore_file file;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(two); i++) {
		ck_assert(elfcore_next_segment(&core, &at, &s));
		ck_assert_uint_eq(s.start, two[i].start);
		ck_assert_uint_eq(s.size, two[i].size);
		ck_assert_uint_eq(s.filled, two[i].filled);
		ck_assert_uint_eq(s.flags, two[i].flags);
		ck_assert_uint_eq(s.offset, head.len + i * 0x1000);
	}
	ck_assert(!elfcore_next_segment(&core, &at, &s));

	ck_assert(elfcore_next_note(&core, &note));
	ck_assert_uint_eq(note.type, NT_PRSTATUS);
	ck_assert_uint_eq(note.len, 9);
	ck_assert_int_eq(memcmp(note.data, "registers", 9), 0);
	ck_assert(elfcore_next_note(&core, &note));
	ck_assert_str_eq(note.name, "turf");
	ck_assert_uint_eq(note.len, 0);
	ck_assert(elfcore_next_note(&core, &note));
	ck_assert(!elfcore_next_note(&core, &note));

	ck_assert(elfcore_find_note(&core, "CORE", NT_FILE, &note));
	elfcore_files_begin(&files, &note);
	ck_assert(elfcore_next_file(&files, &file));
	ck_assert_str_eq(file.path, "/usr/bin/one");
	ck_assert_uint_eq(file.end, 0x3000);
	ck_assert(elfcore_next_file(&files, &file));
	ck_assert_str_eq(file.path, "");
	ck_assert_uint_eq(file.page, 7);
	ck_assert(!elfcore_next_file(&files, &file));
	ck_assert(!elfcore_find_note(&core, "turf", 2, &note));
	ck_assert(!elfcore_find_note(&core, "tur", 1, &note));
}
END_TEST

START_TEST(more_segments_than_the_field_holds)
{
	enum { N = 70000 };
	static struct elfcore_segment segments[N], s;
	_cleanup_buf_ struct buf notes = BUF_INIT, head = BUF_INIT;
	struct elfcore_note note;
	struct elfcore core;
	size_t at = 0, n = 0;

	for (size_t i = 0; i < N; i++)
		segments[i] = (struct elfcore_segment){
			.start = (i + 1) * 0x10000, .size = 0x1000, .flags = PF_R};
	elfcore_put_note(&notes, "CORE", NT_AUXV, "abc", 3);
	ck_assert_int_eq(elfcore_make_head(segments, N, &notes, &head, &err), 0);
	core = must_open(head.data, head.len);
	while (elfcore_next_segment(&core, &at, &s))
		ck_assert_uint_eq(s.start, ++n * 0x10000);
	ck_assert_uint_eq(n, N);
	ck_assert(elfcore_find_note(&core, "CORE", NT_AUXV, &note));
	refuse(head.data, 100, "the number of its program headers is missing");
	refuse(head.data, 100000, "its program headers are cut off");
}
END_TEST

START_TEST(what_is_no_core_is_refused)
{
	static const struct {
		size_t at;
		unsigned char value;
		const char *why;
	} cases[] = {
		{0, 'x', "no ELF file"},
		{EI_CLASS, ELFCLASS32, "not of a 64-bit little-endian machine"},
		{EI_DATA, ELFDATA2MSB, "not of a 64-bit little-endian machine"},
		{EI_VERSION, 9, "of an unknown version of ELF"},
		{offsetof(Elf64_Ehdr, e_type), ET_DYN, "no core"},
		{offsetof(Elf64_Ehdr, e_phentsize), 1, "its program headers have an unknown size"},
		{offsetof(Elf64_Ehdr, e_phoff) + 7, 0xff, "its program headers are cut off"},
	};
	_cleanup_buf_ struct buf head = example();

	refuse("", 0, "too short for an ELF file");
	refuse(head.data, sizeof(Elf64_Ehdr) - 1, "too short for an ELF file");
	refuse(head.data, sizeof(Elf64_Ehdr), "its program headers are cut off");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char saved = head.data[cases[i].at];

		head.data[cases[i].at] = (char)cases[i].value;
		refuse(head.data, head.len, cases[i].why);
		head.data[cases[i].at] = saved;
	}
}
END_TEST

START_TEST(pages_only_are_written)
{
	static const struct elfcore_segment bad[] = {
		{.start = 1, .size = 0x1000},
		{.start = 0, .size = 1},
		{.start = 0, .size = 0x1000, .filled = 1},
		{.start = 0, .size = 0x1000, .filled = 0x2000},
		{.start = 0xfffffffffffff000, .size = 0x2000},
	};
	struct buf notes = BUF_INIT, head = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct elfcore_segment s = bad[i];

		ck_assert_int_eq(elfcore_make_head(&s, 1, &notes, &head, &err), -EINVAL);
		ck_assert_ptr_null(head.data);
	}
	ck_assert_int_eq(
		elfcore_make_head(NULL, ELFCORE_SEGMENTS_MAX + 1, &notes, &head, &err), -E2BIG);
}
END_TEST

/* Each byte of a valid core in turn is another: nothing is read outside of it, and all ends. */
START_TEST(no_byte_is_trusted)
{
	_cleanup_buf_ struct buf head = example();

	for (size_t i = 0; i < 600; i++) {
		for (int flip = 1; flip < 256; flip <<= 1) {
			_cleanup_free_ char *copy = malloc(head.len);
			struct elfcore_note note = {.next = 0};
			struct elfcore_segment s;
			struct elfcore core;
			size_t at = 0, n = 0;

			memcpy(copy, head.data, head.len);
			copy[i] = (char)(copy[i] ^ flip);
			if (elfcore_open(&core, copy, head.len))
				continue;
			while (elfcore_next_segment(&core, &at, &s))
				n++;
			while (elfcore_next_note(&core, &note)) {
				struct elfcore_files files;
				struct elfcore_file file;

				ck_assert_uint_le(
					(size_t)((const char *)note.data - copy) + note.len,
					head.len);
				elfcore_files_begin(&files, &note);
				while (elfcore_next_file(&files, &file))
					n += strlen(file.path);
			}
			ck_assert_uint_lt(n, 3 * head.len);
		}
	}
}
END_TEST

UNIT_MAIN("elfcore", what_is_written_is_read, more_segments_than_the_field_holds,
	what_is_no_core_is_refused, pages_only_are_written, no_byte_is_trusted)
