/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import map, as in HTML: {"imports": {NAME: ADDRESS}, "scopes": {PREFIX: {NAME: ADDRESS}}}.
 * Names and addresses that are paths are relative to the map's file; a name that ends in "/"
 * stands for all that begin with it. Other members (integrity, and what Deno has) are ignored.
 */
#ifndef AWORKER_MODULE_IMPORT_MAP_H
#define AWORKER_MODULE_IMPORT_MAP_H

#include "runtime/base/err.h"

struct import_map;

/* `text` need not outlive the call; `path` is absolute and in the errors. */
int import_map_parse(
	const char *text, size_t len, const char *path, struct import_map **ret, struct err *err);
int import_map_load(const char *path, struct import_map **ret, struct err *err);
void import_map_destroy(struct import_map *map); /* accepts NULL */

/*
 * 1: *ret (malloc'd) is the path of what `name` means to the file `referrer`. 0: the map does not
 * know it. Else a negative errno. `name` is a path where it can be one (module_path_of()).
 */
int import_map_find(const struct import_map *map, const char *name, const char *referrer,
	char **ret, struct err *err);

#endif
