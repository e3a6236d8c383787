/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/prefault.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "tests/unit/unit.h"

#define PAGE  ((size_t)4096)
#define PAGES ((size_t)64)

static char *memory;
static struct prefault *seen;

static void setup(void)
{
	memory = mmap(
		NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	ck_assert_ptr_ne(seen, MAP_FAILED);
	/* Small pages, or one fault would take all. */
	(void)madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < PAGES; i++)
		memory[i * PAGE] = 1;
}

static void change(size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		((volatile char *)memory)[i * PAGE] = 2;
}

static void in_copy(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void rehearse(void)
{
	change(3, 4);
	change(20, 1);
	prefault_record(seen);
}

static bool is_known(size_t page)
{
	uintptr_t at = (uintptr_t)memory + page * PAGE;

	for (size_t i = 0; i < seen->n; i++)
		if (seen->ranges[i].kind == PREFAULT_CHANGED && at >= seen->ranges[i].start &&
			at < seen->ranges[i].start + seen->ranges[i].pages * PAGE)
			return true;
	return false;
}

START_TEST(what_a_copy_changed_is_known)
{
	setup();
	in_copy(rehearse);
	ck_assert_uint_le(seen->n, PREFAULT_RANGES_MAX);
	for (size_t i = 0; i < PAGES; i++)
		ck_assert_msg(is_known(i) == ((i >= 3 && i < 7) || i == 20), "page %zu", i);
}
END_TEST

static long faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

static void apply_and_change(void)
{
	long before;

	(void)faults();
	prefault_apply(seen);
	before = faults();
	change(3, 4);
	change(20, 1);
	if (faults() != before)
		_exit(1);
	change(40, 1);
	if (faults() == before)
		_exit(2);
}

START_TEST(no_fault_is_left)
{
	setup();
	in_copy(rehearse);
	in_copy(apply_and_change);
}
END_TEST

static void read_some(void)
{
	for (size_t i = 8; i < 24; i++)
		(void)((volatile const char *)memory)[i * PAGE];
}

static void rehearse_reading(void)
{
	read_some();
	prefault_record(seen);
}

static void read_again(void)
{
	long before;

	(void)faults();
	before = faults();
	read_some();
	if (faults() != before)
		_exit(1);
}

START_TEST(what_is_read_is_there_in_copies)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)(PAGES * PAGE)), 0);
	setup();
	/* Of a file, and not to be written to, as code. */
	ck_assert_ptr_eq(
		mmap(memory, PAGES * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0), memory);
	in_copy(rehearse_reading);
	prefault_share(seen);
	in_copy(read_again);
	close(fd);
}
END_TEST

START_TEST(what_is_gone_is_skipped)
{
	setup();
	in_copy(rehearse);
	ck_assert_int_eq(munmap(memory + 3 * PAGE, 2 * PAGE), 0);
	prefault_apply(seen);
	ck_assert_int_eq(memory[5 * PAGE], 1);
	ck_assert_int_eq(memory[20 * PAGE], 1);
}
END_TEST

UNIT_MAIN("aworker_prefault", what_a_copy_changed_is_known, no_fault_is_left,
	what_is_read_is_there_in_copies, what_is_gone_is_skipped)
