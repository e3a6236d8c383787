/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel tells each program where it put the vdso, and libc keeps pointers into it.
 * In a process that is started from an image it lies elsewhere. So the one that an image
 * is made of is not told: its auxiliary vector is changed when it has been executed and
 * before it runs.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/image/image_build.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#ifdef __x86_64__

/* Of an image every process that is started from it can read. */
static char *const environment[] = {"PATH=/usr/bin:/bin", NULL};

static _Noreturn void child_exec(char *const *argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		execve("/proc/self/exe", argv, environment);
	_exit(127);
}

static int read_word(int memory, uint64_t at, uint64_t *ret, struct err *err)
{
	ssize_t n = pread(memory, ret, sizeof(*ret), (off_t)at);

	return n == sizeof(*ret) ? 0 : err_set(err, n < 0 ? errno : EIO, "read a stack");
}

/* Behind the NULL of the list at `at`. */
static int skip_list(int memory, uint64_t *at, struct err *err)
{
	uint64_t word = 1;

	while (word != 0) {
		if (read_word(memory, *at, &word, err) < 0)
			return -err->code;
		*at += sizeof(word);
	}
	return 0;
}

static int hide(int memory, uint64_t stack, struct err *err)
{
	const uint64_t ignore = AT_IGNORE;
	uint64_t at = stack + sizeof(uint64_t), type;

	if (skip_list(memory, &at, err) < 0 || skip_list(memory, &at, err) < 0)
		return -err->code;
	for (;; at += 2 * sizeof(uint64_t)) {
		if (read_word(memory, at, &type, err) < 0)
			return -err->code;
		if (type == AT_NULL)
			return 0;
		if (type == AT_SYSINFO_EHDR &&
			pwrite(memory, &ignore, sizeof(ignore), (off_t)at) != sizeof(ignore))
			return err_set(err, errno, "change a stack");
	}
}

static int hide_vdso(pid_t pid, struct err *err)
{
	struct user_regs_struct regs;
	_cleanup_close_ int memory = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	memory = open(path, O_RDWR | O_CLOEXEC);
	if (memory < 0)
		return err_set(err, errno, "open '%s'", path);
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
		return err_set(err, errno, "PTRACE_GETREGS");
	return hide(memory, regs.rsp, err);
}

static int await(pid_t pid, int *ret_status, struct err *err)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "waitpid");
	return 0;
}

int image_without_vdso(char *const *argv, int *ret_code, struct err *err)
{
	pid_t pid = fork();
	int status, r;

	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_exec(argv);
	r = await(pid, &status, err);
	/* Stopped by its execve. */
	if (r == 0 && WIFSTOPPED(status)) {
		r = hide_vdso(pid, err);
		if (r == 0 && ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0)
			r = err_set(err, errno, "PTRACE_DETACH");
		if (r < 0)
			(void)ptrace(PTRACE_KILL, pid, NULL, NULL);
		if (await(pid, &status, r < 0 ? &(struct err)ERR_INIT : err) < 0 && r == 0)
			r = -err->code;
	}
	if (r < 0)
		return r;
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return 0;
}

#else

int image_without_vdso(char *const *argv, int *ret_code, struct err *err)
{
	(void)argv;
	(void)ret_code;
	return err_say(err, ENOTSUP, "images of this machine's processors are unknown");
}

#endif
