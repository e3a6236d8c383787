/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker may ask of the kernel: files, memory, time, sockets, its loop. Nothing that makes processes,
 * namespaces, mounts or keys, looks into others, or is new. A thread is allowed, for the CPU profiler.
 */
#include "seed/noslated/control/worker_seccomp.h"

#include <linux/sched.h>

#include "oci-spec/config.h"
#include "runtime/base/util.h"

static const char *const allowed[] = {"accept", "accept4", "access", "arch_prctl", "bind", "brk",
	"cachestat", "chdir", "clock_getres", "clock_gettime", "clock_nanosleep", "close",
	"close_range", "connect", "copy_file_range", "dup", "dup2", "dup3", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
	"eventfd2", "exit", "exit_group", "faccessat", "faccessat2", "fadvise64", "fallocate",
	"fchdir", "fchmod", "fcntl", "fdatasync", "flock", "fstat", "fstatfs", "fsync", "ftruncate",
	"futex", "futex_waitv", "getcpu", "getcwd", "getdents", "getdents64", "getegid", "geteuid",
	"getgid", "getgroups", "getitimer", "getpeername", "getpgid", "getpgrp", "getpid",
	"getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage",
	"getsid", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid",
	"inotify_add_watch", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy",
	"io_getevents", "io_pgetevents", "io_setup", "io_submit", "ioctl", "kill", "link", "linkat",
	"listen", "lseek", "lstat", "madvise", "membarrier", "memfd_create", "mincore", "mkdir",
	"mkdirat", "mlock", "mlock2", "mmap", "mprotect", "mremap", "msync", "munlock", "munmap",
	"nanosleep", "newfstatat", "open", "openat", "openat2", "pause", "pipe", "pipe2", "poll",
	"ppoll", "prctl", "pread64", "preadv", "preadv2", "prlimit64", "pselect6", "pwrite64",
	"pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "recvfrom",
	"recvmmsg", "recvmsg", "rename", "renameat", "renameat2", "restart_syscall", "rmdir",
	"rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
	"rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "select", "sendfile", "sendmmsg", "sendmsg", "sendto",
	"set_robust_list", "set_tid_address", "setitimer", "setsockopt", "shutdown", "sigaltstack",
	"signalfd", "signalfd4", "socketpair", "splice", "stat", "statfs", "statx", "symlink",
	"symlinkat", "sysinfo", "tee", "tgkill", "time", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime",
	"timerfd_settime", "times", "truncate", "umask", "uname", "unlink", "unlinkat", "utimensat",
	"wait4", "waitid", "write", "writev", NULL};

static const char *const socket_names[] = {"socket", NULL};
static const char *const clone_names[] = {"clone", NULL};
static const char *const clone3_names[] = {"clone3", NULL};

/* AF_UNIX, AF_INET, AF_INET6. */
static const struct oci_seccomp_arg unix_family = {.index = 0, .value = 1, .op = OCI_SECCOMP_EQ};
static const struct oci_seccomp_arg inet_family = {.index = 0, .value = 2, .op = OCI_SECCOMP_EQ};
static const struct oci_seccomp_arg inet6_family = {.index = 0, .value = 10, .op = OCI_SECCOMP_EQ};
static const struct oci_seccomp_arg thread = {
	.index = 0, .value = CLONE_THREAD, .value_two = CLONE_THREAD, .op = OCI_SECCOMP_MASKED_EQ};

#define ALLOW OCI_SECCOMP_ALLOW
static const struct oci_seccomp_rule rules[] = {
	{.names = allowed, .action = ALLOW},
	{.names = socket_names, .action = ALLOW, .args = &unix_family, .n_args = 1},
	{.names = socket_names, .action = ALLOW, .args = &inet_family, .n_args = 1},
	{.names = socket_names, .action = ALLOW, .args = &inet6_family, .n_args = 1},
	{.names = clone_names, .action = ALLOW, .args = &thread, .n_args = 1},
	/* Its flags are in memory: libc then takes clone(). */
	{.names = clone3_names, .action = OCI_SECCOMP_ERRNO, .errno_ret = {true, 38}},
};

const struct oci_seccomp worker_seccomp = {
	.default_action = OCI_SECCOMP_ERRNO, .rules = rules, .n_rules = ARRAY_SIZE(rules)};
