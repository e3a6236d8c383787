/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source map (ECMA-426): from places in a generated file to those in the files that it was
 * made of. Maps come from whoever made the file and are not trusted: a bad one is an error, and
 * each of them is bounded. Maps of sections (an index) are not read; names are not used.
 */
#ifndef AWORKER_MODULE_SOURCE_MAP_H
#define AWORKER_MODULE_SOURCE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define SOURCE_MAP_TEXT_MAX	(64u << 20) /* bytes of JSON */
#define SOURCE_MAP_SEGMENTS_MAX 2000000u
#define SOURCE_MAP_SOURCES_MAX	65536u
#define SOURCE_MAP_NAME_MAX	1024u /* bytes of a source's name; longer ones are not shown */
#define SOURCE_MAP_DEPTH_MAX	64u

struct source_map;

struct source_place {
	const char *source; /* as the map names it, "sourceRoot" before it; borrowed from the map */
	uint32_t line, column; /* from 1 */
};

int source_map_parse(const char *text, size_t len, struct source_map **ret, struct err *err);
void source_map_destroy(struct source_map *map); /* accepts NULL */

/* False: the place is of no source. Lines and columns are counted from 1, as V8 does. */
bool source_map_find(
	const struct source_map *map, uint32_t line, uint32_t column, struct source_place *ret);

/* What "data:application/json;base64,..." holds; malloc'd. -EINVAL for another kind of URL. */
int source_map_of_url(
	const char *url, size_t len, char **ret_text, size_t *ret_len, struct err *err);
/*
 * The URL in the "//# sourceMappingURL=" of a script's last lines; *ret points into the text.
 * False: there is none.
 */
bool source_map_url(const char *script, size_t len, const char **ret, size_t *ret_len);

#endif
