/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source maps as whoever made a bundle wrote them: parsed, then asked for places. What is found
 * must be of a source that has a name without control characters, which goes to terminals.
 */
#include <stdint.h>
#include <stdlib.h>

#include "aworker/module/source_map.h"
#include "runtime/base/util.h"

#define LINES_ASKED   8
#define COLUMNS_ASKED 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct source_map *map)
{
	struct source_place at;

	for (uint32_t line = 0; line < LINES_ASKED; line++) {
		for (uint32_t column = 0; column < COLUMNS_ASKED; column++) {
			if (!source_map_find(map, line, column, &at))
				continue;
			if (line == 0 || column == 0 || at.line == 0 || at.column == 0)
				abort();
			for (const char *p = at.source; *p; p++)
				if ((unsigned char)*p < 0x20)
					abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as long, so that ASan sees every overrun. */
	char *text = malloc(size ? size : 1);
	struct source_map *map = NULL;
	struct err err = ERR_INIT;
	const char *url;
	char *decoded;
	size_t len;

	if (!text)
		return 0;
	memcpy(text, data, size);
	if (source_map_parse(text, size, &map, &err) == 0)
		look(map);
	source_map_destroy(map);
	if (source_map_url(text, size, &url, &len) &&
		source_map_of_url(url, len, &decoded, &len, &err) == 0)
		free(decoded);
	free(text);
	return 0;
}
