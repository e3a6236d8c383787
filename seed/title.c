/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of processes that were cloned and not executed. The kernel reads command
 * line and environment from four addresses in the process; PR_SET_MM_MAP moves them
 * to a mapping of ours and needs no privilege. It sets all the addresses of a
 * process at once, so those that stay are read beforehand, once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/launch.h"

static struct prctl_mm_map origin; /* all zero: not known */

void seed_process_init(void)
{
	struct prctl_mm_map m = {.exe_fd = (__u32)-1};
	_cleanup_free_ char *text = NULL;
	struct err err;
	size_t len;
	char *p;

	if (file_read(AT_FDCWD, "/proc/self/stat", 4096, &text, &len, &err) < 0)
		return;
	p = strrchr(text, ')'); /* comm may hold anything */
	if (!p)
		return;
	/* Field 3 comes first; the fields wanted are 26-28 and 45-51. */
	if (sscanf(p + 1,
		    " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		    "%*s %*s %*s %*s %llu %llu %llu %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		    "%*s %*s %*s %*s %*s %llu %llu %llu %llu %llu %llu %llu",
		    &m.start_code, &m.end_code, &m.start_stack, &m.start_data, &m.end_data,
		    &m.start_brk, &m.arg_start, &m.arg_end, &m.env_start, &m.env_end) == 10)
		origin = m;
}

static size_t vector_size(const char *const *v)
{
	size_t n = 0;

	for (; *v; v++)
		n += strlen(*v) + 1;
	return n;
}

static char *vector_copy(char *to, const char *const *v)
{
	for (; *v; v++)
		to = stpcpy(to, *v) + 1;
	return to;
}

/* What fits over the original arguments, the rest of them blank. */
static void overwrite_arguments(const char *const *argv)
{
	char *p = (char *)(uintptr_t)origin.arg_start;
	char *end = (char *)(uintptr_t)origin.arg_end;

	if (!p || p == end)
		return;
	memset(p, 0, (size_t)(end - p));
	for (end--; *argv && p < end; argv++) {
		size_t n = strnlen(*argv, (size_t)(end - p));

		memcpy(p, *argv, n);
		p += n + 1;
	}
}

int seed_process_title(
	const char *comm, const char *const *argv, const char *const *envp, struct err *err)
{
	size_t arg_len = vector_size(argv);
	size_t env_len = vector_size(envp);
	struct prctl_mm_map m = origin;
	char *area;
	char *env;

	prctl(PR_SET_NAME, comm, 0, 0, 0);
	area = mmap(NULL, arg_len + env_len + 1, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return err_set(err, errno, "map %zu bytes for the command line", arg_len + env_len);
	env = vector_copy(area, argv);
	vector_copy(env, envp);
	m.arg_start = (uintptr_t)area;
	m.arg_end = m.env_start = (uintptr_t)env;
	m.env_end = m.env_start + env_len;
	m.brk = (__u64)syscall(SYS_brk, 0);
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m), 0) < 0) {
		munmap(area, arg_len + env_len + 1);
		overwrite_arguments(argv);
	}
	return 0;
}
