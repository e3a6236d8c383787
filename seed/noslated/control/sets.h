/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was applied, with its history: STATE/sets/NUMBER.HOW.json, and STATE/functions.json, a link to the one
 * that is served. Changing that link is all of a commit, so a crash or a full disk leaves the set before it.
 */
#ifndef SEED_NOSLATED_CONTROL_SETS_H
#define SEED_NOSLATED_CONTROL_SETS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define SETS_KEPT     10 /* with the one that is served */
#define SETS_HOW_MAX  16
#define SETS_TEXT_MAX (8u << 20)

struct sets {
	char dir[256], link[256];
	unsigned number; /* of the one that is served; 0: none, or one without a history */
};

struct set_entry {
	unsigned number;
	char how[SETS_HOW_MAX]; /* it came to be: "apply", "scale", "rollback", ... */
	int64_t time_s;
	size_t size;
};

/* Makes what is not there, and removes what a crash has left. */
int sets_open(struct sets *s, const char *state, struct err *err);
/* The one that is served; -ENOENT when nothing was applied yet. *ret is malloc'd. */
int sets_read_current(const struct sets *s, char **ret, size_t *ret_len, struct err *err);
/* -ENOENT: it is not kept. */
int sets_read(const struct sets *s, unsigned number, char **ret, size_t *ret_len, struct err *err);
/* The next one, which is served from now on. When this fails nothing has changed. */
int sets_write(struct sets *s, const char *how, const char *text, size_t len, struct err *err);
/* By number, the last one first, SETS_KEPT at most. */
int sets_list(
	const struct sets *s, struct set_entry ret[SETS_KEPT], size_t *ret_n, struct err *err);

#endif
