/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of another process, which stands still, as the image of image.h. */
#ifndef SEED_IMAGE_WRITE_H
#define SEED_IMAGE_WRITE_H

#include <sys/types.h>
#include <sys/user.h>

#include "runtime/base/err.h"

struct image_process;

/* Writes all that `pid` has mapped, but for what the kernel gives to every process. */
int image_write(int fd, pid_t pid, const struct user_regs_struct *regs,
	const struct image_process *process, struct err *err);

#endif
