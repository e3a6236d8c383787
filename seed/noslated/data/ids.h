/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of requests and of traces (W3C Trace Context): taken from clients when they are sane, else made. */
#ifndef SEED_NOSLATED_DATA_IDS_H
#define SEED_NOSLATED_DATA_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDS_REQUEST_MAX 64 /* of a client's; longer ones are replaced */
#define IDS_MADE	32
#define IDS_TRACE	55 /* "00-", 32 digits, '-', 16 digits, "-00" */

struct ids {
	uint64_t state[4];
};

int ids_init(struct ids *ids);
/* 32 hexadecimal digits and a NUL. Hard to guess is what they need not be. */
void ids_make(struct ids *ids, char to[IDS_MADE + 1]);
/* A trace of this id that nobody records yet. */
void ids_make_trace(struct ids *ids, const char id[IDS_MADE], char to[IDS_TRACE + 1]);

bool ids_request_is_sane(const char *s, size_t len);
bool ids_trace_is_sane(const char *s, size_t len);

#endif
