/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf seed image`: the base image that workers start from where no seed forks them, and the
 * state images of workers that have run their code.
 */
#ifndef RUNTIME_SEED_IMAGE_H
#define RUNTIME_SEED_IMAGE_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct globals;

/* What `build` runs, and for whom (NULL: as without an option). */
struct seed_image_options {
	const char *bundle, *tenant;
	unsigned timeout_s; /* at least 1 */
	bool if_missing;    /* unasked for: with the least priority, and nothing is an error */
};

/* args: "rebuild", "info", "build", "list" or "rm NAME" */
int seed_image(const struct globals *g, const struct seed_image_options *options, char **args,
	struct err *err);

/*
 * Has one made for a bundle's worker, by a process of its own that nobody waits for. `bundle`:
 * absolute.
 */
void seed_image_build_later(const struct globals *g, const char *bundle, const char *tenant);

/* Those words, for completion; the array is the caller's. */
int seed_image_actions(char ***ret, struct err *err);

#endif
