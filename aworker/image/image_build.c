/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image/image_build.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/clock.h"
#include "aworker/container.h"
#include "aworker/image/image_rehearse.h"
#include "aworker/image/rehearse.h"
#include "aworker/worker.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/image.h"
#include "seed/image_digest.h"
#include "seed/image_write.h"
#include "seed/state.h"

#ifdef __x86_64__

/* Of glibc since 2.35; others register none. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* The linker's. */
extern const char __executable_start[], etext[], edata[];
extern const char data_start[] __attribute__((weak));

/* What the kernel wants to see of struct rseq, as glibc registers it. */
#define RSEQ_LEN 32

/* Less than malloc() maps by itself, and more than a few of it find room for in what it has. */
#define BLOCK	   ((size_t)100 << 10)
#define BLOCKS_MAX 16

/* Of the image that this process is made into, or comes from. */
static struct image_process process;
static bool is_resumed;

const struct image_process *image_origin(void)
{
	return is_resumed ? &process : NULL;
}

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
	p->code_start = (uintptr_t)__executable_start;
	p->code_end = (uintptr_t)etext;
	p->data_end = (uintptr_t)edata;
	p->data_start = data_start ? (uintptr_t)data_start : p->data_end;
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
	if (getrandom(p->id, sizeof(p->id), 0) != sizeof(p->id))
		return err_set(err, errno, "getrandom");
	image_read_cpu(p->cpu);
	if (uname(&u) < 0)
		return err_set(err, errno, "uname");
	snprintf(p->kernel, sizeof(p->kernel), "%s %s", u.release, u.version);
	return describe_thread(p, err);
}

/* Takes blocks until one is not of the heap at the break. False: none was. */
static bool outgrow_break(uintptr_t end)
{
	void *blocks[BLOCKS_MAX];
	bool is_outside = false;
	int n = 0;

	while (n < BLOCKS_MAX && !is_outside) {
		blocks[n] = malloc(BLOCK);
		is_outside = (uintptr_t)blocks[n] > end;
		n++;
	}
	while (n > 0)
		free(blocks[--n]);
	return is_outside;
}

/*
 * Who is started from the image cannot move the break (loader.c). A malloc() whose heap is
 * there would take the kernel's answer for memory that was given back, and be corrupt. So its
 * heap leaves the break, for good: a page stands in the way.
 */
static int leave_break(struct err *err)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t end = ((uintptr_t)sbrk(0) + page - 1) / page * page;

	if (mmap((void *)end, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		    -1, 0) == MAP_FAILED)
		return err_set(err, errno, "stop the heap at the break");
	if (!outgrow_break(end))
		return err_say(err, ENOTSUP, "malloc() does not leave the break");
	return 0;
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

static int write_still(int fd, const struct user_regs_struct *regs, struct err *err)
{
	pid_t pid = make_still();
	int r;

	if (pid < 0)
		return err_set(err, errno, "copy the process");
	r = image_write(fd, pid, regs, &process, err);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int fill(void *regs, int fd, const char *tmp, struct err *err)
{
	if (write_still(fd, regs, err) < 0 || image_rehearse(tmp, err) < 0)
		return -err->code;
	return image_seal(fd, err);
}

static _Noreturn void resume(struct worker *w, const char *const *argv,
	int (*resumed)(struct worker *w, const char *const *argv))
{
	size_t argc = 0;
	int code;

	is_resumed = true;
	while (argv[argc])
		argc++;
	clock_use_vdso_of(argv + argc + 1);
	if (argv[1] && streq(argv[1], IMAGE_OPTION_REHEARSE))
		_exit(rehearse(w) < 0 ? WORKER_EXIT_ERROR : WORKER_EXIT_OK);
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
	static struct worker w;
	uintptr_t argv;

#ifdef __SANITIZE_ADDRESS__
	return err_say(err, ENOTSUP, "the address sanitizer reserves all memory");
#endif
	w = (struct worker){.stack_low = stack_low, .options = {.v8_options = v8_options}};
	if (leave_break(err) < 0 || worker_create(&w, err) < 0 || container_warm_up(&w, err) < 0 ||
		describe(&process, err) < 0)
		return -err->code;
	argv = image_point(&regs);
	if (argv)
		resume(&w, (const char *const *)argv, resumed);
	regs.fs_base = process.thread_pointer;
	return file_fill_atomic(path, fill, &regs, err);
}

#else

const struct image_process *image_origin(void)
{
	return NULL;
}

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
