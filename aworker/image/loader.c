/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aworker-loader IMAGE|fd:N PROGRAM [ARG]...
 *
 * Starts a worker from a base image (image.h): maps it, tells the kernel of its thread,
 * and jumps. Static and without libc, so that nothing stands between execve and that. Where
 * the image is of no use (none there, of another host, of an older program), it executes
 * PROGRAM with the same arguments, which comes to the same, later. A descriptor is taken as
 * it is: whoever hands it over has looked.
 *
 * Linked to an address where no image lies: only programs that are not position independent
 * are that low.
 */
#include <asm/prctl.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/utsname.h>

#include "runtime/base/elfcore.h"
#include "seed/image.h"
#include "seed/raw.h"

/* As aworker ends for a wrong command line, and without an engine. */
#define EXIT_USAGE	2
#define EXIT_NO_PROGRAM 5

/* Behind the last digit that counts tries. */
#define TRIES_END '9'

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

static void say(const char *line)
{
	RAW_CALL(write, 2, line, strlen(line), 0, 0, 0);
	RAW_CALL(write, 2, "\n", 1, 0, 0, 0);
}

/* --- is it of use? --- */

static unsigned char head[IMAGE_HEAD_MAX];

struct image {
	int fd;
	uint64_t size;
	struct elfcore core;
	struct elf_prstatus status;
	struct image_process process;
};

static bool open_file(struct image *im, const char *path)
{
	struct stat st;

	im->fd = (int)RAW_CALL(open, path, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
	return im->fd >= 0 && RAW_CALL(fstat, im->fd, &st, 0, 0, 0, 0) == 0 &&
	       image_is_trusted(&st, (unsigned)RAW_CALL(geteuid, 0, 0, 0, 0, 0, 0));
}

/*
 * How much stands before the memory; 0 for what is no image of ours, which has one header
 * of notes and then those of memory. Reading more than that costs a page fault a page.
 */
static size_t head_length(int fd)
{
	struct {
		Elf64_Ehdr file;
		Elf64_Phdr notes, first;
	} begin;

	if (RAW_CALL(pread64, fd, &begin, sizeof(begin), 0, 0, 0) != sizeof(begin) ||
		begin.first.p_type != PT_LOAD || begin.first.p_offset > sizeof(head))
		return 0;
	return begin.first.p_offset;
}

static bool read_head(struct image *im)
{
	long n = RAW_CALL(pread64, im->fd, head, head_length(im->fd), 0, 0, 0);
	struct stat st;

	if (RAW_CALL(fstat, im->fd, &st, 0, 0, 0, 0) < 0)
		return false;
	im->size = (uint64_t)st.st_size;
	return n > 0 && !elfcore_open(&im->core, head, (size_t)n) &&
	       image_take_note(&im->core, "CORE", NT_PRSTATUS, &im->status, sizeof(im->status)) &&
	       image_take_note(&im->core, IMAGE_NOTE, IMAGE_NOTE_PROCESS, &im->process,
		       sizeof(im->process));
}

static bool fits(const struct image *im)
{
	struct elfcore_note note;
	struct image_source s;
	struct utsname host;
	struct stat st;
	size_t n = 0;

	if (RAW_CALL(uname, &host, 0, 0, 0, 0, 0) < 0 || !image_is_of_host(&im->process, &host) ||
		!elfcore_find_note(&im->core, IMAGE_NOTE, IMAGE_NOTE_SOURCES, &note))
		return false;
	for (; image_source_at(&note, n, &s); n++)
		if (RAW_CALL(stat, s.path, &st, 0, 0, 0, 0) < 0 || !image_source_is(&s, &st))
			return false;
	return n > 0;
}

/* Who hands over a descriptor has looked (image_open_base()). */
static bool open_image(struct image *im, const char *name)
{
	if (name[0] != 'f' || name[1] != 'd' || name[2] != ':')
		return open_file(im, name) && read_head(im) && fits(im);
	for (name += 3; *name >= '0' && *name <= '9'; name++)
		im->fd = im->fd * 10 + (*name - '0');
	return *name == '\0' && read_head(im);
}

/* --- start --- */

static int prot_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

/* What is there already (this program, what the kernel put in place) is not mapped over. */
static long map(uint64_t start, uint64_t size, uint32_t flags, int more, int fd, uint64_t offset)
{
	long r = size == 0 ? 0
			   : RAW_CALL(mmap, start, size, prot_of(flags),
				     MAP_PRIVATE | MAP_FIXED_NOREPLACE | more, fd, offset);

	return r == (long)start ? 0 : r;
}

/* 0, or a negative errno. */
static long map_segments(const struct image *im)
{
	struct elfcore_segment s;
	size_t at = 0;
	long r = 0;

	while (r == 0 && elfcore_next_segment(&im->core, &at, &s)) {
		if (s.offset + s.filled > im->size)
			return -EINVAL;
		r = map(s.start, s.filled, s.flags, 0, im->fd, s.offset);
		if (r == 0)
			r = map(s.start + s.filled, s.size - s.filled, s.flags,
				MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	return r;
}

static uint64_t end_of(char *const *v)
{
	const char *last = *v;

	while (*v)
		last = *v++;
	return (uint64_t)(last + strlen(last) + 1);
}

/*
 * Whose memory ends where, and that the command line is the worker's. There is to be no heap
 * at the break: where that is differs from one process to the next, and a state image
 * (state.h) has to fit all of them. Where the program's code is it cannot grow, so malloc()
 * maps what it wants.
 */
static void tell_addresses(const struct image_process *p, long *stack, char **argv, char **envp)
{
	const struct prctl_mm_map map = {
		.start_code = p->code_start,
		.end_code = p->code_end,
		.start_data = p->data_start,
		.end_data = p->data_end,
		.start_brk = p->code_start,
		.brk = p->code_start,
		.start_stack = (uint64_t)stack,
		.arg_start = (uint64_t)argv[0],
		.arg_end = end_of(argv),
		.env_start = *envp ? (uint64_t)*envp : end_of(argv),
		.env_end = *envp ? end_of(envp) : end_of(argv),
		.exe_fd = (__u32)-1,
	};

	RAW_CALL(prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0, 0);
}

static void tell_thread(const struct image_process *p)
{
	int tid;

	RAW_CALL(arch_prctl, ARCH_SET_FS, p->thread_pointer, 0, 0, 0, 0);
	tid = (int)RAW_CALL(set_tid_address, p->tid_address, 0, 0, 0, 0, 0);
	*(volatile int *)p->tid_address = tid;
	RAW_CALL(set_robust_list, p->robust_head, p->robust_len, 0, 0, 0, 0);
	if (p->rseq_len)
		RAW_CALL(rseq, p->rseq, p->rseq_len, 0, RSEQ_SIGNATURE, 0, 0);
}

/*
 * The kernel put something where the image has to be, once in some ten thousand starts. It
 * will be elsewhere next time. The first argument counts.
 */
static void try_again(char **argv, char **envp)
{
	char tries[2] = {argv[0][0] >= '1' && argv[0][0] < TRIES_END ? argv[0][0] : '0', '\0'};

	if (tries[0]++ == TRIES_END - 1)
		return;
	argv[0] = tries;
	RAW_CALL(execve, "/proc/self/exe", argv, envp, 0, 0, 0);
}

_Noreturn void loader_main(long *stack);

__attribute__((used)) _Noreturn void loader_main(long *stack)
{
	static struct image im;
	char **argv = (char **)(stack + 1);
	const long argc = *stack;
	char **envp = argv + argc + 1;

	if (argc <= 2) {
		say("usage: aworker-loader IMAGE PROGRAM [ARG]...");
		RAW_CALL(exit_group, EXIT_USAGE, 0, 0, 0, 0, 0);
	}
	if (open_image(&im, argv[1])) {
		long r = map_segments(&im);

		if (r == 0) {
			RAW_CALL(close, im.fd, 0, 0, 0, 0, 0);
			tell_addresses(&im.process, stack, argv + 2, envp);
			tell_thread(&im.process);
			raw_jump(&im.status.pr_reg, (unsigned long)(argv + 2));
		}
		if (r == -EEXIST)
			try_again(argv, envp);
	}
	RAW_CALL(execve, argv[2], argv + 2, envp, 0, 0, 0);
	/* Who names no program knows what to do. */
	if (*argv[2])
		say("aworker-loader: neither image nor program can be started");
	RAW_CALL(exit_group, EXIT_NO_PROGRAM, 0, 0, 0, 0, 0);
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
