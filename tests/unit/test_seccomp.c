/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles from JSON, installed in children; what the kernel then does is the result. */
#include "runtime/box/seccomp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "tests/unit/bpf.h"
#include "tests/unit/unit.h"

static struct buf warnings;

static int compile(const char *json, struct seccomp_program *ret, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text,
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
		"\"linux\":{\"seccomp\":%s}}",
		json);
	ck_assert_msg(oci_config_parse(text.data, text.len, &config, err) == 0, "%s", err->msg);
	buf_finish(&warnings);
	return seccomp_compile(config->linux_->seccomp, ret, &warnings, err);
}

static int install(const struct seccomp_program *p)
{
	const struct sock_fprog prog = {.len = p->len, .filter = p->insns};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->flags, &prog);
}

#define NOT_LOADED 251
#define SURVIVED   42

/* The status of a child that runs `body` under the profile. */
static int run(const char *json, int (*body)(void))
{
	_cleanup_seccomp_ struct seccomp_program p = {0};
	struct err err = ERR_INIT;
	int status;
	pid_t pid;

	ck_assert_msg(compile(json, &p, &err) == 0, "%s", err.msg);
	ck_assert_uint_gt(p.len, 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		syscall(SYS_exit_group, install(&p) < 0 ? NOT_LOADED : body());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int errno_of_getcwd(void)
{
	char path[4096];

	return syscall(SYS_getcwd, path, sizeof(path)) < 0 ? errno : 0;
}

static void expect_exit(const char *json, int (*body)(void), int code)
{
	int status = run(json, body);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
		"%s: status %#x instead of exit code %d", json, (unsigned)status, code);
}

static void expect_signal(const char *json, int (*body)(void), int sig)
{
	int status = run(json, body);

	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == sig,
		"%s: status %#x instead of signal %d", json, (unsigned)status, sig);
}

#define RULE(action)	  "{\"names\":[\"getcwd\"],\"action\":\"" action "\"}"
#define ALLOW_BUT(action) "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE(action) "]}"

START_TEST(actions_act)
{
	expect_exit(ALLOW_BUT("SCMP_ACT_ALLOW"), errno_of_getcwd, 0);
	expect_exit(ALLOW_BUT("SCMP_ACT_ERRNO"), errno_of_getcwd, EPERM);
	expect_exit(ALLOW_BUT("SCMP_ACT_LOG"), errno_of_getcwd, 0);
	expect_exit(ALLOW_BUT("SCMP_ACT_TRACE"), errno_of_getcwd, ENOSYS);
	expect_signal(ALLOW_BUT("SCMP_ACT_KILL"), errno_of_getcwd, SIGSYS);
	expect_signal(ALLOW_BUT("SCMP_ACT_KILL_THREAD"), errno_of_getcwd, SIGSYS);
	expect_signal(ALLOW_BUT("SCMP_ACT_KILL_PROCESS"), errno_of_getcwd, SIGSYS);
	expect_signal(ALLOW_BUT("SCMP_ACT_TRAP"), errno_of_getcwd, SIGSYS);
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", errno_of_getcwd, 0);
}
END_TEST

START_TEST(errno_is_the_one_asked_for)
{
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getcwd\"],"
		    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99}]}",
		errno_of_getcwd, 99);
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":77,\"syscalls\":["
		    "{\"names\":[\"exit_group\",\"statx\",\"futex_waitv\"],\"action\":\"SCMP_ACT_"
		    "ALLOW\"}]}",
		errno_of_getcwd, 77);
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
		    "{\"names\":[\"exit_group\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		errno_of_getcwd, EPERM);
}
END_TEST

START_TEST(unknown_calls_are_left_out)
{
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":["
		    "\"no_such_call\",\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
		errno_of_getcwd, EPERM);
}
END_TEST

/* Bit N: personality(query[N]) was refused. */
static const unsigned long probes[] = {0, 5, 8, 20, 0xffffffff, 0x80008};

static int refused_personalities(void)
{
	int bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (syscall(SYS_personality, probes[i]) < 0 && errno == 99)
			bits |= 1 << i;
	return bits;
}

static void expect_refused(const char *args, int bits)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json,
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":["
		"\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99,"
		"\"args\":[%s]}]}",
		args);
	expect_exit(json.data, refused_personalities, bits);
}

START_TEST(operators_compare)
{
	expect_refused("{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}", 1 << 2);
	expect_refused("{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_NE\"}", 0x3b);
	expect_refused("{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_LT\"}", 0x03);
	expect_refused("{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_LE\"}", 0x07);
	expect_refused("{\"index\":0,\"value\":20,\"op\":\"SCMP_CMP_GE\"}", 0x38);
	expect_refused("{\"index\":0,\"value\":20,\"op\":\"SCMP_CMP_GT\"}", 0x30);
	expect_refused("{\"index\":0,\"value\":255,\"valueTwo\":8,\"op\":\"SCMP_CMP_MASKED_EQ\"}",
		1 << 2 | 1 << 5);
}
END_TEST

START_TEST(two_conditions_on_one_argument_are_alternatives)
{
	expect_refused("{\"index\":0,\"value\":5,\"op\":\"SCMP_CMP_EQ\"},"
		       "{\"index\":0,\"value\":20,\"op\":\"SCMP_CMP_EQ\"}",
		1 << 1 | 1 << 3);
}
END_TEST

static int errno_of_future_call(void)
{
	return syscall(5000) < 0 ? errno : 0;
}

static int errno_of_x32_call(void)
{
	return syscall(0x40000000 | 5000) < 0 ? errno : 0;
}

#define REFUSE(action, archs)                                                                  \
	"{\"defaultAction\":\"" action "\"," archs "\"syscalls\":[{\"names\":[\"exit_group\"," \
	"\"close_range\"],\"action\":\"SCMP_ACT_ALLOW\"}]}"
#define X86_ALL "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],"

START_TEST(calls_newer_than_the_profile_do_not_exist)
{
	expect_exit(REFUSE("SCMP_ACT_ERRNO", ""), errno_of_future_call, ENOSYS);
	expect_exit(REFUSE("SCMP_ACT_KILL_PROCESS", ""), errno_of_future_call, ENOSYS);
	expect_exit(REFUSE("SCMP_ACT_TRAP", ""), errno_of_future_call, ENOSYS);
	expect_exit(REFUSE("SCMP_ACT_ERRNO", ""), errno_of_getcwd, EPERM);
	expect_signal(REFUSE("SCMP_ACT_KILL_PROCESS", ""), errno_of_getcwd, SIGSYS);
#ifdef __x86_64__
	expect_exit(REFUSE("SCMP_ACT_ERRNO", X86_ALL), errno_of_future_call, ENOSYS);
	expect_exit(REFUSE("SCMP_ACT_ERRNO", X86_ALL), errno_of_getcwd, EPERM);
	expect_exit(REFUSE("SCMP_ACT_KILL_PROCESS", X86_ALL), errno_of_x32_call, ENOSYS);
	expect_signal(REFUSE("SCMP_ACT_KILL_PROCESS", X86_ALL), errno_of_getcwd, SIGSYS);
#endif
	/* These already let a program fall back, or do not refuse. */
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":[{"
		    "\"names\":[\"exit_group\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
		errno_of_getcwd, ENOSYS);
}
END_TEST

#ifdef __x86_64__
/* getcwd (183) by i386's door. */
static int errno_of_getcwd_i386(void)
{
	long r = 183;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(0), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)-r;
}

/* False where the kernel was built without that door. */
static bool has_i386(void)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		errno_of_getcwd_i386();
		_exit(SURVIVED);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED;
}

START_TEST(other_architectures_are_covered_or_shut)
{
	if (!has_i386())
		return;
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\"," X86_ALL
		    "\"syscalls\":[{\"names\":[\"getcwd\"],\"action\":\"SCMP_ACT_ERRNO\","
		    "\"errnoRet\":99}]}",
		errno_of_getcwd_i386, 99);
	expect_signal(ALLOW_BUT("SCMP_ACT_ERRNO"), errno_of_getcwd_i386, SIGSYS);
}
END_TEST

START_TEST(architectures_of_other_hosts_are_a_warning)
{
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":["
		    "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_S390X\"],\"syscalls\":[" RULE(
			    "SCMP_ACT_ERRNO") "]}",
		errno_of_getcwd, EPERM);
	ck_assert_str_eq(warnings.data, "linux.seccomp.architectures: SCMP_ARCH_S390X does not go "
					"with this host, ignoring\n");
}
END_TEST
#endif

#ifdef __x86_64__
/* What the kernel would do with a call, of architectures too that this host cannot run. */
static uint32_t interpret(const struct seccomp_program *p, uint32_t arch, uint32_t nr)
{
	return bpf_run(p->insns, p->len, &(struct seccomp_data){.nr = (int)nr, .arch = arch});
}

#define ARCH_OF_NOBODY 0x1234u
#define NO_SUCH	       (SECCOMP_RET_ERRNO | ENOSYS)
#define REFUSED	       (SECCOMP_RET_ERRNO | EPERM)

START_TEST(the_architecture_chooses_its_part)
{
	static const struct {
		uint32_t arch, nr, expected;
	} cases[] = {
		{SCMP_ARCH_X86_64, 79, REFUSED},	      /* getcwd */
		{SCMP_ARCH_X86_64, 231, SECCOMP_RET_ALLOW},   /* exit_group */
		{SCMP_ARCH_X86_64, 5000, NO_SUCH},	      /* nothing yet */
		{SCMP_ARCH_X86_64, 0x40000000 | 79, REFUSED}, /* the same of x32 */
		{SCMP_ARCH_X86_64, 0x40000000 | 231, SECCOMP_RET_ALLOW},
		{SCMP_ARCH_X86_64, 0x40000000 | 5000, NO_SUCH},
		{SCMP_ARCH_X86, 183, REFUSED},
		{SCMP_ARCH_X86, 252, SECCOMP_RET_ALLOW},
		{SCMP_ARCH_X86, 5000, NO_SUCH},
		{ARCH_OF_NOBODY, 231, SECCOMP_RET_KILL_THREAD},
	};
	_cleanup_seccomp_ struct seccomp_program p = {0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(compile(REFUSE("SCMP_ACT_ERRNO", X86_ALL), &p, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(interpret(&p, cases[i].arch, cases[i].nr) == cases[i].expected,
			"case %zu", i);
}
END_TEST

#endif

/* Every call that this libseccomp knows, but for those that `deny` says. */
static void big_profile(struct buf *json, const char *deny)
{
	const char *comma = "";

	buf_puts(json, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":["
		       "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"syscalls\":[{"
		       "\"names\":[");
	for (int nr = 0; nr < 460; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

		if (name && !streq(name, deny)) {
			buf_printf(json, "%s\"%s\"", comma, name);
			comma = ",";
		}
		free(name);
	}
	buf_puts(json, "],\"action\":\"SCMP_ACT_ALLOW\"}]}");
}

static int calls_of_a_program(void)
{
	char path[4096];

	if (syscall(SYS_getpid) != getpid() || syscall(SYS_getuid) < 0 ||
		syscall(SYS_getcwd, path, sizeof(path)) < 0)
		return 1;
	return syscall(SYS_personality, 0xffffffff) < 0 ? errno : 0;
}

START_TEST(big_profiles_become_trees)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	big_profile(&json, "");
	expect_exit(json.data, calls_of_a_program, 0);
	expect_exit(json.data, errno_of_future_call, ENOSYS);
	buf_finish(&json);
	big_profile(&json, "personality");
	expect_exit(json.data, calls_of_a_program, EPERM);
}
END_TEST

START_TEST(flags_reach_the_caller)
{
	_cleanup_seccomp_ struct seccomp_program p = {0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(compile(ALLOW_BUT("SCMP_ACT_ERRNO"), &p, &err), 0);
	ck_assert_uint_eq(p.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	ck_assert(!p.notifies);
	seccomp_program_finish(&p);
	ck_assert_int_eq(
		compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}", &p, &err), 0);
	ck_assert_uint_eq(p.flags, 0);
	seccomp_program_finish(&p);
	ck_assert_int_eq(compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
				 "\"SECCOMP_FILTER_FLAG_LOG\","
				 "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}",
				 &p, &err),
		0);
	ck_assert_uint_eq(p.flags, SECCOMP_FILTER_FLAG_LOG);
	seccomp_program_finish(&p);
	ck_assert_int_eq(
		compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":["
			"\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_LOG\"],"
			"\"listenerPath\":\"/x\",\"syscalls\":[" RULE("SCMP_ACT_NOTIFY") "]}",
			&p, &err),
		0);
	ck_assert_uint_eq(p.flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_NEW_LISTENER);
	ck_assert(p.notifies);
}
END_TEST

START_TEST(no_profile_is_no_program)
{
	struct seccomp_program p = {.len = 7};
	struct err err = ERR_INIT;

	ck_assert_int_eq(seccomp_compile(NULL, &p, &warnings, &err), 0);
	ck_assert_uint_eq(p.len, 0);
	ck_assert_ptr_null(p.insns);
	seccomp_program_finish(&p);
}
END_TEST

#define CACHED "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE("SCMP_ACT_ERRNO") "]}"

/* What comes out of the directory for a profile; the count of files in it afterwards. */
static unsigned compile_cached(const char *dir, const char *json, struct seccomp_program *ret)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct dirent **entries;
	int n;

	buf_printf(&text,
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},"
		"\"linux\":{\"seccomp\":%s}}",
		json);
	ck_assert_int_eq(oci_config_parse(text.data, text.len, &config, &err), 0);
	buf_finish(&warnings);
	ck_assert_msg(
		seccomp_compile_cached(dir, config->linux_->seccomp, ret, &warnings, &err) == 0,
		"%s", err.msg);
	n = scandir(dir, &entries, NULL, NULL);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
	return n < 2 ? 0 : (unsigned)n - 2;
}

static void remove_files(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, NULL, NULL);
	char path[512];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			ck_assert_int_eq(unlink(path), 0);
		free(entries[i]);
	}
	free(entries);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(a_program_is_kept_and_found_again)
{
	_cleanup_seccomp_ struct seccomp_program first = {0};
	_cleanup_seccomp_ struct seccomp_program again = {0};
	_cleanup_seccomp_ struct seccomp_program other = {0};
	char parent[] = "/tmp/test-seccomp-XXXXXX";
	char dir[64];
	char path[512];
	struct dirent **entries;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(parent));
	snprintf(dir, sizeof(dir), "%s/d", parent);
	ck_assert_uint_eq(compile_cached(dir, CACHED, &first), 1);
	ck_assert_int_eq(scandir(dir, &entries, NULL, alphasort), 3);
	snprintf(path, sizeof(path), "%s/%s", dir, entries[2]->d_name);
	for (int i = 0; i < 3; i++)
		free(entries[i]);
	free(entries);
	/* Its last instruction is another one now: what comes back must come from the file. */
	fd = open(path, O_RDWR);
	ck_assert_int_eq(pwrite(fd, &(struct sock_filter){.code = BPF_RET, .k = 0x12345},
				 sizeof(struct sock_filter),
				 lseek(fd, 0, SEEK_END) - (off_t)sizeof(struct sock_filter)),
		sizeof(struct sock_filter));
	close(fd);
	ck_assert_uint_eq(compile_cached(dir, CACHED, &again), 1);
	ck_assert_uint_eq(again.len, first.len);
	ck_assert_uint_eq(again.flags, first.flags);
	ck_assert_uint_eq(again.insns[again.len - 1].k, 0x12345);
	/* Another profile has a file of its own. */
	ck_assert_uint_eq(compile_cached(dir, "{\"defaultAction\":\"SCMP_ACT_LOG\"}", &other), 2);
	remove_files(dir);
	ck_assert_int_eq(rmdir(parent), 0);
}
END_TEST

/* Truncated, of another key, writable by others, a link: the profile is compiled. */
START_TEST(a_strange_file_is_not_believed)
{
	_cleanup_seccomp_ struct seccomp_program right = {0};
	char dir[] = "/tmp/test-seccomp-XXXXXX";
	_cleanup_free_ char *good = NULL;
	char path[512];
	struct err err = ERR_INIT;
	struct dirent **entries;
	size_t good_len;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_uint_eq(compile_cached(dir, CACHED, &right), 1);
	ck_assert_int_eq(scandir(dir, &entries, NULL, alphasort), 3);
	snprintf(path, sizeof(path), "%s/%s", dir, entries[2]->d_name);
	for (int i = 0; i < 3; i++)
		free(entries[i]);
	free(entries);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 20, &good, &good_len, &err), 0);
	for (int damage = 0; damage < 4; damage++) {
		_cleanup_seccomp_ struct seccomp_program p = {0};
		_cleanup_free_ char *text = NULL;
		size_t len;
		int fd = open(path, O_RDWR);
		off_t end = lseek(fd, 0, SEEK_END);

		/* Were the file used, this is what would come out of it. */
		ck_assert_int_eq(pwrite(fd, "\xff\xff\xff\xff", 4, end - 4), 4);
		if (damage == 0)
			ck_assert_int_eq(ftruncate(fd, end - 4), 0);
		if (damage == 1)
			ck_assert_int_eq(pwrite(fd, "x", 1, 24), 1);
		if (damage == 2)
			ck_assert_int_eq(fchmod(fd, 0666), 0);
		if (damage == 3)
			ck_assert_int_eq(chmod(dir, 0777), 0);
		close(fd);
		ck_assert_uint_eq(compile_cached(dir, CACHED, &p), 1);
		ck_assert_uint_eq(p.len, right.len);
		ck_assert_int_eq(memcmp(p.insns, right.insns, p.len * sizeof(*p.insns)), 0);
		/* In its place there is a good one now, where files can be kept at all. */
		ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 20, &text, &len, &err), 0);
		ck_assert(len == good_len && (memcmp(text, good, len) == 0) == (damage < 3));
	}
	remove_files(dir);
}
END_TEST

START_TEST(programs_make_room_for_new_ones)
{
	char dir[] = "/tmp/test-seccomp-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (unsigned i = 1; i <= 70; i++) {
		_cleanup_seccomp_ struct seccomp_program p = {0};
		char json[96];

		snprintf(json, sizeof(json),
			"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":%u}", i);
		ck_assert_uint_eq(compile_cached(dir, json, &p), i < 64 ? i : 64);
	}
	remove_files(dir);
}
END_TEST

START_TEST(the_first_of_two_rules_wins)
{
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE(
			    "SCMP_ACT_ERRNO") "," RULE("SCMP_ACT_LOG") "]}",
		errno_of_getcwd, EPERM);
	expect_exit("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[" RULE(
			    "SCMP_ACT_LOG") "," RULE("SCMP_ACT_ERRNO") "]}",
		errno_of_getcwd, 0);
}
END_TEST

#ifdef __x86_64__
#define ONLY_X86                                                                    \
	the_architecture_chooses_its_part, other_architectures_are_covered_or_shut, \
		architectures_of_other_hosts_are_a_warning,
#else
#define ONLY_X86
#endif

UNIT_MAIN("seccomp", actions_act, errno_is_the_one_asked_for, unknown_calls_are_left_out,
	operators_compare, two_conditions_on_one_argument_are_alternatives,
	calls_newer_than_the_profile_do_not_exist, ONLY_X86 big_profiles_become_trees,
	flags_reach_the_caller, no_profile_is_no_program, a_program_is_kept_and_found_again,
	a_strange_file_is_not_believed, programs_make_room_for_new_ones,
	the_first_of_two_rules_wins)
