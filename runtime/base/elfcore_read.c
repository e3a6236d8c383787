/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/elfcore.h"

/* Notes of kernels and of gdb are padded to 4 bytes in 64-bit cores, too. */
#define NOTE_ALIGN 4

/* NT_FILE: count and page size, so many entries of start, end and page, so many paths. */
#define FILE_ENTRY (3 * sizeof(uint64_t))

/* What is read from a file may lie at any address. */
#define COPY(to, from) __builtin_memcpy(to, from, sizeof(*(to)))

static bool has(const struct elfcore *core, uint64_t offset, uint64_t len)
{
	return offset <= core->len && len <= core->len - offset;
}

static const char *check_ident(const Elf64_Ehdr *e)
{
	if (e->e_ident[EI_MAG0] != ELFMAG0 || e->e_ident[EI_MAG1] != ELFMAG1 ||
		e->e_ident[EI_MAG2] != ELFMAG2 || e->e_ident[EI_MAG3] != ELFMAG3)
		return "no ELF file";
	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_ident[EI_DATA] != ELFDATA2LSB)
		return "not of a 64-bit little-endian machine";
	if (e->e_ident[EI_VERSION] != EV_CURRENT || e->e_version != EV_CURRENT)
		return "of an unknown version of ELF";
	if (e->e_type != ET_CORE)
		return "no core";
	if (e->e_phentsize != sizeof(Elf64_Phdr))
		return "its program headers have an unknown size";
	return NULL;
}

/* How many program headers there are: the file header has no room for a large number. */
static const char *count_headers(const struct elfcore *core, const Elf64_Ehdr *e, size_t *ret)
{
	Elf64_Shdr first;

	*ret = e->e_phnum;
	if (e->e_phnum != PN_XNUM)
		return NULL;
	if (e->e_shentsize != sizeof(first) || !has(core, e->e_shoff, sizeof(first)))
		return "the number of its program headers is missing";
	COPY(&first, core->data + e->e_shoff);
	*ret = first.sh_info;
	return NULL;
}

const char *elfcore_open(struct elfcore *ret, const void *data, size_t len)
{
	struct elfcore core = {.data = data, .len = len};
	const char *wrong;
	Elf64_Ehdr e;

	if (len < sizeof(e))
		return "too short for an ELF file";
	COPY(&e, core.data);
	wrong = check_ident(&e);
	if (!wrong)
		wrong = count_headers(&core, &e, &core.n_headers);
	if (wrong)
		return wrong;
	if (core.n_headers > ELFCORE_SEGMENTS_MAX)
		return "too many segments";
	if (!has(&core, e.e_phoff, core.n_headers * sizeof(Elf64_Phdr)))
		return "its program headers are cut off";
	core.headers = e.e_phoff;
	*ret = core;
	return NULL;
}

static void header(const struct elfcore *core, size_t i, Elf64_Phdr *ret)
{
	COPY(ret, core->data + core->headers + i * sizeof(*ret));
}

bool elfcore_next_segment(const struct elfcore *core, size_t *at, struct elfcore_segment *ret)
{
	while (*at < core->n_headers) {
		Elf64_Phdr p;

		header(core, (*at)++, &p);
		if (p.p_type != PT_LOAD || p.p_vaddr + p.p_memsz < p.p_vaddr ||
			p.p_offset + p.p_filesz < p.p_offset || p.p_filesz > p.p_memsz)
			continue;
		*ret = (struct elfcore_segment){
			.start = p.p_vaddr,
			.size = p.p_memsz,
			.filled = p.p_filesz,
			.offset = p.p_offset,
			.flags = p.p_flags,
		};
		return true;
	}
	return false;
}

/* Where a note at `at` lies, if all of it is there before `end`. */
static bool note_at(const struct elfcore *core, uint64_t at, uint64_t end, struct elfcore_note *ret)
{
	const uint64_t mask = NOTE_ALIGN - 1;
	uint64_t name, data;
	Elf64_Nhdr n;

	if (end - at < sizeof(n))
		return false;
	COPY(&n, core->data + at);
	name = at + sizeof(n);
	data = name + ((n.n_namesz + mask) & ~mask);
	if (data > end || n.n_descsz > end - data)
		return false;
	*ret = (struct elfcore_note){
		.name = (const char *)core->data + name,
		.name_len = n.n_namesz,
		.type = n.n_type,
		.data = core->data + data,
		.len = n.n_descsz,
		.header = ret->header,
		.next = data + ((n.n_descsz + mask) & ~mask),
	};
	return true;
}

bool elfcore_next_note(const struct elfcore *core, struct elfcore_note *note)
{
	for (; note->header < core->n_headers; note->header++) {
		uint64_t at, end;
		Elf64_Phdr p;

		header(core, note->header, &p);
		if (p.p_type != PT_NOTE || p.p_offset >= core->len)
			continue;
		end = has(core, p.p_offset, p.p_filesz) ? p.p_offset + p.p_filesz : core->len;
		/* Never back: parts that overlap would be read again and again. */
		at = note->next > p.p_offset ? note->next : p.p_offset;
		if (at < end && note_at(core, at, end, note))
			return true;
	}
	return false;
}

/* As memcmp(), which a program without libc has not. */
static bool same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

bool elfcore_find_note(
	const struct elfcore *core, const char *name, uint32_t type, struct elfcore_note *ret)
{
	struct elfcore_note note = {.next = 0};
	size_t len = __builtin_strlen(name) + 1;

	while (elfcore_next_note(core, &note)) {
		if (note.type != type || note.name_len != len || !same(note.name, name, len))
			continue;
		*ret = note;
		return true;
	}
	return false;
}

void elfcore_files_begin(struct elfcore_files *files, const struct elfcore_note *note)
{
	uint64_t head[2];

	*files = (struct elfcore_files){.data = note->data, .len = note->len};
	if (note->len < sizeof(head))
		return;
	COPY(&head, files->data);
	if (head[0] > (note->len - sizeof(head)) / FILE_ENTRY)
		return;
	files->n = head[0];
	files->text = sizeof(head) + head[0] * FILE_ENTRY;
}

bool elfcore_next_file(struct elfcore_files *files, struct elfcore_file *ret)
{
	uint64_t range[3];
	size_t end = files->text;

	if (files->i == files->n)
		return false;
	while (end < files->len && files->data[end])
		end++;
	if (end == files->len)
		return false;
	COPY(&range, files->data + 2 * sizeof(uint64_t) + files->i * FILE_ENTRY);
	*ret = (struct elfcore_file){
		.start = range[0],
		.end = range[1],
		.page = range[2],
		.path = (const char *)files->data + files->text,
	};
	files->i++;
	files->text = end + 1;
	return true;
}
