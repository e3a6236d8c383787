/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relink IN OUT: a copy of a shared library whose relocations are resolved
 * against its own symbols ahead of time, as -Bsymbolic would have done when it
 * was linked. libnode has 55,000 of them, and looking them up at each start
 * costs more than all of V8's set-up.
 *
 * Symbolic relocations (R_X86_64_64, GLOB_DAT, JUMP_SLOT) whose symbol the
 * library defines become R_X86_64_RELATIVE. What it does not define stays, and
 * with it every function that the executable may put in front of libc's, such as
 * madvise(). STB_GNU_UNIQUE stays too: those must be one per process.
 *
 * The input is a file of the system, but a broken one must not become a broken
 * program that is found out at run time: everything is checked, and the result
 * is loaded once before it gets its name.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/fd.h"

#define LIBRARY_MAX (1u << 30)

struct library {
	char *data;
	size_t len;
	const Elf64_Phdr *phdrs;
	size_t n_phdrs;
	Elf64_Dyn *dynamic;
	size_t n_dynamic;
	const Elf64_Sym *symbols; /* as many as addresses say; each is checked when used */
	uint64_t symbols_addr;
	uint64_t rela_addr;
	uint64_t jmprel_addr;
	Elf64_Rela *rela;
	size_t n_rela;
	Elf64_Rela *jmprel;
	size_t n_jmprel;
	bool bind_now;
};

struct counts {
	size_t relative; /* were so before */
	size_t resolved;
	size_t kept;
};

static bool in_range(uint64_t offset, uint64_t size, uint64_t len)
{
	return offset <= len && size <= len - offset;
}

/* The file's bytes behind a virtual address range; NULL when a segment does not hold all of it. */
static void *at_address(const struct library *lib, uint64_t addr, uint64_t size)
{
	for (size_t i = 0; i < lib->n_phdrs; i++) {
		const Elf64_Phdr *p = &lib->phdrs[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr &&
			in_range(addr - p->p_vaddr, size, p->p_filesz))
			return lib->data + p->p_offset + (addr - p->p_vaddr);
	}
	return NULL;
}

static int read_headers(struct library *lib, struct err *err)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)lib->data;

	if (lib->len < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
		return err_say(err, ENOEXEC, "not an ELF file");
	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
		eh->e_machine != EM_X86_64 || eh->e_type != ET_DYN)
		return err_say(err, ENOEXEC, "not an x86-64 shared library");
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || eh->e_phoff % 8 != 0 ||
		!in_range(eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr), lib->len))
		return err_say(err, ENOEXEC, "program headers are outside of the file");
	lib->phdrs = (const Elf64_Phdr *)(lib->data + eh->e_phoff);
	lib->n_phdrs = eh->e_phnum;
	for (size_t i = 0; i < lib->n_phdrs; i++) {
		const Elf64_Phdr *p = &lib->phdrs[i];

		if (!in_range(p->p_offset, p->p_filesz, lib->len))
			return err_say(err, ENOEXEC, "segment %zu is outside of the file", i);
		if (p->p_type != PT_DYNAMIC)
			continue;
		if (p->p_offset % 8 != 0 || lib->dynamic)
			return err_say(err, ENOEXEC, "odd dynamic segment");
		lib->dynamic = (Elf64_Dyn *)(lib->data + p->p_offset);
		lib->n_dynamic = p->p_filesz / sizeof(Elf64_Dyn);
	}
	if (!lib->dynamic)
		return err_say(err, ENOEXEC, "no dynamic segment");
	return 0;
}

/* The entry with this tag before the end of the section; NULL when there is none. */
static Elf64_Dyn *dynamic_find(const struct library *lib, int64_t tag)
{
	for (size_t i = 0; i < lib->n_dynamic; i++) {
		if (lib->dynamic[i].d_tag == tag)
			return &lib->dynamic[i];
		if (lib->dynamic[i].d_tag == DT_NULL)
			break;
	}
	return NULL;
}

static uint64_t dynamic_value(const struct library *lib, int64_t tag)
{
	const Elf64_Dyn *d = dynamic_find(lib, tag);

	return d ? d->d_un.d_val : 0;
}

static int read_table(const struct library *lib, int64_t addr_tag, int64_t size_tag,
	Elf64_Rela **ret, size_t *ret_n, struct err *err)
{
	uint64_t addr = dynamic_value(lib, addr_tag);
	uint64_t size = dynamic_value(lib, size_tag);
	void *table;

	if (size == 0)
		return 0;
	table = at_address(lib, addr, size);
	if (!table || size % sizeof(Elf64_Rela) != 0 || (uintptr_t)table % 8 != 0)
		return err_say(err, ENOEXEC, "a table of relocations is outside of the file");
	*ret = table;
	*ret_n = size / sizeof(Elf64_Rela);
	return 0;
}

static int read_dynamic(struct library *lib, struct err *err)
{
	int rc;

	if (dynamic_value(lib, DT_RELAENT) != sizeof(Elf64_Rela) ||
		dynamic_value(lib, DT_SYMENT) != sizeof(Elf64_Sym))
		return err_say(err, ENOEXEC, "relocations or symbols of an unknown size");
	if (dynamic_find(lib, DT_PLTREL) && dynamic_value(lib, DT_PLTREL) != DT_RELA)
		return err_say(err, ENOEXEC, "relocations of an unknown kind");
	lib->symbols_addr = dynamic_value(lib, DT_SYMTAB);
	lib->symbols = at_address(lib, lib->symbols_addr, sizeof(Elf64_Sym));
	if (!lib->symbols || lib->symbols_addr % 8 != 0)
		return err_say(err, ENOEXEC, "no table of symbols");
	lib->rela_addr = dynamic_value(lib, DT_RELA);
	lib->jmprel_addr = dynamic_value(lib, DT_JMPREL);
	rc = read_table(lib, DT_RELA, DT_RELASZ, &lib->rela, &lib->n_rela, err);
	if (rc == 0)
		rc = read_table(lib, DT_JMPREL, DT_PLTRELSZ, &lib->jmprel, &lib->n_jmprel, err);
	lib->bind_now = dynamic_find(lib, DT_BIND_NOW) ||
			(dynamic_value(lib, DT_FLAGS) & DF_BIND_NOW) ||
			(dynamic_value(lib, DT_FLAGS_1) & DF_1_NOW);
	return rc;
}

static bool is_symbolic(uint32_t type)
{
	return type == R_X86_64_64 || type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT;
}

static bool is_bound_to_itself(const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       sym->st_shndx != SHN_COMMON && type != STT_TLS && type != STT_GNU_IFUNC &&
	       ELF64_ST_BIND(sym->st_info) != STB_GNU_UNIQUE;
}

static int resolve_one(
	const struct library *lib, Elf64_Rela *r, struct counts *counts, struct err *err)
{
	uint32_t type = ELF64_R_TYPE(r->r_info);
	uint64_t index = ELF64_R_SYM(r->r_info);
	const Elf64_Sym *sym;

	if (type == R_X86_64_RELATIVE) {
		counts->relative++;
		return 0;
	}
	sym = at_address(lib, lib->symbols_addr + index * sizeof(*sym), sizeof(*sym));
	if (!sym)
		return err_say(err, ENOEXEC, "a relocation names symbol %llu, which is outside",
			(unsigned long long)index);
	if (!is_symbolic(type) || !is_bound_to_itself(sym)) {
		counts->kept++;
		return 0;
	}
	r->r_addend = (int64_t)sym->st_value + (type == R_X86_64_64 ? r->r_addend : 0);
	r->r_info = ELF64_R_INFO(0, R_X86_64_RELATIVE);
	counts->resolved++;
	return 0;
}

static int resolve_table(const struct library *lib, Elf64_Rela *table, size_t n,
	struct counts *counts, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = resolve_one(lib, &table[i], counts, err);
	return rc;
}

/* Relative ones first, as DT_RELACOUNT promises; those of one symbol together, for ld.so's cache. */
static int compare(const void *pa, const void *pb)
{
	const Elf64_Rela *a = pa, *b = pb;
	bool a_symbolic = ELF64_R_TYPE(a->r_info) != R_X86_64_RELATIVE;
	bool b_symbolic = ELF64_R_TYPE(b->r_info) != R_X86_64_RELATIVE;
	uint64_t a_sym = ELF64_R_SYM(a->r_info), b_sym = ELF64_R_SYM(b->r_info);

	if (a_symbolic != b_symbolic)
		return a_symbolic ? 1 : -1;
	if (a_sym != b_sym)
		return a_sym < b_sym ? -1 : 1;
	return a->r_offset < b->r_offset ? -1 : a->r_offset > b->r_offset;
}

/* Sets a tag, taking one of the spare entries at the end of the section when it is missing. */
static void dynamic_set(struct library *lib, int64_t tag, uint64_t value)
{
	Elf64_Dyn *d = dynamic_find(lib, tag);
	Elf64_Dyn *end = dynamic_find(lib, DT_NULL);

	if (!d && end && end + 1 < lib->dynamic + lib->n_dynamic && end[1].d_tag == DT_NULL)
		d = end;
	if (!d)
		return;
	d->d_tag = tag;
	d->d_un.d_val = value;
}

/*
 * The table of the PLT lies right behind the other one in every library that ld made: together
 * they are sorted as one, so that ld.so takes its short way through all of them.
 */
static void sort_tables(struct library *lib)
{
	size_t n = 0;

	if (lib->rela_addr + lib->n_rela * sizeof(Elf64_Rela) == lib->jmprel_addr) {
		lib->n_rela += lib->n_jmprel;
		lib->n_jmprel = 0;
		dynamic_set(lib, DT_RELASZ, lib->n_rela * sizeof(Elf64_Rela));
		dynamic_set(lib, DT_JMPREL, lib->rela_addr + lib->n_rela * sizeof(Elf64_Rela));
		dynamic_set(lib, DT_PLTRELSZ, 0);
	}
	qsort(lib->rela, lib->n_rela, sizeof(Elf64_Rela), compare);
	while (n < lib->n_rela && ELF64_R_TYPE(lib->rela[n].r_info) == R_X86_64_RELATIVE)
		n++;
	dynamic_set(lib, DT_RELACOUNT, n);
}

static int relink(struct library *lib, struct counts *counts, struct err *err)
{
	int rc = read_headers(lib, err);

	if (rc == 0)
		rc = read_dynamic(lib, err);
	if (rc < 0)
		return rc;
	/* ld.so refuses relative relocations in a PLT that is bound lazily. */
	if (!lib->bind_now)
		return err_say(err, ENOTSUP, "it is bound lazily, and only BIND_NOW is supported");
	rc = resolve_table(lib, lib->rela, lib->n_rela, counts, err);
	if (rc == 0)
		rc = resolve_table(lib, lib->jmprel, lib->n_jmprel, counts, err);
	if (rc == 0)
		sort_tables(lib);
	return rc;
}

/* Writes beside the final name, loads that, and only then gives it the name. */
static int install(const struct library *lib, const char *out, struct err *err)
{
	_cleanup_free_ char *fresh = NULL;
	void *handle;
	int rc;

	if (asprintf(&fresh, "%s%s.new", strchr(out, '/') ? "" : "./", out) < 0) {
		fresh = NULL;
		return err_oom(err);
	}
	rc = file_write_atomic(AT_FDCWD, fresh, lib->data, lib->len, 0755, err);
	if (rc < 0)
		return rc;
	handle = dlopen(fresh, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		rc = err_say(err, ENOEXEC, "the result cannot be loaded: %s", dlerror());
	else if (rename(fresh, out) < 0)
		rc = err_set(err, errno, "rename '%s' to '%s'", fresh, out);
	if (rc < 0)
		unlink(fresh);
	return rc;
}

int main(int argc, char **argv)
{
	struct library lib = {0};
	struct counts counts = {0};
	struct err err = ERR_INIT;

	if (argc != 3) {
		fprintf(stderr, "usage: relink LIBRARY COPY\n");
		return 2;
	}
	if (file_read(AT_FDCWD, argv[1], LIBRARY_MAX, &lib.data, &lib.len, &err) < 0) {
		fprintf(stderr, "relink: %s\n", err.msg);
		return 1;
	}
	if (relink(&lib, &counts, &err) < 0) {
		fprintf(stderr, "relink: %s: %s\n", argv[1], err.msg);
		return 1;
	}
	if (install(&lib, argv[2], &err) < 0) {
		fprintf(stderr, "relink: %s: %s\n", argv[2], err.msg);
		return 1;
	}
	printf("%zu relocations resolved, %zu kept, %zu were relative\n", counts.resolved,
		counts.kept, counts.relative);
	free(lib.data);
	return 0;
}
