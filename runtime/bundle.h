/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle: the directory with config.json and, most often, the root file system.
 */
#ifndef RUNTIME_BUNDLE_H
#define RUNTIME_BUNDLE_H

#include "runtime/base/err.h"

struct oci_config;

struct bundle {
	char *path;		   /* absolute, without symbolic links; owned */
	char *rootfs;		   /* likewise; owned */
	struct oci_config *config; /* owned */
};

/*
 * Reads and checks the configuration. `path` is a directory; `config_file` replaces
 * its config.json when it is not NULL. -ENOTSUP for what this runtime does not enforce.
 */
int bundle_load(const char *path, const char *config_file, struct bundle *ret, struct err *err);

void bundle_finish(struct bundle *b);
#define _cleanup_bundle_ _cleanup_(bundle_finish)

#endif
