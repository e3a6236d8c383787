/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCI image layouts (image-spec 1.1, image-layout.md): which image of one is meant, and what it consists of.
 * Every blob is known by its digest, and what was read has it.
 */
#ifndef SEED_NOSLATED_CODE_LAYOUT_H
#define SEED_NOSLATED_CODE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/digest.h"

#define LAYOUT_MARK "oci-layout" /* the file that makes a directory one */

struct layout_blob {
	struct digest digest;
	uint64_t size;
};

struct layout_layer {
	struct layout_blob blob;
	bool zip; /* otherwise a tar file, which may be compressed, and where names may remove others */
};

struct layout {
	struct digest digest; /* of the manifest */
	struct layout_layer layers[CODE_LAYERS_MAX];
	size_t n;
};

/*
 * The image with the digest `wanted` (its own, or of the index that it is in alone), or, when that is NULL, the
 * only one there is. `dir` is the layout's directory.
 */
int layout_choose(int dir, const char *wanted, struct layout *ret, struct err *err);

/* A blob whose size is right; its digest is for whoever reads it. The descriptor, or a negative errno. */
int layout_open(int dir, const struct layout_blob *blob, struct err *err);

/* --- texts, without files --- */

struct layout_choice {
	struct layout_blob blob;
	bool is_index; /* another one, where the choice goes on */
	bool is_wanted;
};

/* What an index says. */
int layout_read_index(const char *text, size_t len, const char *wanted, struct layout_choice *ret,
	struct err *err);
/* `ret->digest` is the caller's to set. */
int layout_read_manifest(const char *text, size_t len, struct layout *ret, struct err *err);

#endif
