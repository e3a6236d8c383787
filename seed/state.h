/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A state image: a worker that has run its user's code and stands where it would begin to
 * serve, as the difference to the base image (image.h) that it was started from. An ELF
 * core, too: its segments hold what was changed and what is new.
 *
 * A process of the same base image maps it over itself, when its sandbox is closed and
 * its privileges are gone, and goes on as the other. Nothing of an image is believed but
 * the form of its headers: whoever made it can at most harm the sandbox it is mapped in.
 */
#ifndef SEED_STATE_H
#define SEED_STATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "runtime/base/err.h"
#include "seed/image.h"

#define STATE_NOTE	"turf"
#define STATE_NOTE_HEAD 0x111 /* one struct state_head */
#define STATE_NOTE_BASE 0x112 /* struct state_range, one after the other: what the base has */
#define STATE_NOTE_GONE 0x113 /* the same: what of that is there no more */
#define STATE_NOTE_LOOK 0x114 /* the same: where the base's memory may be changed, a few spans */

#define STATE_VERSION 2

/* Mappings that one is made of, so that a start stays cheap; reached by saving gaps, too. */
#define STATE_EXTENTS 100

/* Memory that one holds, in bytes. */
#define STATE_MEMORY_MAX (2ull << 30)

/* Headers and notes of one, in bytes. */
#define STATE_HEAD_MAX IMAGE_HEAD_MAX

struct state_head {
	uint32_t version;		  /* STATE_VERSION */
	unsigned char base[IMAGE_ID_LEN]; /* image_process.id */
};

struct state_range {
	uint64_t start, size;
};

/* --- making one --- */

/*
 * Writes the state of `pid`, which stands still and was started from the base image `id` of
 * the file `base_fd`, itself or the process that it is a fork of. `regs`: where it goes on.
 * -ESTALE when the file is another image, -E2BIG beyond STATE_MEMORY_MAX.
 */
int state_write(int fd, pid_t pid, const struct user_regs_struct *regs, int base_fd,
	const unsigned char id[IMAGE_ID_LEN], struct err *err);

/* --- going on from one --- */

struct state; /* an image on its way into this process */

/*
 * For state_open(): the memory that this process has changed is looked up in it. `proc_fd`:
 * the host's /proc; -1: where it usually is. A descriptor, or a negative errno.
 */
int state_pagemap(int proc_fd, struct err *err);

/*
 * Reads the headers of the image `fd` (borrowed until state_go()) and maps what the base has
 * nothing in place of. `base`: what this process was started from.
 */
int state_open(int fd, int pagemap_fd, const struct image_process *base, struct state **ret,
	struct err *err);

/* Undoes it. Accepts NULL. */
void state_close(struct state *s);

/* Zeroed memory that outlives state_go(), once the image is open; NULL when none is left. */
void *state_room(size_t size);

/*
 * Becomes the process of the image, whose image_point() returns `word`. Descriptors and
 * mappings that the image knows nothing of stay. Uses no libc and no stack of the image.
 */
_Noreturn void state_go(struct state *s, uintptr_t word);

/*
 * Notes where its caller stands. Returns 0, and once more, `word`, in each process that goes
 * on from an image with these registers.
 */
uintptr_t image_point(struct user_regs_struct *regs) __attribute__((returns_twice));

#endif
