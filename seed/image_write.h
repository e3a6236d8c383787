/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of another process, which stands still, as the image of image.h. */
#ifndef SEED_IMAGE_WRITE_H
#define SEED_IMAGE_WRITE_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#include "runtime/base/err.h"

struct image_process;

/*
 * Writes all that `pid` has mapped, but for what the kernel gives to every process. Its
 * note of touched memory is empty, and begins at *ret_touched of the file; image_seal() is to
 * come.
 */
int image_write(int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, uint64_t *ret_touched, struct err *err);

#endif
