/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees of files by what they were unpacked from: STATE/code/sha256/HEX, where HEX is the digest of a zip file
 * or of the manifest of an OCI layout. A tree is made in STATE/code/tmp, has reached the disk when it is given
 * its name, and never changes. What is half made, or half removed, is in tmp, which is empty at each start.
 */
#ifndef SEED_NOSLATED_CONTROL_CODE_STORE_H
#define SEED_NOSLATED_CONTROL_CODE_STORE_H

#include <limits.h>
#include <stdbool.h>

#include "runtime/base/err.h"
#include "seed/noslated/code/digest.h"

#define CODE_STORE_NAME_MAX  32
#define CODE_STORE_SWEEP_MAX 16 /* trees that go at a time; the others go next time */

struct code_store {
	char path[512];
	int fd;	    /* of the directory */
	unsigned n; /* names that were given in tmp */
};

#define CODE_STORE_INIT   \
	{                 \
		"", -1, 0 \
	}

/* Makes it below `state`, or removes what was left behind. */
int code_store_open(struct code_store *s, const char *state, struct err *err);
/* Whatever is in tmp goes. */
void code_store_close(struct code_store *s);

bool code_store_has(const struct code_store *s, const char *hex);
void code_store_path(const struct code_store *s, const char *hex, char ret[PATH_MAX]);

/* An empty directory for noslate-code, and its name ("tmp/N"). The descriptor, or a negative errno. */
int code_store_begin(struct code_store *s, char ret_name[CODE_STORE_NAME_MAX], struct err *err);
/* A file without a name. */
int code_store_scratch(struct code_store *s, struct err *err);
/* Gives what code_store_begin() made its name for good. -EEXIST, and nothing else, when there is such a tree. */
int code_store_keep(const struct code_store *s, const char *name, const char *hex, struct err *err);
/* Takes a tree away: *ret_name is where it is to be removed. */
int code_store_drop(
	struct code_store *s, const char *hex, char ret_name[CODE_STORE_NAME_MAX], struct err *err);

/* Drops trees that are not `used`, and has them removed(). */
void code_store_sweep(struct code_store *s, bool (*used)(void *arg, const char *hex),
	void (*removed)(void *arg, const char *name), void *arg);

#endif
