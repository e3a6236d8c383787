/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the name in an import means as a path. Modules are files, known by absolute paths
 * without "." and "..".
 */
#ifndef AWORKER_MODULE_MODULE_PATH_H
#define AWORKER_MODULE_MODULE_PATH_H

#include <stddef.h>

#include "runtime/base/err.h"

/* `path` beneath the directory of `dir_len` bytes unless it is absolute; malloc'd, NULL: no memory. */
char *module_path_join(const char *dir, size_t dir_len, const char *path);
/* Beneath the working directory. */
char *module_path_absolute(const char *path);
/* "file:///a%20b" of an absolute path; malloc'd. */
char *module_path_url(const char *path);
/*
 * 1: `specifier` is "./x", "../x", "/x" or a file: URL, *ret (malloc'd) is its path as the file
 * `referrer` sees it; one that is no absolute path is in the working directory. 0: it is another
 * name. Else a negative errno.
 */
int module_path_of(const char *specifier, const char *referrer, char **ret, struct err *err);

#endif
