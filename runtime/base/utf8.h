/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BASE_UTF8_H
#define RUNTIME_BASE_UTF8_H

#include <stddef.h>

#define UTF8_MAX	 4
#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * Length of the well-formed sequence that `s` starts with (RFC 3629: shortest
 * form, no surrogates, up to U+10FFFF), 0 when there is none in `len` bytes.
 */
size_t utf8_sequence(const char *s, size_t len);

#endif
