/* SPDX-License-Identifier: Apache-2.0 */
/* `turf seed image`: the base image that workers start from where no seed forks them. */
#ifndef RUNTIME_SEED_IMAGE_H
#define RUNTIME_SEED_IMAGE_H

#include "runtime/base/err.h"

/* `action`: "rebuild", or "info" */
int seed_image(const char *action, struct err *err);

/* Those words, for completion; the array is the caller's. */
int seed_image_actions(char ***ret, struct err *err);

#endif
