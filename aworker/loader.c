/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aworker-loader IMAGE PROGRAM [ARG]...
 *
 * Starts a worker from a base image (image.h): maps it, tells the kernel of its thread,
 * and jumps. Static and without libc, so that nothing stands between execve and that. Where
 * the image is of no use (none there, of another host, of an older program), it executes
 * PROGRAM with the same arguments, which comes to the same, later.
 *
 * Linked to an address where no image lies: only programs that are not position independent
 * are that low.
 */
#include <asm/prctl.h>
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/utsname.h>

#include "aworker/image.h"
#include "runtime/base/elfcore.h"

/* <linux/rseq.h> leaves it to each architecture; glibc's for this one. */
#define RSEQ_SIGNATURE 0x53053053

/* As aworker ends for a wrong command line, and without an engine. */
#define EXIT_USAGE	2
#define EXIT_NO_PROGRAM 5

/* --- without libc --- */

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);
size_t strlen(const char *s);

void *memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)to)[i] = (char)c;
	return to;
}

size_t strlen(const char *s)
{
	const volatile char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

static long call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

#define CALL(nr, a, b, c, d, e, f) \
	call6(SYS_##nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static void say(const char *a, const char *b)
{
	CALL(write, 2, a, strlen(a), 0, 0, 0);
	CALL(write, 2, b, strlen(b), 0, 0, 0);
	CALL(write, 2, "\n", 1, 0, 0, 0);
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* --- is it of use? --- */

static unsigned char head[IMAGE_HEAD_MAX];

static bool is_ours(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (CALL(fstat, fd, &st, 0, 0, 0, 0) < 0 || !S_ISREG(st.st_mode))
		return false;
	*ret_size = (uint64_t)st.st_size;
	/* Whoever can write to it runs code here: root, or the user who is here anyway. */
	return !(st.st_mode & (S_IWGRP | S_IWOTH)) &&
	       (st.st_uid == 0 || st.st_uid == (uid_t)CALL(geteuid, 0, 0, 0, 0, 0, 0));
}

static bool is_of_this_host(const struct image_process *p)
{
	struct utsname u;
	uint32_t cpu[7];
	size_t at = 0;

	if (p->version != IMAGE_VERSION || CALL(uname, &u, 0, 0, 0, 0, 0) < 0)
		return false;
	/* "release version" */
	for (; u.release[at]; at++)
		if (p->kernel[at] != u.release[at])
			return false;
	if (p->kernel[at] != ' ' || p->kernel[IMAGE_KERNEL_MAX - 1] ||
		!same(p->kernel + at + 1, u.version))
		return false;
	image_read_cpu(cpu);
	for (int i = 0; i < 7; i++)
		if (cpu[i] != p->cpu[i])
			return false;
	return true;
}

static bool are_unchanged(const struct elfcore_note *note)
{
	const size_t n = note->len / sizeof(struct image_source);

	for (size_t i = 0; i < n; i++) {
		struct image_source s;
		struct stat st;

		__builtin_memcpy(&s, (const char *)note->data + i * sizeof(s), sizeof(s));
		s.path[IMAGE_PATH_MAX - 1] = '\0';
		if (CALL(stat, s.path, &st, 0, 0, 0, 0) < 0 || st.st_ino != s.inode ||
			(uint64_t)st.st_size != s.size ||
			(uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec !=
				s.mtime_ns)
			return false;
	}
	return n > 0;
}

struct image {
	int fd;
	uint64_t size;
	struct elfcore core;
	struct elf_prstatus status;
	struct image_process process;
};

static bool take_note(
	const struct elfcore *core, const char *name, uint32_t type, void *to, size_t len)
{
	struct elfcore_note note;

	if (!elfcore_find_note(core, name, type, &note) || note.len != len)
		return false;
	memcpy(to, note.data, len);
	return true;
}

static bool open_image(struct image *im, const char *path)
{
	struct elfcore_note sources;
	long n;

	im->fd = (int)CALL(open, path, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
	if (im->fd < 0 || !is_ours(im->fd, &im->size))
		return false;
	n = CALL(read, im->fd, head, sizeof(head), 0, 0, 0);
	return n > 0 && !elfcore_open(&im->core, head, (size_t)n) &&
	       take_note(&im->core, "CORE", NT_PRSTATUS, &im->status, sizeof(im->status)) &&
	       take_note(&im->core, IMAGE_NOTE, IMAGE_NOTE_PROCESS, &im->process,
		       sizeof(im->process)) &&
	       is_of_this_host(&im->process) &&
	       elfcore_find_note(&im->core, IMAGE_NOTE, IMAGE_NOTE_SOURCES, &sources) &&
	       are_unchanged(&sources);
}

/* --- start --- */

static int prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

/* What is there already (this program, what the kernel put in place) is not mapped over. */
static bool map(uint64_t start, uint64_t size, uint32_t flags, int more, int fd, uint64_t offset)
{
	return size == 0 ||
	       CALL(mmap, start, size, prot_of(flags), MAP_PRIVATE | MAP_FIXED_NOREPLACE | more, fd,
		       offset) == (long)start;
}

static bool map_segments(const struct image *im)
{
	struct elfcore_segment s;
	size_t at = 0;

	while (elfcore_next_segment(&im->core, &at, &s)) {
		if (s.offset + s.filled > im->size)
			return false;
		if (!map(s.start, s.filled, s.flags, 0, im->fd, s.offset) ||
			!map(s.start + s.filled, s.size - s.filled, s.flags,
				MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
			return false;
	}
	return true;
}

/* A page fault costs several times of what is done in it. Older kernels refuse the advice. */
static void touch(const struct elfcore *core)
{
	struct elfcore_note note;

	if (!elfcore_find_note(core, IMAGE_NOTE, IMAGE_NOTE_TOUCHED, &note))
		return;
	for (size_t i = 0; i < note.len / sizeof(struct image_touched); i++) {
		struct image_touched t;

		__builtin_memcpy(&t, (const char *)note.data + i * sizeof(t), sizeof(t));
		if (t.pages == 0)
			return;
		CALL(madvise, t.start, (uint64_t)t.pages * ELFCORE_PAGE,
			t.changed ? MADV_POPULATE_WRITE : MADV_POPULATE_READ, 0, 0, 0);
	}
}

static void tell_kernel(const struct image_process *p)
{
	int tid;

	CALL(arch_prctl, ARCH_SET_FS, p->thread_pointer, 0, 0, 0, 0);
	tid = (int)CALL(set_tid_address, p->tid_address, 0, 0, 0, 0, 0);
	*(volatile int *)p->tid_address = tid;
	CALL(set_robust_list, p->robust_head, p->robust_len, 0, 0, 0, 0);
	if (p->rseq_len)
		CALL(rseq, p->rseq, p->rseq_len, 0, RSEQ_SIGNATURE, 0, 0);
}

static _Noreturn void jump(const void *regs, char **argv)
{
	__asm__ volatile("mov 0(%0), %%r15\n"
			 "mov 8(%0), %%r14\n"
			 "mov 16(%0), %%r13\n"
			 "mov 24(%0), %%r12\n"
			 "mov 32(%0), %%rbp\n"
			 "mov 40(%0), %%rbx\n"
			 "mov 152(%0), %%rsp\n"
			 "jmp *128(%0)\n"
			 :
			 : "D"(regs), "a"(argv)
			 : "memory");
	__builtin_unreachable();
}

_Noreturn void loader_main(long *stack);

__attribute__((used)) _Noreturn void loader_main(long *stack)
{
	static struct image im;
	char **argv = (char **)(stack + 1);
	const long argc = *stack;

	if (argc > 2 && open_image(&im, argv[1]) && map_segments(&im)) {
		CALL(close, im.fd, 0, 0, 0, 0, 0);
		touch(&im.core);
		tell_kernel(&im.process);
		jump(&im.status.pr_reg, argv + 2);
	}
	/* Whatever is mapped by now goes with this. */
	if (argc > 2)
		CALL(execve, argv[2], argv + 2, argv + argc + 1, 0, 0, 0);
	say("aworker-loader: ", argc > 2 ? "the program cannot be executed"
					 : "usage: aworker-loader IMAGE PROGRAM [ARG]...");
	CALL(exit_group, argc > 2 ? EXIT_NO_PROGRAM : EXIT_USAGE, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

/* A stack of our own: the kernel's may be where the image has something. */
__attribute__((used)) static char stack_of_ours[64 << 10] __attribute__((aligned(16)));

__asm__(".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	lea stack_of_ours + (64 << 10)(%rip), %rsp\n"
	"	call loader_main\n");
