/* SPDX-License-Identifier: Apache-2.0 */
/* mounts[].options: one word a line. What is accepted is something the kernel can be told. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "oci-spec/mount_options.h"

#define WORDS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct mount_options *o)
{
	const uint64_t atime = MOUNT_ATTR__ATIME;

	/* Only the field of access times is cleared and set at once. */
	require((o->set & o->clr & ~atime) == 0 && (o->rec_set & o->rec_clr & ~atime) == 0);
	require(!(o->set & atime) || o->clr & atime);
	require(!(o->rec_set & atime) || o->rec_clr & atime);
	require(o->n_propagation <= MOUNT_PROPAGATION_MAX && o->n_data <= MOUNT_DATA_MAX);
	require(o->n_foreign <= o->n_data);
	for (size_t i = 0; i < o->n_propagation; i++) {
		unsigned kind = o->propagation[i] & ~(unsigned)MS_REC;

		require(kind && (kind & (kind - 1)) == 0);
	}
	require(!(o->copyup && o->bind) && (o->idmap == MOUNT_IDMAP_NONE || o->bind));
	require(!o->recursive || o->bind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *words[WORDS_MAX + 1] = {NULL};
	char *text = calloc(1, size + 1);
	struct mount_options o;
	struct err err = ERR_INIT;
	char *save = NULL;
	size_t n = 0;

	require(text);
	memcpy(text, data, size);
	for (char *w = strtok_r(text, "\n", &save); w && n < WORDS_MAX;
		w = strtok_r(NULL, "\n", &save))
		words[n++] = w;
	if (mount_options_parse(words, &o, &err) == 0)
		check(&o);
	else
		require(err.code > 0 && err.msg[0]);
	free(text);
	return 0;
}
