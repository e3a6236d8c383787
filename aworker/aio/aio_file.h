/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AWORKER_AIO_AIO_FILE_H
#define AWORKER_AIO_AIO_FILE_H

#include <stddef.h>

#include "runtime/base/err.h"

/*
 * A whole file, before there is a loop: as file_read(), but what the page cache does not have is read
 * in pieces, all at once (aio.h).
 */
int aio_file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err);

#endif
