/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, unpacked when gzip has packed them. */
#ifndef SEED_NOSLATED_SIM_INPUT_H
#define SEED_NOSLATED_SIM_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define INPUT_MAX ((size_t)4 << 30) /* bytes, unpacked */

/* The content, malloc'd. A packed file that ends early is an error. */
int input_read(const char *path, char **ret, size_t *ret_len, struct err *err);
/* The path of `prefix` and `suffix`, or the same with ".gz" when only that is there; malloc'd. */
int input_find(const char *prefix, const char *suffix, char **ret, struct err *err);
/* Of a directory that holds one file of which the name ends so (or with ".gz" behind), the path before it. */
int input_prefix(const char *directory, const char *suffix, char **ret, struct err *err);
bool input_is_directory(const char *path);

#endif
