/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/base/util.h"
#include "seed/noslated/code/act.h"
#include "seed/noslated/code/code.h"

/* The sanitizers' runtimes reserve memory without end, and ask the kernel for more than we do. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static int limit(int resource, uint64_t value, struct err *err)
{
	const struct rlimit r = {value, value};

	return setrlimit(resource, &r) < 0 ? err_set(err, errno, "limit itself") : 0;
}

static int limit_all(struct err *err)
{
	if ((!SANITIZED && limit(RLIMIT_AS, CODE_MEMORY_MAX, err) < 0) ||
		limit(RLIMIT_CPU, CODE_PROCESSOR_S, err) < 0 ||
		limit(RLIMIT_FSIZE, CODE_TREE_MAX, err) < 0 ||
		limit(RLIMIT_NOFILE, CODE_FILES_MAX, err) < 0 || limit(RLIMIT_CORE, 0, err) < 0)
		return -err->code;
	/* A file that would be too large is an error like others. */
	signal(SIGXFSZ, SIG_IGN);
	return 0;
}

static int drop_rights(struct err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(CODE_GID, CODE_GID, CODE_GID) < 0 ||
		setresuid(CODE_UID, CODE_UID, CODE_UID) < 0 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "give up rights");
	return 0;
}

int confine(struct err *err)
{
	return limit_all(err) < 0 ? -err->code : drop_rights(err);
}

static int filter_calls(struct err *err)
{
	static const int calls[] = {SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64),
		SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(lseek),
		SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(syncfs), SCMP_SYS(sendfile),
		SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fcntl),
		SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
		SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(access), SCMP_SYS(faccessat),
		SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(mkdir),
		SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
		SCMP_SYS(rename), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
		SCMP_SYS(symlinkat), SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat),
		SCMP_SYS(chdir), SCMP_SYS(fchdir), SCMP_SYS(umask), SCMP_SYS(mmap),
		SCMP_SYS(mremap), SCMP_SYS(munmap), SCMP_SYS(mprotect), SCMP_SYS(madvise),
		SCMP_SYS(brk), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid),
		SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(rt_sigaction),
		SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit),
		SCMP_SYS(exit_group)};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = ctx ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(err, -r, "filter its calls") : 0;
}

int confine_to(int dir, struct err *err)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 || fchdir(dir) < 0 || chroot(".") < 0)
		return err_set(err, errno, "shut itself in");
	if (limit_all(err) < 0 || drop_rights(err) < 0)
		return -err->code;
	return SANITIZED ? 0 : filter_calls(err);
}
