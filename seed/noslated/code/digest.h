/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What code is known by. Digests say what it contains, fingerprints whether it may have changed.
 *
 * A file has the SHA-256 of its bytes; so has a zip file. An OCI layout has the digest of its manifest
 * (layout.h). A directory has the SHA-256 of a text with a line for each entry below it, in the order of
 * tree.h: "d PATH\0\n", "f PATH\0HEX\n" with the SHA-256 of the file, "l PATH\0HEX\n" with that of where the
 * symbolic link points. Modes, owners and times do not count; anything else than these three is refused.
 */
#ifndef SEED_NOSLATED_CODE_DIGEST_H
#define SEED_NOSLATED_CODE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define DIGEST_PREFIX "sha256:"
#define DIGEST_HEX    64

struct digest {
	char text[sizeof(DIGEST_PREFIX) + DIGEST_HEX]; /* "sha256:..." */
};

bool digest_is_valid(const char *text);
/* Without its prefix. */
const char *digest_hex(const char *text);

void digest_bytes(const void *data, size_t len, struct digest *ret);
/*
 * What can be read from `from`, which goes to `to` as well unless that is -1. -EFBIG beyond `max` bytes.
 * `ret_size` may be NULL.
 */
int digest_copy(
	int from, int to, uint64_t max, struct digest *ret, uint64_t *ret_size, struct err *err);
int digest_tree(int dir, struct digest *ret, struct err *err);

/* Of names, kinds, inodes, sizes and times of an open file, or of all below an open directory. */
int digest_fingerprint(int fd, struct digest *ret, struct err *err);

#endif
