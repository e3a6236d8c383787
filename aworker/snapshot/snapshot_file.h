/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a user's startup snapshot: what the engine made, behind a header that says by whom and
 * of what, and that it is whole. Against accidents, that is: who can write such a file decides what
 * the worker does, as who can write its code.
 */
#ifndef AWORKER_SNAPSHOT_SNAPSHOT_FILE_H
#define AWORKER_SNAPSHOT_SNAPSHOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "seed/image.h"

/* Of the header and of what the platform does when it goes on. */
#define SNAPSHOT_FILE_VERSION 1

#define SNAPSHOT_DIGEST_LEN 16
#define SNAPSHOT_TEXT_MAX   32
#define SNAPSHOT_NAME_MAX   4096

/* The largest that is read or written. */
#define SNAPSHOT_FILE_MAX (1u << 30)

/* Who makes it, and who is to go on from it: all of it has to be the same. */
struct snapshot_maker {
	char v8[SNAPSHOT_TEXT_MAX];
	char turf[SNAPSHOT_TEXT_MAX];
	uint64_t build; /* engine_fingerprint() */
	uint32_t cpu[IMAGE_CPU_WORDS];
	uint32_t reserved;
	unsigned char flags[SNAPSHOT_DIGEST_LEN]; /* of --v8-options */
};

/* What it was made of. */
struct snapshot_source {
	unsigned char digest[SNAPSHOT_DIGEST_LEN];
	char name[SNAPSHOT_NAME_MAX]; /* absolute path */
};

/* The digest of anything. */
void snapshot_digest(const void *data, size_t len, unsigned char ret[SNAPSHOT_DIGEST_LEN]);

/* Makes or replaces the file, or leaves it as it was. */
int snapshot_file_write(const char *path, const struct snapshot_maker *maker,
	const struct snapshot_source *source, const void *blob, size_t len, struct err *err);

/* A file in memory. */
struct snapshot_file {
	char *data; /* all of it; owned */
	const struct snapshot_source *source;
	const void *blob; /* the engine's part */
	size_t len;
};

/* The error says what it is instead of a snapshot that `maker` can use: another's, damaged. */
int snapshot_file_read(const char *path, const struct snapshot_maker *maker,
	struct snapshot_file *ret, struct err *err);
/* Also one of zeros. */
void snapshot_file_finish(struct snapshot_file *f);

#endif
