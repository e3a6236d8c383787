/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image_build.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/clock.h"
#include "aworker/container.h"
#include "aworker/image_rehearse.h"
#include "aworker/worker.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/image.h"
#include "seed/image_write.h"

#ifdef __x86_64__

/* Of glibc since 2.35; others register none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* What the kernel wants to see of struct rseq, as glibc registers it. */
#define RSEQ_LEN 32

/*
 * Notes where its caller stands. Returns 0, and a second time, in a process that was
 * started from the image, the address of that process's command line.
 */
uintptr_t image_point(struct user_regs_struct *regs) __attribute__((returns_twice));

/* Offsets in struct user_regs_struct. What a function may change is not kept. */
__asm__(".text\n"
	".globl image_point\n"
	".type image_point, @function\n"
	"image_point:\n"
	"	mov %r15, 0(%rdi)\n"
	"	mov %r14, 8(%rdi)\n"
	"	mov %r13, 16(%rdi)\n"
	"	mov %r12, 24(%rdi)\n"
	"	mov %rbp, 32(%rdi)\n"
	"	mov %rbx, 40(%rdi)\n"
	"	mov (%rsp), %rax\n"
	"	mov %rax, 128(%rdi)\n"
	"	lea 8(%rsp), %rax\n"
	"	mov %rax, 152(%rdi)\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	".size image_point, . - image_point\n");

static_assert(offsetof(struct user_regs_struct, rbx) == 40, "image_point()");
static_assert(offsetof(struct user_regs_struct, rip) == 128, "image_point()");
static_assert(offsetof(struct user_regs_struct, rsp) == 152, "image_point()");

static int describe_thread(struct image_process *p, struct err *err)
{
	void *robust, *tid;
	size_t robust_len;

	if (syscall(SYS_arch_prctl, ARCH_GET_FS, &p->thread_pointer) < 0)
		return err_set(err, errno, "ARCH_GET_FS");
	if (prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_GET_TID_ADDRESS");
	if (syscall(SYS_get_robust_list, 0, &robust, &robust_len) < 0)
		return err_set(err, errno, "get_robust_list");
	p->tid_address = (uintptr_t)tid;
	p->robust_head = (uintptr_t)robust;
	p->robust_len = robust_len;
	if (&__rseq_size && __rseq_size > 0) {
		p->rseq = p->thread_pointer + (uint64_t)__rseq_offset;
		p->rseq_len = RSEQ_LEN;
	}
	return 0;
}

static int describe(struct image_process *p, struct err *err)
{
	struct utsname u;

	p->version = IMAGE_VERSION;
	image_read_cpu(p->cpu);
	if (uname(&u) < 0)
		return err_set(err, errno, "uname");
	snprintf(p->kernel, sizeof(p->kernel), "%s %s", u.release, u.version);
	return describe_thread(p, err);
}

/* A copy whose memory is what ours was at the fork point, and stays so. */
static pid_t make_still(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		pause();
}

static int write_still(int fd, const struct user_regs_struct *regs,
	const struct image_process *process, uint64_t *ret_touched, struct err *err)
{
	pid_t pid = make_still();
	int r;

	if (pid < 0)
		return err_set(err, errno, "copy the process");
	r = image_write(fd, pid, regs, process, ret_touched, err);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int make_file(const char *path, const struct user_regs_struct *regs,
	const struct image_process *process, struct err *err)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t touched;
	int r;

	if (asprintf(&tmp, "%s.%d", path, (int)getpid()) < 0) {
		tmp = NULL;
		return err_oom(err);
	}
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
	if (fd < 0)
		return err_set(err, errno, "make '%s'", tmp);
	r = write_still(fd, regs, process, &touched, err);
	if (r == 0)
		r = image_rehearse(tmp, fd, touched, err);
	if (r == 0 && (fsync(fd) < 0 || rename(tmp, path) < 0))
		r = err_set(err, errno, "write");
	if (r < 0)
		(void)unlink(tmp);
	return r;
}

static _Noreturn void resume(struct worker *w, const char *const *argv,
	int (*resumed)(struct worker *w, const char *const *argv))
{
	const char *rest = argv[1] ? str_after(argv[1], IMAGE_OPTION_REHEARSE) : NULL;
	size_t argc = 0;
	int code;

	while (argv[argc])
		argc++;
	clock_use_vdso_of(argv + argc + 1);
	if (rest)
		_exit(image_run_rehearsal(w, rest));
	environ = (char **)argv + argc + 1;
	code = resumed(w, argv);
	worker_close(w);
	/* Nobody looks at the memory of a process that ends. */
	_exit(code);
}

int image_build(const char *path, const char *v8_options, void *stack_low,
	int (*resumed)(struct worker *w, const char *const *argv), struct err *err)
{
	static struct user_regs_struct regs;
	static struct image_process process;
	static struct worker w;
	uintptr_t argv;

#ifdef __SANITIZE_ADDRESS__
	return err_say(err, ENOTSUP, "the address sanitizer reserves all memory");
#endif
	w = (struct worker){.stack_low = stack_low, .options = {.v8_options = v8_options}};
	if (worker_create(&w, err) < 0 || container_warm_up(&w, err) < 0 ||
		describe(&process, err) < 0)
		return -err->code;
	argv = image_point(&regs);
	if (argv)
		resume(&w, (const char *const *)argv, resumed);
	regs.fs_base = process.thread_pointer;
	return make_file(path, &regs, &process, err);
}

#else

int image_build(const char *path, const char *v8_options, void *stack_low,
	int (*resumed)(struct worker *w, const char *const *argv), struct err *err)
{
	(void)path;
	(void)v8_options;
	(void)stack_low;
	(void)resumed;
	return err_say(err, ENOTSUP, "images of this machine's processors are unknown");
}

#endif

bool image_can_build(void)
{
	return getauxval(AT_SYSINFO_EHDR) == 0;
}
