/* SPDX-License-Identifier: Apache-2.0 */
/* The first start from a new image: it shows that the image works. */
#ifndef AWORKER_IMAGE_IMAGE_REHEARSE_H
#define AWORKER_IMAGE_IMAGE_REHEARSE_H

#include "runtime/base/err.h"

/* The argument of a process that is started for it. */
#define IMAGE_OPTION_REHEARSE "--image-rehearse"

/* Starts the image at `path`. -EIO when that fails, or does not answer a request. */
int image_rehearse(const char *path, struct err *err);

#endif
