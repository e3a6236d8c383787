/* SPDX-License-Identifier: Apache-2.0 */
/* Durations as Go and Kubernetes write them, of one unit: 500ms, 5s, 1m, 24h. */
#ifndef RUNTIME_BASE_DURATION_H
#define RUNTIME_BASE_DURATION_H

#include <stdint.h>

/* -EINVAL for what is no duration, -ERANGE for none at all and for more than `max_ms`. */
int duration_parse(const char *text, uint64_t max_ms, uint64_t *ret_ms);

#endif
