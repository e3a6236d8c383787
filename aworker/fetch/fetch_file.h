/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: URLs of fetch().
 */
#ifndef AWORKER_FETCH_FETCH_FILE_H
#define AWORKER_FETCH_FETCH_FILE_H

#include <stdint.h>

#include "runtime/base/err.h"

/* A regular file below the directory of `main_file`, to be read; the caller closes *ret_fd. */
int fetch_file_open(
	const char *main_file, const char *path, int *ret_fd, uint64_t *ret_size, struct err *err);

#endif
