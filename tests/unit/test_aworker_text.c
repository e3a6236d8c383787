/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/unit/engine_unit.h"

#define SMAPS_MAX ((size_t)8 << 20)

/* KiB of huge pages in mappings that can be executed and belong to no file. */
static unsigned long huge_code_kib(void)
{
	struct err err = ERR_INIT;
	unsigned long sum = 0;
	bool code = false;
	char *text, *line, *save = NULL;
	size_t len;

	ck_assert_int_eq(file_read(AT_FDCWD, "/proc/self/smaps", SMAPS_MAX, &text, &len, &err), 0);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long start, end, kib;
		char perms[8], file[256] = "";

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &start, &end, perms, file) >= 3)
			code = strcmp(perms, "r-xp") == 0 && !*file;
		else if (code && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			sum += kib;
	}
	free(text);
	return sum;
}

static void works(struct engine *e)
{
	run(e, "w.js", "say([3, 1, 2].sort().join())");
	ck_assert_str_eq(seen.said, "1,2,3loaded undefined");
}

START_TEST(code_goes_on_from_huge_pages)
{
	struct engine *e = start();
	struct err err = ERR_INIT;
	int status;
	pid_t pid;

	works(e);
	ck_assert_uint_eq(huge_code_kib(), 0);
	/* The kernel may have none to give; then nothing may have changed. */
	if (text_use_huge_pages(&err) == 0)
		ck_assert_uint_ge(huge_code_kib(), 2048);
	else
		ck_assert_uint_eq(huge_code_kib(), 0);
	works(e);
	engine_fork_prepare(e);
	pid = fork();
	if (pid == 0) {
		if (engine_fork_child(e, &err) < 0)
			_exit(1);
		works(e);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	engine_destroy(e);
}
END_TEST

/* The second time the largest code is a copy already, and is copied once more. */
START_TEST(twice_is_no_harm)
{
	struct engine *e = start();
	struct err err = ERR_INIT;

	(void)text_use_huge_pages(&err);
	(void)text_use_huge_pages(&err);
	works(e);
	engine_destroy(e);
}
END_TEST

UNIT_MAIN("aworker_text", code_goes_on_from_huge_pages, twice_is_no_harm)
