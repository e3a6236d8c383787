/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A base image: the memory of a worker process that has warmed up and has not seen any
 * user's code, as an ELF core (runtime/base/elfcore.h). `aworker --build-image` makes it,
 * aworker-loader maps it and goes on where the process stood.
 *
 * An image holds code of libraries and the answers of kernel and processor to questions
 * asked at start, so it is good for one host and one build alone: its notes say which.
 * The thread's registers are in NT_PRSTATUS, what the memory was mapped from in NT_FILE,
 * and the rest in two notes of ours.
 */
#ifndef SEED_IMAGE_H
#define SEED_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/elfcore.h"

struct err;
struct stat;
struct utsname;

#define IMAGE_NOTE	   "turf"
#define IMAGE_NOTE_PROCESS 0x101 /* one struct image_process */
#define IMAGE_NOTE_SOURCES 0x102 /* struct image_source, one after the other */
#define IMAGE_NOTE_DIGEST  0x103 /* IMAGE_DIGEST_LEN bytes, image_digest.h; of state images, too */

/* Of the two structs and of what resuming expects of the loader. */
#define IMAGE_VERSION 3

/* Headers and notes of one image, in bytes. */
#define IMAGE_HEAD_MAX (256u << 10)

#define IMAGE_ID_LEN	 16
#define IMAGE_DIGEST_LEN 16
#define IMAGE_CPU_WORDS	 7
#define IMAGE_KERNEL_MAX 160
#define IMAGE_PATH_MAX	 232

struct image_process {
	uint32_t version;		/* IMAGE_VERSION */
	unsigned char id[IMAGE_ID_LEN]; /* random: no other image has it */
	/* What cpuid says in leaves 1 (ecx, edx), 7 (ebx, ecx, edx) and 0xd (eax of subleaf 0, 1). */
	uint32_t cpu[IMAGE_CPU_WORDS];
	char kernel[IMAGE_KERNEL_MAX]; /* release and version of uname(2) */
	/* What the kernel has to be told of the thread again. */
	uint64_t thread_pointer;
	uint64_t tid_address; /* where libc keeps its thread id, and the kernel clears it */
	uint64_t robust_head, robust_len;
	uint64_t rseq, rseq_len;			     /* 0: none was registered */
	uint64_t code_start, code_end, data_start, data_end; /* of the program */
};

/* A file that was mapped. When it is another one by now, so is what an image of it would hold. */
struct image_source {
	uint64_t inode, size, mtime_ns;
	char path[IMAGE_PATH_MAX];
};

/* --- is it of use? Without libc, for the loader --- */

/* The two notes that a process is made of; false when they are not there. */
bool image_take_note(
	const struct elfcore *core, const char *name, uint32_t type, void *ret, size_t len);

/* Whoever can write to a file that is executed decides what runs: root, or who is here anyway. */
bool image_is_trusted(const struct stat *file, unsigned euid);

bool image_is_of_host(const struct image_process *p, const struct utsname *host);

/* Entry `i` of the note of sources; false behind the last. */
bool image_source_at(const struct elfcore_note *note, size_t i, struct image_source *ret);
bool image_source_is(const struct image_source *source, const struct stat *file);

/* --- for the others --- */

/* Reads the beginning of an image into `head`, of IMAGE_HEAD_MAX bytes, which *ret refers to. */
int image_read_head(int fd, void *head, struct elfcore *ret, struct err *err);

/*
 * The base image of this host, to be handed to the loader; -1 when there is none that is of
 * use, with the reason in *err: also when it was made by another program than `worker`.
 * Environment TURF_BASE_IMAGE, else PATHS_BASE_IMAGE.
 */
int image_open_base(const struct stat *worker, struct err *err);

/* Whether there is one, of use or not, that the program at this absolute path made. */
bool image_base_is_by(const char *worker);

/* Reads the processor's part. */
static inline void image_read_cpu(uint32_t ret[IMAGE_CPU_WORDS])
{
#ifdef __x86_64__
	const uint32_t leaves[4][2] = {{1, 0}, {7, 0}, {0xd, 0}, {0xd, 1}};
	uint32_t r[4][4];

	for (int i = 0; i < 4; i++)
		__asm__ volatile("cpuid"
				 : "=a"(r[i][0]), "=b"(r[i][1]), "=c"(r[i][2]), "=d"(r[i][3])
				 : "a"(leaves[i][0]), "c"(leaves[i][1]));
	ret[0] = r[0][2];
	ret[1] = r[0][3];
	ret[2] = r[1][1];
	ret[3] = r[1][2];
	ret[4] = r[1][3];
	ret[5] = r[2][0];
	ret[6] = r[3][0];
#else
	for (int i = 0; i < IMAGE_CPU_WORDS; i++)
		ret[i] = 0;
#endif
}

#endif
