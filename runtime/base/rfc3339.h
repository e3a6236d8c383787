/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as text (RFC 3339), in UTC. */
#ifndef RUNTIME_BASE_RFC3339_H
#define RUNTIME_BASE_RFC3339_H

#include <stdint.h>
#include <time.h>

#define RFC3339_MAX 40

/*
 * "2026-11-24T08:20:00Z", or with all nine digits of the fraction. Unlike gmtime(3) it
 * reads no file: that one looks up the local time zone first. Years 0 to 9999.
 */
char *rfc3339_seconds(int64_t seconds, char out[RFC3339_MAX]);
char *rfc3339_nanoseconds(const struct timespec *t, char out[RFC3339_MAX]);

#endif
