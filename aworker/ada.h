/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C interface of ada, the WHATWG URL parser inside libnode, as far as it is
 * used here. Debian ships the library without this header; the symbols are the
 * same in libnode108 (ada 2.7) and libnode115 (ada 2.9).
 *
 * Every ada_url that was returned is given to ada_free(), valid or not. Strings
 * are borrowed from it and change with every setter.
 */
#ifndef AWORKER_ADA_H
#define AWORKER_ADA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void *ada_url;

typedef struct {
	const char *data;
	size_t length;
} ada_string;

typedef struct {
	const char *data;
	size_t length;
} ada_owned_string;

/* Offsets into href; UINT32_MAX for a port, search or hash that is not there. */
typedef struct {
	uint32_t protocol_end;
	uint32_t username_end;
	uint32_t host_start;
	uint32_t host_end;
	uint32_t port;
	uint32_t pathname_start;
	uint32_t search_start;
	uint32_t hash_start;
} ada_url_components;

ada_url ada_parse(const char *input, size_t length);
ada_url ada_parse_with_base(
	const char *input, size_t input_length, const char *base, size_t base_length);
bool ada_can_parse(const char *input, size_t length);
bool ada_can_parse_with_base(
	const char *input, size_t input_length, const char *base, size_t base_length);
void ada_free(ada_url url);
void ada_free_owned_string(ada_owned_string owned);
bool ada_is_valid(ada_url url);

ada_string ada_get_href(ada_url url);
ada_owned_string ada_get_origin(ada_url url);
const ada_url_components *ada_get_components(ada_url url);

bool ada_set_href(ada_url url, const char *input, size_t length);
bool ada_set_host(ada_url url, const char *input, size_t length);
bool ada_set_hostname(ada_url url, const char *input, size_t length);
bool ada_set_protocol(ada_url url, const char *input, size_t length);
bool ada_set_username(ada_url url, const char *input, size_t length);
bool ada_set_password(ada_url url, const char *input, size_t length);
bool ada_set_port(ada_url url, const char *input, size_t length);
bool ada_set_pathname(ada_url url, const char *input, size_t length);
void ada_set_search(ada_url url, const char *input, size_t length);
void ada_set_hash(ada_url url, const char *input, size_t length);

#endif
