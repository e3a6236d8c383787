/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process, which stands still, on its way to an ELF core: what it has mapped,
 * what its memory holds, and the segments that are made of it. What of it all is saved
 * is the business of image_write.c and state_write.c.
 */
#ifndef SEED_CORE_FILE_H
#define SEED_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "runtime/base/elfcore.h"
#include "runtime/base/err.h"

struct buf;

/* What an engine that has warmed up maps is some hundred. */
#define CORE_REGIONS_MAX  4096
#define CORE_SEGMENTS_MAX 16384

/* How much is read and looked at in one piece. */
#define CORE_PIECE ((size_t)1 << 20)

struct core_region {
	uint64_t start, end, offset;
	uint64_t inode;		/* 0: of no file */
	uint32_t flags;		/* PF_* */
	const char *path;	/* NULL: of no file */
	bool is_stack, is_heap; /* those that the kernel made */
};

struct core_file {
	char *maps; /* owned; regions point into it */
	struct core_region regions[CORE_REGIONS_MAX];
	size_t n_regions;
	struct elfcore_segment segments[CORE_SEGMENTS_MAX];
	size_t n_segments;
	int memory;  /* /proc/PID/mem */
	int pagemap; /* /proc/PID/pagemap */
	unsigned char piece[CORE_PIECE];
};

/*
 * Looks at what `pid` has mapped, but for what the kernel maps into every process.
 * -ENOTSUP for shared memory, which would tie copies together.
 */
int core_open(pid_t pid, struct core_file **ret, struct err *err);
void core_close(struct core_file *c);

/* Into `piece`; `len` is at most CORE_PIECE. */
int core_read(struct core_file *c, uint64_t start, size_t len, struct err *err);

bool core_is_zero(const unsigned char *data, size_t len);

/* Appends to the last segment what is of its kind and lies behind it. */
int core_add(struct core_file *c, uint64_t start, uint64_t size, bool filled, uint32_t flags,
	struct err *err);

void core_put_registers(struct buf *notes, pid_t pid, const struct user_regs_struct *regs);

/* Writes headers, notes and memory; `head`: what stands before the memory. Owned by the caller. */
int core_write(struct core_file *c, int fd, const struct buf *notes, struct buf *ret_head,
	struct err *err);

#endif
