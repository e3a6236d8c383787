/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of bytes as Kubernetes writes them: 67108864, 64Mi, 64M. */
#ifndef RUNTIME_BASE_BYTES_H
#define RUNTIME_BASE_BYTES_H

#include <stdint.h>

/* -EINVAL for what is none, -ERANGE for more than 64 bits hold. */
int bytes_parse(const char *text, uint64_t *ret);

#endif
