/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a base or state image is still what was written: XXH3, 128 bits, of the whole file. */
#ifndef SEED_IMAGE_DIGEST_H
#define SEED_IMAGE_DIGEST_H

#include "runtime/base/err.h"

struct stat;

/* Notes the digest in a file that is complete and has an empty note for it. */
int image_seal(int fd, struct err *err);

/*
 * -EBADMSG when the file has changed since. Reads all of it once per boot, or each time
 * where that cannot be noted (paths_verified_dir()). `file`: of this descriptor.
 */
int image_check_once(int fd, const struct stat *file, struct err *err);

#endif
