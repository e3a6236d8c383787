/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/elfcore.h"

#include <errno.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"

#define NOTE_ALIGN 4

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#else
#define MACHINE EM_NONE
#endif

static void pad(struct buf *b, size_t align)
{
	size_t rest = b->len % align;

	if (rest)
		(void)buf_extend(b, align - rest);
}

void elfcore_put_note(
	struct buf *notes, const char *name, uint32_t type, const void *data, size_t len)
{
	const Elf64_Nhdr head = {
		.n_namesz = (Elf64_Word)strlen(name) + 1,
		.n_descsz = (Elf64_Word)len,
		.n_type = type,
	};

	buf_put(notes, &head, sizeof(head));
	buf_put(notes, name, head.n_namesz);
	pad(notes, NOTE_ALIGN);
	buf_put(notes, data, len);
	pad(notes, NOTE_ALIGN);
}

void elfcore_put_files(struct buf *notes, const struct elfcore_file *files, size_t n)
{
	const uint64_t head[] = {n, ELFCORE_PAGE};
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_put(&b, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		const uint64_t range[] = {files[i].start, files[i].end, files[i].page};

		buf_put(&b, range, sizeof(range));
	}
	for (size_t i = 0; i < n; i++)
		buf_put(&b, files[i].path, strlen(files[i].path) + 1);
	if (buf_failed(&b))
		notes->failed = true;
	else
		elfcore_put_note(notes, "CORE", NT_FILE, b.data, b.len);
}

static int check_segment(const struct elfcore_segment *s, struct err *err)
{
	if (s->start % ELFCORE_PAGE || s->size % ELFCORE_PAGE || s->filled % ELFCORE_PAGE ||
		s->filled > s->size || s->start + s->size < s->start)
		return err_say(err, EINVAL, "core: segment at %#llx: not whole pages",
			(unsigned long long)s->start);
	return 0;
}

/* More headers than fit the file header's field are counted in a section header. */
static void put_file_header(struct buf *b, size_t n_headers)
{
	const bool many = n_headers >= PN_XNUM;
	const Elf64_Ehdr head = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT,
			ELFOSABI_NONE},
		.e_type = ET_CORE,
		.e_machine = MACHINE,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phoff = sizeof(Elf64_Ehdr) + (many ? sizeof(Elf64_Shdr) : 0),
		.e_phnum = many ? PN_XNUM : (Elf64_Half)n_headers,
		.e_shoff = many ? sizeof(Elf64_Ehdr) : 0,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = many ? 1 : 0,
	};
	const Elf64_Shdr count = {.sh_info = (Elf64_Word)n_headers, .sh_size = 1};

	buf_put(b, &head, sizeof(head));
	if (many)
		buf_put(b, &count, sizeof(count));
}

int elfcore_make_head(struct elfcore_segment *segments, size_t n, const struct buf *notes,
	struct buf *ret, struct err *err)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	Elf64_Phdr note = {.p_type = PT_NOTE, .p_filesz = notes->len, .p_align = NOTE_ALIGN};
	uint64_t at;

	if (n > ELFCORE_SEGMENTS_MAX)
		return err_say(err, E2BIG, "core: more than %u segments", ELFCORE_SEGMENTS_MAX);
	put_file_header(&b, n + 1);
	note.p_offset = b.len + (n + 1) * sizeof(Elf64_Phdr);
	buf_put(&b, &note, sizeof(note));
	at = (note.p_offset + notes->len + ELFCORE_PAGE - 1) / ELFCORE_PAGE * ELFCORE_PAGE;
	for (size_t i = 0; i < n; i++) {
		struct elfcore_segment *s = &segments[i];
		Elf64_Phdr load = {
			.p_type = PT_LOAD,
			.p_flags = s->flags,
			.p_offset = at,
			.p_vaddr = s->start,
			.p_filesz = s->filled,
			.p_memsz = s->size,
			.p_align = ELFCORE_PAGE,
		};

		if (check_segment(s, err) < 0)
			return -err->code;
		buf_put(&b, &load, sizeof(load));
		s->offset = at;
		at += s->filled;
	}
	buf_put(&b, notes->data, notes->len);
	pad(&b, ELFCORE_PAGE);
	if (buf_failed(&b) || notes->failed)
		return err_oom(err);
	*ret = b;
	b = (struct buf)BUF_INIT;
	return 0;
}
