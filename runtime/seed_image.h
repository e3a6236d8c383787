/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf seed image`: the base image that workers start from where no seed forks them, and the
 * state images of workers that have run their code.
 */
#ifndef RUNTIME_SEED_IMAGE_H
#define RUNTIME_SEED_IMAGE_H

#include "runtime/base/err.h"

struct globals;

/* args: "rebuild", "info", "build", "list" or "rm NAME"; `bundle`: what `build` runs. */
int seed_image(const struct globals *g, const char *bundle, char **args, struct err *err);

/* Those words, for completion; the array is the caller's. */
int seed_image_actions(char ***ret, struct err *err);

#endif
