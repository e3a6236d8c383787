/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Index and manifest of OCI layouts: whatever the bytes, reading ends in a sentence, or in blobs whose names
 * lead nowhere else and whose sizes are within bounds.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "seed/noslated/code/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_blob(const struct layout_blob *b, uint64_t max)
{
	require(digest_is_valid(b->digest.text) && b->size <= max);
}

static void read_index(const char *text, size_t size, const char *wanted)
{
	struct err err = ERR_INIT;
	struct layout_choice c;

	if (layout_read_index(text, size, wanted, &c, &err) < 0) {
		require(err.code != 0 && err.msg[0]);
		return;
	}
	check_blob(&c.blob, CODE_MANIFEST_MAX);
	require(c.is_index || !wanted || c.is_wanted);
	require(!c.is_wanted || strcmp(c.blob.digest.text, wanted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char wanted[] =
		"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	static struct layout l;
	struct err err = ERR_INIT;
	const char *text = (const char *)data;

	read_index(text, size, NULL);
	read_index(text, size, wanted);
	if (layout_read_manifest(text, size, &l, &err) < 0) {
		require(err.code != 0 && err.msg[0]);
		return 0;
	}
	require(l.n >= 1 && l.n <= CODE_LAYERS_MAX);
	for (size_t i = 0; i < l.n; i++)
		check_blob(&l.layers[i].blob, CODE_ARCHIVE_MAX);
	return 0;
}
