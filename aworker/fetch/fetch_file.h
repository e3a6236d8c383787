/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: URLs of fetch().
 */
#ifndef AWORKER_FETCH_FETCH_FILE_H
#define AWORKER_FETCH_FETCH_FILE_H

#include <stdint.h>

#include "runtime/base/err.h"

/* The directory of the worker's file, "/" at its end; malloc'd, NULL without memory. */
char *fetch_file_root(const char *main_file);
/*
 * A regular file below that directory, to be read; the caller closes *ret_fd. *root_fd is -1 before
 * the first one, and then the directory, for the caller to close.
 */
int fetch_file_open(const char *root, int *root_fd, const char *path, int *ret_fd,
	uint64_t *ret_size, struct err *err);

#endif
