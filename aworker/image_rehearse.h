/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first start from a new image: it shows that the image works, and which memory every
 * start will touch.
 */
#ifndef AWORKER_IMAGE_REHEARSE_H
#define AWORKER_IMAGE_REHEARSE_H

#include <stdint.h>

#include "runtime/base/err.h"

struct worker;

/* The argument of a process that is started for it; a descriptor follows. */
#define IMAGE_OPTION_REHEARSE "--image-rehearse="

/*
 * Starts the image at `path` and writes what it touched to `offset` of its file. -EIO when
 * the image does not start or does not answer.
 */
int image_rehearse(const char *path, int image_fd, uint64_t offset, struct err *err);

/* The started process; returns its exit code. */
int image_run_rehearsal(struct worker *w, const char *fd);

#endif
