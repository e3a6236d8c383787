/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of NAME=VALUE lines, as many tools call .env:
 *
 *   # a comment
 *   A=plain text, without blanks around it   # and a comment behind it
 *   export B='as it is, perhaps in several lines'
 *   C="with \n \r \t \" \\ and \$"
 *
 * Nothing is expanded. Of two lines with one name the later counts.
 */
#ifndef AWORKER_ENV_FILE_H
#define AWORKER_ENV_FILE_H

#include "runtime/base/err.h"

#define ENV_FILE_MAX (128u << 10) /* bytes */

/*
 * The variables of the text, "NAME=VALUE" each, behind those of `env` (NULL-terminated), which a
 * file does not change. *ret is for strv_free(). `name` of the file is in errors: "name:3: ...".
 */
int env_file_parse(const char *text, size_t len, const char *name, const char *const *env,
	char ***ret, struct err *err);
int env_file_load(const char *path, const char *const *env, char ***ret, struct err *err);

#endif
