/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relink on the real libnode and on broken ones. That V8 runs with the result is
 * what every other test of aworker shows: all of them are linked with it.
 */
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/unit/unit.h"

#define LIBRARY_MAX (1u << 30)

static char dir[] = "/tmp/turf-relink-XXXXXX";
static char in[PATH_MAX], out[PATH_MAX], said[4096];
static char *library;
static size_t library_len;

static void load(const char *path, char **data, size_t *len)
{
	struct err err = ERR_INIT;

	ck_assert_msg(file_read(AT_FDCWD, path, LIBRARY_MAX, data, len, &err) == 0, "%s", err.msg);
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(in, sizeof(in), "%s/in.so", dir);
	snprintf(out, sizeof(out), "%s/out.so", dir);
	load(TEST_LIBNODE, &library, &library_len);
}

static void tear_down(void)
{
	unlink(in);
	unlink(out);
	/* Nothing else may be there. */
	ck_assert_int_eq(rmdir(dir), 0);
	free(library);
}

/* Runs the program that was built beside the tests; its output is in `said`. */
static int relink(const char *from, const char *to)
{
	char self[PATH_MAX] = "", command[3 * PATH_MAX];
	size_t n;
	FILE *p;

	ck_assert_int_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command), "'%s/../relink' '%s' '%s' 2>&1", self, from, to);
	p = popen(command, "re");
	ck_assert_ptr_nonnull(p);
	n = fread(said, 1, sizeof(said) - 1, p);
	said[n] = '\0';
	return WEXITSTATUS(pclose(p));
}

static const Elf64_Shdr *section(const char *data, uint32_t type, int nth)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)data;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(data + eh->e_shoff);

	for (int i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == type && nth-- == 0)
			return &sh[i];
	return NULL;
}

static Elf64_Dyn *dynamic(char *data, int64_t tag)
{
	Elf64_Dyn *d = (Elf64_Dyn *)(data + section(data, SHT_DYNAMIC, 0)->sh_offset);

	for (; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d;
	return NULL;
}

static size_t n_relocations(char *data)
{
	return (dynamic(data, DT_RELASZ)->d_un.d_val + dynamic(data, DT_PLTRELSZ)->d_un.d_val) /
	       sizeof(Elf64_Rela);
}

START_TEST(the_copy_is_the_same_library)
{
	size_t resolved, kept, relative, len;
	const Elf64_Shdr *a, *b;
	const Elf64_Rela *rela;
	char *copy;

	ck_assert_msg(relink(TEST_LIBNODE, out) == 0, "%s", said);
	ck_assert_int_eq(sscanf(said, "%zu relocations resolved, %zu kept, %zu were relative",
				 &resolved, &kept, &relative),
		3);
	ck_assert_uint_gt(resolved, 50000);
	ck_assert_uint_gt(kept, 100);
	ck_assert_uint_eq(resolved + kept + relative, n_relocations(library));
	load(out, &copy, &len);
	ck_assert_uint_eq(len, library_len);
	ck_assert_uint_eq(n_relocations(copy), n_relocations(library));
	a = section(library, SHT_DYNSYM, 0);
	b = section(copy, SHT_DYNSYM, 0);
	ck_assert_uint_eq(a->sh_size, b->sh_size);
	ck_assert(memcmp(library + a->sh_offset, copy + b->sh_offset, a->sh_size) == 0);
	/* As many relative ones as it promises to ld.so, in the order of addresses, and no more. */
	ck_assert_uint_eq(dynamic(copy, DT_RELACOUNT)->d_un.d_val, resolved + relative);
	rela = (const Elf64_Rela *)(copy + section(copy, SHT_RELA, 0)->sh_offset);
	for (size_t i = 0; i < resolved + relative; i++) {
		ck_assert_uint_eq(ELF64_R_TYPE(rela[i].r_info), R_X86_64_RELATIVE);
		ck_assert(i == 0 || rela[i - 1].r_offset < rela[i].r_offset);
	}
	ck_assert_uint_ne(ELF64_R_TYPE(rela[resolved + relative].r_info), R_X86_64_RELATIVE);
	free(copy);
}
END_TEST

START_TEST(doing_it_twice_changes_nothing)
{
	ck_assert_int_eq(relink(TEST_LIBNODE, in), 0);
	ck_assert_int_eq(relink(in, out), 0);
	ck_assert_ptr_nonnull(str_after(said, "0 relocations resolved, "));
}
END_TEST

/* Writes the changed library, expects a refusal that says this, and no file. */
static void refuses(const char *data, size_t len, const char *why)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(file_write_atomic(AT_FDCWD, in, data, len, 0644, &err), 0);
	ck_assert_int_eq(relink(in, out), 1);
	ck_assert_msg(strstr(said, why), "'%s' is not in: %s", why, said);
	ck_assert_int_ne(access(out, F_OK), 0);
}

START_TEST(what_is_no_library)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)library;

	refuses("", 0, "not an ELF file");
	refuses("#!/bin/sh\n", 10, "not an ELF file");
	refuses(library, 4096, "outside of the file");
	refuses(library, library_len / 2, "outside of the file");
	eh->e_type = ET_REL;
	refuses(library, 4096, "not an x86-64 shared library");
	eh->e_type = ET_DYN;
	eh->e_machine = EM_AARCH64;
	refuses(library, 4096, "not an x86-64 shared library");
	eh->e_machine = EM_X86_64;
	eh->e_phoff = UINT64_MAX - 7;
	refuses(library, 4096, "program headers are outside of the file");
}
END_TEST

static void refuses_entry(int64_t tag, uint64_t value, const char *why)
{
	Elf64_Dyn *d = dynamic(library, tag);
	uint64_t before;

	ck_assert_ptr_nonnull(d);
	before = d->d_un.d_val;
	d->d_un.d_val = value;
	refuses(library, library_len, why);
	d->d_un.d_val = before;
}

START_TEST(a_broken_dynamic_section)
{
	Elf64_Rela *rela = (Elf64_Rela *)(library + section(library, SHT_RELA, 0)->sh_offset);
	size_t n = dynamic(library, DT_RELASZ)->d_un.d_val / sizeof(*rela);

	refuses_entry(DT_RELA, UINT64_MAX - 100, "a table of relocations is outside");
	refuses_entry(DT_RELASZ, UINT64_MAX / 24 * 24, "a table of relocations is outside");
	refuses_entry(DT_RELASZ, 25, "a table of relocations is outside");
	refuses_entry(DT_SYMTAB, 1ull << 40, "no table of symbols");
	refuses_entry(DT_SYMENT, 16, "of an unknown size");
	refuses_entry(DT_PLTREL, DT_REL, "of an unknown kind");
	rela[n - 1].r_info = ELF64_R_INFO(0xffffffff, R_X86_64_64);
	refuses(library, library_len, "a relocation names symbol 4294967295, which is outside");
}
END_TEST

START_TEST(a_result_that_cannot_be_loaded)
{
	/* Somebody else's soname is needed. */
	dynamic(library, DT_NEEDED)->d_un.d_val = dynamic(library, DT_SONAME)->d_un.d_val + 3;
	refuses(library, library_len, "the result cannot be loaded: ");
}
END_TEST

START_TEST(files_that_are_not_there)
{
	ck_assert_int_eq(relink("/nowhere/lib.so", out), 1);
	ck_assert_str_eq(said, "relink: open '/nowhere/lib.so': No such file or directory\n");
	ck_assert_int_eq(relink(TEST_LIBNODE, "/nowhere/lib.so"), 1);
	ck_assert_msg(strstr(said, "No such file or directory"), "%s", said);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("aworker_relink");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_copy_is_the_same_library);
	tcase_add_test(tc, doing_it_twice_changes_nothing);
	tcase_add_test(tc, what_is_no_library);
	tcase_add_test(tc, a_broken_dynamic_section);
	tcase_add_test(tc, a_result_that_cannot_be_loaded);
	tcase_add_test(tc, files_that_are_not_there);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
