/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the base image of image.h out of this process, and goes on in one that was loaded. */
#ifndef AWORKER_IMAGE_IMAGE_BUILD_H
#define AWORKER_IMAGE_IMAGE_BUILD_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct worker;

/*
 * Warms up, with an engine of these flags (NULL: none), and writes the image to `path`; returns 0 or a negative errno. A process that
 * is started from the image returns from here, too, into resumed(): with a worker that has
 * an engine, its own command line (the program's name first) and `environ` set. What it
 * returns is the exit code of that process, which ends there.
 *
 * The caller runs on a stack of stack_run(), in a process of image_without_vdso().
 */
int image_build(const char *path, const char *v8_options, void *stack_low,
	int (*resumed)(struct worker *w, const char *const *argv), struct err *err);

struct image_process;

/* The base image that this process was started from; NULL: from none. */
const struct image_process *image_origin(void);

/* False in a process that was told where its vdso is: libc would keep that address. */
bool image_can_build(void);

/*
 * Executes this program anew with the same arguments, next to no environment, and no word
 * of a vdso; *ret_code is its exit code.
 */
int image_without_vdso(char *const *argv, int *ret_code, struct err *err);

#endif
