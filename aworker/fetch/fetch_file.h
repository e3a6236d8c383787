/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: URLs of fetch().
 */
#ifndef AWORKER_FETCH_FETCH_FILE_H
#define AWORKER_FETCH_FETCH_FILE_H

#include <stddef.h>

#include "runtime/base/err.h"

/* The largest file. */
#define FETCH_FILE_MAX (256u << 20)

/* A file below the directory of `main_file`, whole; *ret_data is malloc'd. */
int fetch_file_read(
	const char *main_file, const char *path, char **ret_data, size_t *ret_len, struct err *err);

#endif
